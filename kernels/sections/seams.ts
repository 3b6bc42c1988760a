// Where neighbouring tiles show the same structure: a coarse shift per overlap, then patches along the seam.
import { median } from './least-squares.ts'
import { correlation, refinePatches } from './patch.ts'
import type { PatchRect, PatchState } from './patch.ts'
import { crop, phaseCorrelation } from './phase-correlation.ts'
import { flatPyramid, flatten } from './plane.ts'
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
  return pairs.flatMap(([a, b]) => {
    const shift = coarseShift(tiles[a]!, tiles[b]!, p)
    return shift ? consistent(matchPair(tiles[a]!, tiles[b]!, shift, p).map(m => ({ ...m, a, b }))) : []
  })
}

/** What two tiles share where pixel u of the first lies at u + v of the second, in pixels of the first. */
function shared(s: TilePlace, t: TilePlace, vx: number, vy: number) {
  const [x, y] = [Math.max(0, -vx), Math.max(0, -vy)]
  return { x, y, width: Math.min(s.width, t.width - vx) - x, height: Math.min(s.height, t.height - vy) - y }
}

/** Accepted patches of one overlap under a shift: pixel u of the first lies at u + shift of the second. */
function matchPair(
  s: SectionTile,
  t: SectionTile,
  [vx, vy]: readonly [number, number],
  p: StitchParams,
): Omit<SeamMatch, 'a' | 'b'>[] {
  const { x: x0, y: y0, width, height } = shared(s, t, vx, vy)
  // Flattened anew from what both show: at the edge of a tile its local mean would differ from that inside the other.
  const fa = flatPyramid(cut(s, x0, y0, width, height), width, height, 2)
  const fb = flatPyramid(cut(t, x0 + vx, y0 + vy, width, height), width, height, 2)
  const nx = Math.max(1, Math.floor(width / p.patchPx))
  const ny = Math.max(1, Math.floor(height / p.patchPx))
  const patches = Array.from({ length: nx * ny }, (_, k): PatchState => {
    const [i, j] = [k % nx, Math.floor(k / nx)]
    const [x, y] = [Math.floor((i * width) / nx), Math.floor((j * height) / ny)]
    const [w, h] = [Math.floor(((i + 1) * width) / nx) - x, Math.floor(((j + 1) * height) / ny) - y]
    return { x, y, width: w, height: h, vx: 0, vy: 0, score: -1 }
  })
  // The half-size image has the wider reach; small patches have too few of its pixels.
  const halves = patches.map(q => ({ ...q, x: q.x >> 1, y: q.y >> 1, width: q.width >> 1, height: q.height >> 1 }))
  refinePatches(fa[1]!, fb[1]!, halves, 12, 3)
  for (const [k, half] of halves.entries())
    if (Math.min(half.width, half.height) >= 12 && half.score >= p.minScore)
      Object.assign(patches[k]!, { vx: 2 * half.vx, vy: 2 * half.vy })
  refinePatches(fa[0]!, fb[0]!, patches, 12, 2)
  return patches
    .filter(q => q.score >= p.minScore)
    .map(q => {
      const [ax, ay] = [x0 + q.x + (q.width - 1) / 2, y0 + q.y + (q.height - 1) / 2]
      const [bx, by] = [ax + vx + q.vx, ay + vy + q.vy]
      return { ax, ay, bx, by, score: q.score, halfX: q.width / 2, halfY: q.height / 2 }
    })
}

function cut(t: SectionTile, x: number, y: number, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height)
  for (let j = 0; j < height; j++) {
    const from = (y + j) * t.width + x
    out.set(t.data.subarray(from, from + width), j * width)
  }
  return out
}

/** Coarse shifts are sought on images at most this many times halved, of overlaps that stay so wide, pixels. */
const halvings = 2
const leastAcross = 24

/** Peaks of the phase correlation of the nominal overlap, judged by the correlation of what they make overlap. */
function coarseShift(s: SectionTile, t: SectionTile, p: StitchParams): readonly [number, number] | undefined {
  const [nominalX, nominalY] = [Math.round(s.x - t.x), Math.round(s.y - t.y)]
  const overlap = shared(s, t, nominalX, nominalY)
  let level = 0
  while (level < halvings && Math.min(overlap.width, overlap.height) >> (level + 1) >= leastAcross) level++
  const unit = 1 << level
  const [a, b] = [
    strip(s, overlap, p.maxShiftPx, level),
    strip(t, { ...overlap, x: overlap.x + nominalX, y: overlap.y + nominalY }, p.maxShiftPx, level),
  ]
  const peaks = phaseCorrelation(a.overlap, b.overlap, Math.ceil(p.maxShiftPx / unit), 6)
  let best = p.minScore / 2
  let shift: readonly [number, number] | undefined
  const { width, height } = a.overlap
  const stride = width * height > 40000 ? 2 : 1
  for (const k of [{ dx: 0, dy: 0 }, ...peaks]) {
    const vx = b.left - a.left + k.dx
    const vy = b.top - a.top + k.dy
    const score = correlation(a.plane, b.plane, vx, vy, stride, (width * height) / 8)
    if (score <= best) continue
    best = score
    shift = [unit * vx + b.x - a.x, unit * vy + b.y - a.y]
  }
  return shift
}

/** A rectangle of a tile, with what a shift may bring to it, halved: from pixel (x, y) of the tile on; the overlap lies in it from (left, top) on. */
function strip(t: SectionTile, r: PatchRect, maxShiftPx: number, level: number) {
  const more = Math.ceil(maxShiftPx)
  const [x, y] = [Math.max(0, r.x - more), Math.max(0, r.y - more)]
  const [right, bottom] = [Math.min(t.width, r.x + r.width + more), Math.min(t.height, r.y + r.height + more)]
  const [width, height] = [right - x, bottom - y]
  const plane = flatten(cut(t, x, y, width, height), width, height, level)
  const [left, top] = [(r.x - x) >> level, (r.y - y) >> level]
  return { plane, x, y, left, top, overlap: crop(plane, left, top, r.width >> level, r.height >> level) }
}

/** Leaves out patches that are more than 4 px from the median shift of the nine patches nearest to them. */
function consistent(found: SeamMatch[]): SeamMatch[] {
  if (found.length < 3) return found
  return found.filter(m => {
    const near: { k: SeamMatch; d: number }[] = []
    for (const k of found) {
      const d = (k.ax - m.ax) ** 2 + (k.ay - m.ay) ** 2
      if (near.length === 9 && d >= near[8]!.d) continue
      if (near.length === 9) near.pop()
      let i = near.length
      while (i > 0 && near[i - 1]!.d > d) i--
      near.splice(i, 0, { k, d })
    }
    const dx = m.bx - m.ax - median(near.map(({ k }) => k.bx - k.ax))
    const dy = m.by - m.ay - median(near.map(({ k }) => k.by - k.ay))
    return dx * dx + dy * dy <= 16
  })
}
