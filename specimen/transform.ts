// How each section was displaced on the stage: tile jitter, rotation and a smooth warp, all as truth parameters.
import { normal, unit } from './random.ts'
import type { PhantomSpec, SectionTruth } from './types.ts'

/** Distance of the nodes of the warp lattice, pixels. */
const warpSpacing = 64
/** A cubic B-spline over independent nodes has this standard deviation for nodes of 1, so that nodes are scaled up. */
const splineLoss = 0.48
const window = 4

export interface TileSlot extends Readonly<Record<'row' | 'col' | 'x' | 'y', number>> {
  readonly tile: string
}

/** Nominal places of the tiles: from (0, 0), a constant step, the last at or beyond the far faces of the specimen. */
export function tileSlots(spec: PhantomSpec): readonly TileSlot[] {
  const { shape, overlap } = spec.tiles
  const [w, h] = shape
  const count = (size: number, side: number) => Math.max(1, Math.ceil((size - overlap) / (side - overlap)))
  const out: TileSlot[] = []
  for (let row = 0; row < count(spec.size[1], h); row++)
    for (let col = 0; col < count(spec.size[0], w); col++)
      out.push({ tile: `r${row}c${col}`, row, col, x: col * (w - overlap), y: row * (h - overlap) })
  return out
}

/** A value of section z less its mean over the sections around, so that a run of sections stays about nominal. */
function aboutNominal(z: number, value: (z: number) => number): number {
  let sum = 0
  for (let k = -window; k <= window; k++) sum += value(z + k)
  return value(z) - sum / (2 * window + 1)
}

const round = (v: number): number => Math.round(v * 1e4) / 1e4 + 0

/**
 * True parameters of section z. A pixel of a tile at nominal stage position u shows the specimen at
 * p = c + R (u + d + s - c) + w(u), with c the centre of the specimen, R the rotation, d the tile's own (dx, dy),
 * s the section's shift, and w the uniform cubic B-spline over the warp lattice.
 */
export function sectionTransform(spec: PhantomSpec, z: number): SectionTruth {
  const { seed, distortion } = spec
  const [w, h] = spec.tiles.shape
  const slots = tileSlots(spec)
  const last = slots[slots.length - 1]!
  const nodes = [Math.ceil((last.x + w) / warpSpacing) + 3, Math.ceil((last.y + h) / warpSpacing) + 3] as const
  const amplitude = distortion.warpPx / splineLoss
  const lattice = (axis: number) =>
    Array.from({ length: nodes[0] * nodes[1] }, (_, i) =>
      round(amplitude * aboutNominal(z, k => normal(seed, 51 + axis, k, i))),
    )
  return {
    section: z,
    rotationDeg: round(distortion.rotationDeg * aboutNominal(z, k => 1.6 * unit(seed, 53, k) - 0.8)),
    shift: [54, 55].map(p => round(0.5 * distortion.jitterPx * aboutNominal(z, k => 2 * unit(seed, p, k) - 1))) as [
      number,
      number,
    ],
    gain: round(1 + distortion.drift * normal(seed, 56, z)),
    offset: round(60 * distortion.drift * normal(seed, 57, z)),
    warp: { spacing: warpSpacing, origin: [-warpSpacing, -warpSpacing], nodes, dx: lattice(0), dy: lattice(1) },
    tiles: slots.map(({ tile, row, col, x, y }) => ({
      tile,
      x,
      y,
      dx: round(distortion.jitterPx * (2 * unit(seed, 58, z, row, col) - 1)),
      dy: round(distortion.jitterPx * (2 * unit(seed, 59, z, row, col) - 1)),
    })),
  }
}

/** The crease of a folded section: tissue `width` wide along the line nx x + ny y = at is lost under it. */
export function foldOf(spec: PhantomSpec, section: number): { nx: number; ny: number; at: number; width: number } {
  const nx = 2 * unit(spec.seed, 61, section) - 1
  const ny = (unit(spec.seed, 62, section) < 0.5 ? -1 : 1) * Math.sqrt(1 - nx * nx)
  const x = spec.size[0] * (0.35 + 0.3 * unit(spec.seed, 63, section))
  const y = spec.size[1] * (0.35 + 0.3 * unit(spec.seed, 64, section))
  return {
    nx: round(nx),
    ny: round(ny),
    at: round(nx * x + ny * y),
    width: round(6 + 6 * unit(spec.seed, 65, section)),
  }
}
