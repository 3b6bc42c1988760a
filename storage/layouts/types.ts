// What any list of tiles comes to: where each image lies, in pixels, with what had to be assumed or left out.
import { configError, type HillockError } from '../../domain/errors.ts'

/** A tile as a layout lists it; `file` as written there, sizes where it gives them. */
export interface ListedTile {
  readonly section: number
  readonly name: string
  readonly file: string
  /** Nominal position of the first pixel, in pixels. */
  readonly x: number
  readonly y: number
  readonly width?: number | undefined
  readonly height?: number | undefined
}

export interface ParsedLayout {
  readonly kind: 'json' | 'table' | 'stitching' | 'render' | 'trakem2'
  readonly tiles: readonly ListedTile[]
  /** What was assumed, counted otherwise or left out, in words. */
  readonly notes: readonly string[]
}

export const layoutError = (name: string, why: string): HillockError => configError(`source.layout: ${name}: ${why}`)

/** x' = a x + c y + e, y' = b x + d y + f: the order of SVG, Java and TrakEM2. */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number]

export const identity: Affine = [1, 0, 0, 1, 0, 0]

/** First `p`, then `q`. */
export const andThen = (p: Affine, q: Affine): Affine => [
  q[0] * p[0] + q[2] * p[1],
  q[1] * p[0] + q[3] * p[1],
  q[0] * p[2] + q[2] * p[3],
  q[1] * p[2] + q[3] * p[3],
  q[0] * p[4] + q[2] * p[5] + q[4],
  q[1] * p[4] + q[3] * p[5] + q[5],
]

/** Stitching takes nominal positions and bends tiles by a few per cent; more than this it does not undo. */
const BENT = 0.1

/**
 * Where a tile lies nominally under an affine: its centre is where the affine puts it.
 * @returns undefined where the affine turns, scales or shears it too much to be read as a position
 */
export function nominal(t: Affine, width: number, height: number): { x: number; y: number; bent: number } | undefined {
  const bent = Math.max(Math.abs(t[0] - 1), Math.abs(t[1]), Math.abs(t[2]), Math.abs(t[3] - 1))
  if (!t.every(Number.isFinite) || bent > BENT) return undefined
  const [cx, cy] = [width / 2, height / 2]
  return { x: t[0] * cx + t[2] * cy + t[4] - cx, y: t[1] * cx + t[3] * cy + t[5] - cy, bent }
}

/** Sections as whole numbers; others are counted in their natural order, and that is noted. */
export function sectionNumbers(labels: readonly string[]): { of(label: string): number; notes: string[] } {
  const distinct = [...new Set(labels)]
  if (distinct.every(l => l.trim() !== '' && Number.isInteger(Number(l)))) return { of: Number, notes: [] }
  const sorted = distinct.sort(natural)
  const shown = sorted.length > 4 ? [...sorted.slice(0, 3), `... ${sorted.at(-1)}`] : sorted
  return {
    of: label => sorted.indexOf(label),
    notes: [`sections ${shown.join(', ')} are counted 0 to ${sorted.length - 1} in this order`],
  }
}

const collator = new Intl.Collator('en', { numeric: true })
/** Order of names with numbers in them: slice2 before slice10. */
export const natural = (a: string, b: string): number => collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)

/** Name of a tile that has only a file: its last part without the suffix. */
export const nameOfFile = (file: string): string => file.replace(/^.*[/\\]/, '').replace(/\.[A-Za-z]{3,4}$/, '')
