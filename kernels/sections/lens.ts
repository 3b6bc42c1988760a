// What the lens does to every tile alike: a polynomial over the face of a tile, found from the overlaps.
import { addEntry, addRow, endRow, makeRows, solveRobustly } from './least-squares.ts'
import type { SeamMatch } from './seams.ts'
import type { TilePlace } from './section-types.ts'

/** Powers of x and y on the face of a tile, from -1 to 1: what is linear, no overlap tells from other positions of the tiles. */
const powers = [2, 3].flatMap(n => Array.from({ length: n + 1 }, (_, j) => [n - j, j] as const))
/** Pull of each tile and of each coefficient to nought, relative to one match: narrow overlaps say little of what curves across them. */
const anchor = 1e-4
const pull = 0.1

/** Where pixel (x, y) of a tile would lie without the lens, less (x, y). */
export type Lens = (x: number, y: number) => readonly [number, number]

const none: Lens = () => [0, 0]

/** The lens under which shifts of the tiles fit their matches best; none where the tiles are not of one camera. */
export function lensOf(tiles: readonly TilePlace[], matches: readonly SeamMatch[]): Lens {
  const [{ width, height }] = tiles as [TilePlace]
  if (tiles.some(t => t.width !== width || t.height !== height)) return none
  const terms = (x: number, y: number): number[] => {
    const [u, v] = [(2 * x) / (width - 1) - 1, (2 * y) / (height - 1) - 1]
    return powers.map(([i, j]) => u ** i * v ** j)
  }
  const first = tiles.length
  const rows = makeRows(first + powers.length)
  for (const m of matches) {
    const [a, b] = [tiles[m.a]!, tiles[m.b]!]
    addEntry(rows, m.b, 1)
    addEntry(rows, m.a, -1)
    const [before, after] = [terms(m.ax, m.ay), terms(m.bx, m.by)]
    powers.forEach((_, k) => addEntry(rows, first + k, after[k]! - before[k]!))
    endRow(rows, a.x + m.ax - b.x - m.bx, a.y + m.ay - b.y - m.by, m.score)
  }
  for (let i = 0; i < rows.unknowns; i++) addRow(rows, [i], [1], i < first ? anchor : pull)
  const { x, y } = solveRobustly(rows, matches, 4, 500, 1e-10, () => 1)
  const [lx, ly] = [x.subarray(first), y.subarray(first)]
  return (px, py) => {
    let [dx, dy] = [0, 0]
    for (const [k, term] of terms(px, py).entries()) {
      dx += term * lx[k]!
      dy += term * ly[k]!
    }
    return [dx, dy]
  }
}
