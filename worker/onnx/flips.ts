// Mirror images of a block for a model (test-time augmentation): reversed on the way in, put right on the way out, pair of voxels by pair.
import type { Flips } from '../../activities/context.ts'
import type { Box, Vec3 } from '../../domain/geometry.ts'

/** Which of the axes x, y, z are reversed. */
type Axes = readonly [boolean, boolean, boolean]

const AS_IT_IS: Axes = [false, false, false]
const ALL: Axes = [true, true, true]

/** Index of a voxel of one axis, of `n`, where that is reversed or not. */
const mirror = (reversed: boolean, n: number, v: number): number => (reversed ? n - 1 - v : v)

function reversed(data: Uint8Array, [nx, ny, nz]: Vec3, [rx, ry, rz]: Axes): Uint8Array {
  const out = new Uint8Array(data.length)
  for (let z = 0, to = 0; z < nz; z++)
    for (let y = 0; y < ny; y++, to += nx) {
      const from = nx * (mirror(ry, ny, y) + ny * mirror(rz, nz, z))
      const row = out.subarray(to, to + nx)
      row.set(data.subarray(from, from + nx))
      if (rx) row.reverse()
    }
  return out
}

/**
 * The core of what a model gave for an input of `shape` that was reversed along `axes`. A reversed axis exchanges the ends of the pairs
 * along it: what channel c says of v and v + offset then stands where v + offset lies. Where that is no voxel of the input (before `lowest`),
 * `out` stays as it is.
 */
export function crop(
  given: Uint8Array,
  [nx, ny, nz]: Vec3,
  { min, max }: Box,
  channels: number,
  axes = AS_IT_IS,
  offsets: readonly Vec3[] = [],
  out = new Uint8Array(channels * (max[0] - min[0]) * (max[1] - min[1]) * (max[2] - min[2])),
  lowest: Vec3 = [0, 0, 0],
): Uint8Array<ArrayBuffer> {
  const width = max[0] - min[0]
  for (let c = 0, to = 0; c < channels; c++) {
    const [ox, oy, oz] = offsets[c] ?? [0, 0, 0]
    const at = (a: 0 | 1 | 2, n: number, v: number, offset: number): number =>
      axes[a] ? (v + offset < lowest[a] ? -1 : mirror(true, n, v + offset)) : v
    for (let z = min[2]; z < max[2]; z++)
      for (let y = min[1]; y < max[1]; y++, to += width) {
        const [fy, fz] = [at(1, ny, y, oy), at(2, nz, z, oz)]
        if (fy < 0 || fy >= ny || fz < 0 || fz >= nz) continue
        const row = given.subarray(nx * (fy + ny * (fz + nz * c)), nx * (fy + 1 + ny * (fz + nz * c)))
        if (!axes[0]) out.set(row.subarray(min[0], max[0]), to)
        else
          for (let x = 0; x < width; x++) {
            const value = row[at(0, nx, min[0] + x, ox)]
            if (value !== undefined) out[to + x] = value
          }
      }
  }
  return out
}

/**
 * @param first what the model gave for `data` as it is, of the core. @param run the model.
 * @param made shape of what it gives; the core lies in that. @param lowest first voxel of that which is no padding
 */
export async function overFlips(
  data: Uint8Array,
  shape: Vec3,
  core: Box,
  { images, combine, offsets }: Flips,
  first: Uint8Array<ArrayBuffer>,
  run: (input: Uint8Array) => Promise<Uint8Array>,
  made = shape,
  lowest?: Vec3,
): Promise<Uint8Array<ArrayBuffer>> {
  const bit = (n: number, i: number): boolean => ((n >> i) & 1) === 1
  const others =
    images === 2 ? [ALL] : Array.from({ length: 7 }, (_, i): Axes => [bit(i + 1, 0), bit(i + 1, 1), bit(i + 1, 2)])
  const all = Uint16Array.from(first)
  for (const axes of others) {
    const given = await run(reversed(data, shape, axes))
    const seen = crop(given, made, core, offsets.length, axes, offsets, first.slice(), lowest)
    if (combine === 'mean') for (let i = 0; i < all.length; i++) all[i]! += seen[i]!
    else for (let i = 0; i < all.length; i++) all[i] = Math.min(all[i]!, seen[i]!)
  }
  return combine === 'mean' ? Uint8Array.from(all, v => Math.round(v / images)) : Uint8Array.from(all)
}
