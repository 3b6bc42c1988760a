// Draws one section into a rectangle: where each pixel lies in the tiles, how they blend, and what grey it gets.
import { edgeDistance } from './camera-view.ts'
import { gainAt } from './illumination.ts'
import { latticeAt, typedLattice } from './lattice.ts'
import { sampleTile } from './sample-tile.ts'
import type {
  Lattice,
  Rect,
  RenderParams,
  SectionImage,
  SectionStitch,
  TileImage,
  TileTransform,
} from './section-types.ts'

/** A tile ready to be read at section coordinates. */
interface Placed extends Omit<TileTransform, 'mesh'> {
  readonly data: Uint8Array
  /** Inverse of the linear part of its transform. */
  readonly inverse: readonly [number, number, number, number]
  readonly mesh: Lattice<Float32Array> | null
  /** Largest displacement of the mesh along an axis, and one. */
  readonly reach: number
}

export interface Prepared {
  readonly tiles: readonly Placed[]
  readonly stitch: SectionStitch
}

/** Transforms whose tile is not passed are left out; the order is that of the stitch, whatever the order of the tiles. */
export function prepare(tiles: readonly TileImage[], stitch: SectionStitch): Prepared {
  const images = new Map(tiles.map(t => [t.name, t.data]))
  const placed: Placed[] = []
  for (const t of stitch.transforms) {
    const data = images.get(t.name)
    if (!data) continue
    const [a, b, , c, d] = t.affine
    const det = a * d - b * c
    const mesh = t.mesh && typedLattice(t.mesh)
    placed.push({ ...t, data, inverse: [d / det, -b / det, -c / det, a / det], mesh, reach: 1 + largestOf(t.mesh) })
  }
  return { tiles: placed, stitch }
}

/** The largest displacement along an axis. */
export const largestOf = (mesh: Lattice | null): number =>
  mesh ? [...mesh.dx, ...mesh.dy].reduce((most, v) => Math.max(most, Math.abs(v)), 0) : 0

/** Weight of a place outside the camera's view: it shows only where no other tile covers. */
const lastResort = 1e-9

/**
 * Draws the pixels (x0 .. x0 + width - 1, y) that are not done yet into `out` from `at` on, marks those that a tile covers
 * in `done` and returns how many. Each pixel is a function of its own coordinates alone.
 */
export function drawRow(
  { tiles, stitch: { illumination, intensity } }: Prepared,
  field: Lattice<Float32Array> | null,
  p: Omit<RenderParams, 'fillSections'>,
  x0: number,
  y: number,
  width: number,
  out: Uint8Array,
  done: Uint8Array,
  at: number,
): number {
  const n = tiles.length
  const us = new Float64Array(n)
  const vs = new Float64Array(n)
  const edges = new Float64Array(n)
  const d = new Float64Array(2)
  const section = p.normalise === 'section'
  const scale = section ? p.std / intensity.std : 1
  let count = 0
  for (let i = 0; i < width; i++) {
    if (done[at + i] !== 0) continue
    let px = x0 + i
    let py = y
    if (field) {
      latticeAt(field, px, py, d)
      px += d[0]!
      py += d[1]!
    }
    let largest = -1
    for (let k = 0; k < n; k++) {
      const t = tiles[k]!
      edges[k] = -1
      const qx = px - t.affine[2]
      const qy = py - t.affine[5]
      let u = t.inverse[0] * qx + t.inverse[1] * qy
      let v = t.inverse[2] * qx + t.inverse[3] * qy
      if (!(u >= -t.reach && v >= -t.reach && u < t.width + t.reach && v < t.height + t.reach)) continue
      if (t.mesh) {
        latticeAt(t.mesh, u, v, d)
        u += d[0]!
        v += d[1]!
      }
      if (!(u >= -0.5 && v >= -0.5 && u < t.width - 0.5 && v < t.height - 0.5)) continue
      us[k] = u
      vs[k] = v
      const e = edgeDistance(t.view, t.width, t.height, u, v)
      edges[k] = e > lastResort ? e : lastResort
      if (edges[k]! > largest) largest = edges[k]!
    }
    if (largest < 0) continue
    // The tile seen from nearest its middle wins; tiles less than a feather behind it blend in, none of them at its own edge.
    const feather = largest < p.featherPx ? largest : p.featherPx
    let sum = 0
    let weights = 0
    for (let k = 0; k < n; k++) {
      const w = edges[k]! - largest + feather
      if (edges[k]! < 0 || w <= 0) continue
      const t = tiles[k]!
      let grey = sampleTile(t.data, t.width, t.height, us[k]!, vs[k]!)
      if (section) grey /= gainAt(illumination, t.width, t.height, us[k]!, vs[k]!) * t.gain
      sum += w * grey
      weights += w
    }
    let value = sum / weights
    if (section) value = (value - intensity.mean) * scale + p.mean
    out[at + i] = value < 0 ? 0 : value > 255 ? 255 : Math.floor(value + 0.5)
    done[at + i] = 1
    count++
  }
  return count
}

/**
 * Normalised picture of a section for matching: means of scale x scale pixels, 0 where tiles cover less than half of them.
 */
export function renderSection(
  tiles: readonly TileImage[],
  stitch: SectionStitch,
  box: Rect,
  scale: number,
): SectionImage {
  const [x0, y0] = box.min
  const width = Math.max(1, Math.floor((box.max[0] - x0) / scale))
  const height = Math.max(1, Math.floor((box.max[1] - y0) / scale))
  const prepared = prepare(tiles, stitch)
  const params = { normalise: 'section', mean: 128, std: 40, featherPx: 16 } as const
  const full = new Uint8Array(width * scale)
  const done = new Uint8Array(width * scale)
  const sums = new Float64Array(width)
  const counts = new Float64Array(width)
  const data = new Uint8Array(width * height)
  for (let j = 0; j < height; j++) {
    sums.fill(0)
    counts.fill(0)
    for (let r = 0; r < scale; r++) {
      done.fill(0)
      drawRow(prepared, null, params, x0, y0 + j * scale + r, width * scale, full, done, 0)
      for (let i = 0, k = 0; i < width; i++)
        for (let c = 0; c < scale; c++, k++)
          if (done[k] !== 0) {
            sums[i]! += full[k]!
            counts[i]!++
          }
    }
    for (let i = 0; i < width; i++)
      if (2 * counts[i]! >= scale * scale)
        data[j * width + i] = Math.max(1, Math.min(255, Math.floor(sums[i]! / counts[i]! + 0.5)))
  }
  return { data, width, height, x0, y0, scale }
}
