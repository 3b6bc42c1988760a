// The two sides of a cleft: which segments face each other across it, where, and how many vesicles each of them holds.
import type { Cleft } from './clefts.ts'
import { map3 } from '../types.ts'
import type { Vec3 } from '../types.ts'

/** Segments this near to a cleft, along each axis, touch it. */
export const contactReach = 4
/** Vesicles this near to the middle of a cleft count, voxels. */
const VESICLE_REACH = 25
const R2 = VESICLE_REACH * VESICLE_REACH
/** The point of a partner lies within this of the middle. */
const POINT_REACH = 10

export interface Side {
  readonly label: number
  /** Sum of the vesicle map over the side, in voxels of value 255, those farther away counting less. */
  vesicles: number
  /** A voxel of the segment, relative to the middle of the cleft. */
  point: Vec3
}

interface Labelled {
  readonly labels: Uint32Array
  readonly vesicles: Uint8Array
  readonly shape: Vec3
}

/**
 * The two labels other than background with most voxels beside the cleft, the larger first; ties: the lower label first.
 * Undefined if there are fewer.
 */
export function facingLabels(cleft: Cleft, { labels, shape }: Labelled, background: (label: number) => boolean) {
  const [sx, sy] = shape
  const places = Array.from(cleft.voxels, i => [i % sx, Math.floor(i / sx) % sy, Math.floor(i / (sx * sy))] as const)
  const low = (a: 0 | 1 | 2) => places.reduce((least, p) => Math.min(least, p[a]), Infinity)
  const high = (a: 0 | 1 | 2) => places.reduce((most, p) => Math.max(most, p[a]), 0)
  const min = map3(a => Math.max(0, low(a) - contactReach))
  const [nx, ny, nz] = map3(a => Math.min(shape[a] - 1, high(a) + contactReach) - min[a] + 1)
  const own = places.map(([x, y, z]) => x - min[0] + nx * (y - min[1] + ny * (z - min[2])))
  let near = new Uint8Array(nx * ny * nz)
  for (const i of own) near[i] = 1
  near = dilate(dilate(dilate(near, 1, nx), nx, ny), nx * ny, nz)
  // What lies in the cleft itself, a sliver of an oversegmentation perhaps, faces nothing.
  for (const i of own) near[i] = 0
  const contact = new Map<number, number>()
  for (let z = 0, o = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0, i = min[0] + sx * (min[1] + y + sy * (min[2] + z)); x < nx; x++, i++, o++)
        if (near[o] === 1) contact.set(labels[i]!, (contact.get(labels[i]!) ?? 0) + 1)
  const most = [...contact].filter(([label]) => !background(label)).sort((a, b) => b[1] - a[1] || a[0] - b[0])
  return most.length < 2 ? undefined : ([most[0]![0], most[1]![0]] as const)
}

/** Every voxel within reach of a contact of a set one along one axis. */
function dilate(mask: Uint8Array<ArrayBuffer>, stride: number, n: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(mask.length)
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== 1) continue
    const k = Math.floor(i / stride) % n
    for (let d = -Math.min(contactReach, k); d <= contactReach && k + d < n; d++) out[i + d * stride] = 1
  }
  return out
}

/** Vesicles and point of each label around the middle of a cleft. Undefined if a label has no voxel near it. */
export function describeSides(
  middle: Vec3,
  pair: readonly [number, number],
  volume: Labelled,
): [Side, Side] | undefined {
  const sides = pair.map(label => ({ label, vesicles: 0, n: 0, x: 0, y: 0, z: 0 }))
  const [one, two] = sides as [(typeof sides)[number], (typeof sides)[number]]
  forBall(middle, VESICLE_REACH, volume.shape, (i, x, y, z) => {
    const label = volume.labels[i]!
    const side = label === one.label ? one : label === two.label ? two : undefined
    if (!side) return
    const d = x * x + y * y + z * z
    side.vesicles += volume.vesicles[i]! * (R2 - d)
    if (d > POINT_REACH * POINT_REACH) return
    side.n++
    side.x += x
    side.y += y
    side.z += z
  })
  if (one.n === 0 || two.n === 0) return undefined
  return sides.map(({ label, vesicles, n, x, y, z }) => ({
    label,
    vesicles: vesicles / (255 * R2),
    point: nearestOf(label, middle, [x / n, y / n, z / n], volume),
  })) as [Side, Side]
}

/** The voxel of a label nearest to `target`, both relative to `middle`; of equally near ones the first in raster order. */
function nearestOf(label: number, middle: Vec3, target: Vec3, { labels, shape }: Labelled): Vec3 {
  let best: Vec3 = [0, 0, 0]
  let least = Infinity
  forBall(middle, POINT_REACH, shape, (i, x, y, z) => {
    if (labels[i] !== label) return
    const d = (x - target[0]) ** 2 + (y - target[1]) ** 2 + (z - target[2]) ** 2
    if (d >= least) return
    least = d
    best = [x, y, z]
  })
  return best
}

/** Calls `visit` for each voxel of the volume within `radius` of `middle`, in raster order, with its offset from it. */
function forBall(
  middle: Vec3,
  radius: number,
  [sx, sy, sz]: Vec3,
  visit: (i: number, x: number, y: number, z: number) => void,
): void {
  const [mx, my, mz] = middle
  for (let z = Math.max(-radius, -mz); z <= radius && mz + z < sz; z++)
    for (let y = Math.max(-radius, -my); y <= radius && my + y < sy; y++)
      for (let x = Math.max(-radius, -mx); x <= radius && mx + x < sx; x++)
        if (x * x + y * y + z * z <= radius * radius) visit(mx + x + sx * (my + y + sy * (mz + z)), x, y, z)
}
