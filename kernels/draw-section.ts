// Draws one section into a rectangle: where each pixel lies in the tiles, how they blend, and what grey it gets.
import { gainAt } from './illumination.ts'
import type { Illumination } from './illumination.ts'
import { latticeAt, typedLattice } from './lattice.ts'
import { edgeDistance, sampleTile } from './sample-tile.ts'
import type {
  CameraView,
  Lattice,
  Rect,
  RenderParams,
  SectionImage,
  SectionStitch,
  TileImage,
} from './section-types.ts'

/** A tile ready to be read at section coordinates. */
interface Placed {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
  /** Inverse of the linear part of its transform, and its shift. */
  readonly ia: number
  readonly ib: number
  readonly ic: number
  readonly id: number
  readonly tx: number
  readonly ty: number
  readonly mesh: Lattice<Float32Array> | null
  /** Largest displacement of the mesh along an axis, and one. */
  readonly reach: number
  readonly gain: number
  readonly view: CameraView
}

export interface Prepared {
  readonly tiles: readonly Placed[]
  readonly light: Illumination
  readonly mean: number
  readonly std: number
}

/** Transforms whose tile is not passed are left out; the order is that of the stitch, whatever the order of the tiles. */
export function prepare(tiles: readonly TileImage[], stitch: SectionStitch): Prepared {
  const images = new Map(tiles.map(t => [t.name, t]))
  const placed: Placed[] = []
  for (const { name, width, height, affine, mesh, gain, view } of stitch.transforms) {
    const image = images.get(name)
    if (!image) continue
    const [a, b, tx, c, d, ty] = affine
    const det = a * d - b * c
    placed.push({
      width,
      height,
      data: image.data,
      ia: d / det,
      ib: -b / det,
      ic: -c / det,
      id: a / det,
      tx,
      ty,
      mesh: mesh ? typedLattice(mesh) : null,
      reach: 1 + (mesh ? largest(mesh.dx, mesh.dy) : 0),
      gain,
      view,
    })
  }
  return { tiles: placed, light: stitch.illumination, mean: stitch.intensity.mean, std: stitch.intensity.std }
}

function largest(...arrays: readonly (readonly number[])[]): number {
  let most = 0
  for (const a of arrays) for (const v of a) most = Math.max(most, Math.abs(v))
  return most
}

/** Weight of a place outside the camera's view: it shows only where no other tile covers. */
const lastResort = 1e-9

/**
 * Draws the pixels (x0 .. x0 + width - 1, y) that are not done yet into `out` from `at` on, marks those that a tile covers
 * in `done` and returns how many. Each pixel is a function of its own coordinates alone.
 */
export function drawRow(
  s: Prepared,
  field: Lattice<Float32Array> | null,
  p: Pick<RenderParams, 'normalise' | 'mean' | 'std' | 'featherPx'>,
  x0: number,
  y: number,
  width: number,
  out: Uint8Array,
  done: Uint8Array,
  at: number,
): number {
  const n = s.tiles.length
  const us = new Float64Array(n)
  const vs = new Float64Array(n)
  const edges = new Float64Array(n)
  const d = new Float64Array(2)
  const section = p.normalise === 'section'
  const scale = section ? p.std / s.std : 1
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
      const t = s.tiles[k]!
      edges[k] = -1
      const qx = px - t.tx
      const qy = py - t.ty
      let u = t.ia * qx + t.ib * qy
      let v = t.ic * qx + t.id * qy
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
      const t = s.tiles[k]!
      let grey = sampleTile(t.data, t.width, t.height, us[k]!, vs[k]!)
      if (section) grey /= gainAt(s.light, t.width, t.height, us[k]!, vs[k]!) * t.gain
      sum += w * grey
      weights += w
    }
    let value = sum / weights
    if (section) value = (value - s.mean) * scale + p.mean
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
