// Cleft and vesicle maps by classical filters: small dark plates, and fields of small dark blobs.
import { boxMean } from './box-filter.ts'
import type { Box, Vec3 } from './types.ts'

export interface SynapseMapParams {
  /** Grey value of a 3-cube mean below which a voxel may be cleft; EM normalised to mean 129, deviation 33. */
  readonly dark: number
  /** Grey value of a 13-cube mean above which darkness is a plate and no organelle. */
  readonly surround: number
}

export interface SynapseMaps {
  /** 0..255 each, of the core, x fastest. */
  readonly cleft: Uint8Array
  readonly vesicles: Uint8Array
}

/** Voxels around a block that its maps depend on. */
export const synapseMapHalo = 12

/**
 * A cleft is darker than any membrane at the scale of its thickness, but its surround is not dark, as that of a mitochondrion
 * is. Vesicles are blobs of a few voxels that are darker than their surround: the mean square of that difference.
 * A function of block and halo alone.
 */
export function synapseMap(request: { em: Uint8Array; shape: Vec3; core: Box; params: SynapseMapParams }): SynapseMaps {
  const { em, shape, core, params } = request
  const fine = boxMean(em, shape, 1)
  const middle = boxMean(em, shape, 3)
  const coarse = boxMean(em, shape, 6)
  const blobs = new Float32Array(em.length)
  for (let i = 0; i < blobs.length; i++) {
    const d = Math.min(40, Math.max(0, middle[i]! - fine[i]! - 4))
    blobs[i] = d * d
  }
  const energy = boxMean(blobs, shape, 3)
  const [cx, cy, cz] = [core.max[0] - core.min[0], core.max[1] - core.min[1], core.max[2] - core.min[2]]
  const cleft = new Uint8Array(cx * cy * cz)
  const vesicles = new Uint8Array(cleft.length)
  for (let z = 0, o = 0; z < cz; z++)
    for (let y = 0; y < cy; y++)
      for (let x = 0, i = core.min[0] + shape[0] * (core.min[1] + y + shape[1] * (core.min[2] + z)); x < cx; x++, i++, o++) {
        const plate = Math.min(1, Math.max(0, (coarse[i]! - params.surround) / 12))
        cleft[o] = Math.round(Math.min(255, Math.max(0, (params.dark - fine[i]!) * 8)) * plate)
        vesicles[o] = Math.min(255, Math.round(energy[i]!))
      }
  return { cleft, vesicles }
}
