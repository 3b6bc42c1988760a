// Where the EM shows nothing: black outside of the tissue, which belongs to no segment.
import { alongAxes } from '../lines.ts'
import { sizeOf, type Box, type Vec3 } from '../types.ts'

/** Side in voxels of the cubes that are nothing but black there: no tissue is, and strips along the faces are narrower. */
const SIDE = 13

/** Voxels around a block that decide what of it is void. */
export const voidHalo = SIDE - 1

/**
 * Marks the voxels of the core that lie in a cube of grey 0 within the volume; null where there is none. A side that is
 * shorter than the cube, as of a dataset of few sections, needs to be black from end to end only.
 * @param em grey values, x fastest; `core` is the block in them
 */
export function voidMask(em: Uint8Array, shape: Vec3, core: Box): Uint8Array<ArrayBuffer> | null {
  const side = shape.map(n => Math.min(SIDE, n))
  const black = new Uint8Array(em.length)
  let count = 0
  for (let i = 0; i < em.length; i++) if (em[i] === 0) count += black[i] = 1
  if (count < side[0]! * side[1]! * side[2]!) return null
  // The corners of such cubes, then the cubes: of a box both go axis by axis.
  alongAxes(shape, (first, stride, length, axis) => {
    for (let q = length - 1, i = first + stride * q, run = 0; q >= 0; q--, i -= stride) {
      run = black[i] !== 0 ? run + 1 : 0
      black[i] = run >= side[axis]! ? 1 : 0
    }
  })
  if (!black.includes(1)) return null
  alongAxes(shape, (first, stride, length, axis) => {
    for (let q = 0, i = first, left = 0; q < length; q++, i += stride) {
      left = black[i] !== 0 ? side[axis]! : left - 1
      black[i] = left > 0 ? 1 : 0
    }
  })
  const [cx, cy, cz] = sizeOf(core)
  const out = new Uint8Array(cx * cy * cz)
  for (let z = 0, to = 0; z < cz; z++)
    for (let y = 0; y < cy; y++, to += cx) {
      const from = core.min[0] + shape[0] * (core.min[1] + y + shape[1] * (core.min[2] + z))
      out.set(black.subarray(from, from + cx), to)
    }
  return out.includes(1) ? out : null
}
