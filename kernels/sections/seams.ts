// Where neighbouring tiles show the same structure: a coarse shift per overlap, then patches along the seam.
import { median } from './least-squares.ts'
import { correlation, refinePatch } from './patch.ts'
import type { PatchState } from './patch.ts'
import { crop, phaseCorrelation } from './phase-correlation.ts'
import { flatPyramid } from './plane.ts'
import type { Plane } from './plane.ts'
import type { PatchMatch, SectionTile, StitchParams, TilePlace } from './section-types.ts'

/** A patch of an overlap, of tiles by their place in the list. */
export interface SeamMatch extends PatchMatch<number> {
  /** Half sides of the patch, pixels. */
  readonly halfX: number
  readonly halfY: number
}

/** Overlaps narrower than this say nothing, pixels. */
const narrowest = 8

/** Pairs of tiles that overlap, by their places in the list: of each the lower first, in ascending order. */
export function overlapsOf(tiles: readonly TilePlace[]): [a: number, b: number][] {
  const pairs: [number, number][] = []
  for (const [a, s] of tiles.entries())
    for (let b = a + 1; b < tiles.length; b++) {
      const t = tiles[b]!
      const w = Math.min(s.x + s.width, t.x + t.width) - Math.max(s.x, t.x)
      const h = Math.min(s.y + s.height, t.y + t.height) - Math.max(s.y, t.y)
      // Tiles that touch at a corner alone are placed better through their common neighbours.
      const enough = Math.min(s.width, s.height, t.width, t.height) / 3
      if (Math.min(w, h) >= narrowest && Math.max(w, h) >= enough) pairs.push([a, b])
    }
  return pairs
}

/** Accepted patches of some overlapping pairs, in the order of the pairs. */
export function seamMatches(
  tiles: readonly SectionTile[],
  pairs: readonly (readonly [a: number, b: number])[],
  p: StitchParams,
): SeamMatch[] {
  const planes: Plane[][] = []
  const planesOf = (i: number) => (planes[i] ??= flatPyramid(tiles[i]!.data, tiles[i]!.width, tiles[i]!.height, 2))
  return pairs.flatMap(([a, b]) => {
    const shift = coarseShift(tiles[a]!, tiles[b]!, planesOf(a), planesOf(b), p)
    return shift ? consistent(matchPair(tiles[a]!, tiles[b]!, shift, p).map(m => ({ ...m, a, b }))) : []
  })
}

/** Accepted patches of one overlap under a shift: pixel u of the first lies at u + shift of the second. */
function matchPair(
  s: SectionTile,
  t: SectionTile,
  [vx, vy]: readonly [number, number],
  p: StitchParams,
): Omit<SeamMatch, 'a' | 'b'>[] {
  // The overlap in pixels of the first.
  const x0 = Math.max(0, -vx)
  const y0 = Math.max(0, -vy)
  const width = Math.min(s.width, t.width - vx) - x0
  const height = Math.min(s.height, t.height - vy) - y0
  // Flattened anew from what both show: at the edge of a tile its local mean would differ from that inside the other.
  const fa = flatPyramid(cut(s, x0, y0, width, height), width, height, 2)
  const fb = flatPyramid(cut(t, x0 + vx, y0 + vy, width, height), width, height, 2)
  const nx = Math.max(1, Math.floor(width / p.patchPx))
  const ny = Math.max(1, Math.floor(height / p.patchPx))
  const found: Omit<SeamMatch, 'a' | 'b'>[] = []
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      const x = Math.floor((i * width) / nx)
      const y = Math.floor((j * height) / ny)
      const w = Math.floor(((i + 1) * width) / nx) - x
      const h = Math.floor(((j + 1) * height) / ny) - y
      const state: PatchState = { x, y, width: w, height: h, vx: 0, vy: 0, score: -1 }
      // The half-size image has the wider reach; small patches have too few of its pixels.
      if (Math.min(w, h) >= 24) {
        const half = { x: x >> 1, y: y >> 1, width: w >> 1, height: h >> 1, vx: 0, vy: 0, score: -1 }
        refinePatch(fa[1]!, fb[1]!, half, 12, 3)
        if (half.score >= p.minScore) {
          state.vx = 2 * half.vx
          state.vy = 2 * half.vy
        }
      }
      refinePatch(fa[0]!, fb[0]!, state, 12, 2)
      if (state.score < p.minScore) continue
      const ax = x0 + x + (w - 1) / 2
      const ay = y0 + y + (h - 1) / 2
      const bx = ax + vx + state.vx
      const by = ay + vy + state.vy
      found.push({ ax, ay, bx, by, score: state.score, halfX: w / 2, halfY: h / 2 })
    }
  return found
}

function cut(t: SectionTile, x: number, y: number, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height)
  for (let j = 0; j < height; j++) {
    const from = (y + j) * t.width + x
    out.set(t.data.subarray(from, from + width), j * width)
  }
  return out
}

/** Peaks of the phase correlation of the nominal overlap, judged by the correlation of what they make overlap. */
function coarseShift(
  s: SectionTile,
  t: SectionTile,
  pa: Plane[],
  pb: Plane[],
  p: StitchParams,
): readonly [number, number] | undefined {
  const [nominalX, nominalY] = [Math.round(s.x - t.x), Math.round(s.y - t.y)]
  const x0 = Math.max(0, -nominalX)
  const y0 = Math.max(0, -nominalY)
  const width = Math.min(s.width, t.width - nominalX) - x0
  const height = Math.min(s.height, t.height - nominalY) - y0
  const level = Math.min(width, height) >= 64 ? 1 : 0
  const unit = 1 << level
  const a = pa[level]!
  const b = pb[level]!
  const w = Math.floor(width / unit)
  const h = Math.floor(height / unit)
  const ax = Math.floor(x0 / unit)
  const ay = Math.floor(y0 / unit)
  const bx = Math.floor(Math.max(0, x0 + nominalX) / unit)
  const by = Math.floor(Math.max(0, y0 + nominalY) / unit)
  const peaks = phaseCorrelation(crop(a, ax, ay, w, h), crop(b, bx, by, w, h), Math.ceil(p.maxShiftPx / unit), 6)
  let best = p.minScore / 2
  let shift: readonly [number, number] | undefined
  const enough = (w * h) / 8
  const stride = w * h > 40000 ? 2 : 1
  for (const k of [{ dx: 0, dy: 0 }, ...peaks]) {
    const vx = bx - ax + k.dx
    const vy = by - ay + k.dy
    const score = correlation(a, b, vx, vy, stride, enough)
    if (score <= best) continue
    best = score
    shift = [unit * vx, unit * vy]
  }
  return shift
}

/** Leaves out patches that are more than 4 px from the median shift of the patches nearest to them. */
function consistent(found: SeamMatch[]): SeamMatch[] {
  if (found.length < 3) return found
  return found.filter(m => {
    const near = found
      .map(k => ({ k, d: (k.ax - m.ax) ** 2 + (k.ay - m.ay) ** 2 }))
      .sort((p, q) => p.d - q.d || p.k.ay - q.k.ay || p.k.ax - q.k.ax)
      .slice(0, 9)
    const dx = m.bx - m.ax - median(near.map(({ k }) => k.bx - k.ax))
    const dy = m.by - m.ay - median(near.map(({ k }) => k.by - k.ay))
    return dx * dx + dy * dy <= 16
  })
}
