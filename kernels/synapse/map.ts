// Cleft and vesicle maps by classical filters: dark plates, and light lumina in dark shells.
import { cubeSum, lumina, luminaReach, luminaScale } from './filter.ts'
import { sizeOf } from '../types.ts'
import type { Box, Vec3 } from '../types.ts'

export interface SynapseMaps {
  /** 0..255 each, of the core, x fastest. `vesicles` is high in the lumen of a vesicle. */
  readonly cleft: Uint8Array<ArrayBuffer>
  readonly vesicles: Uint8Array<ArrayBuffer>
}

/** Half sides of the cubes whose means tell a thin plate from a body. */
const FINE = 1
const COARSE = 6

/** Voxels around a block that its maps depend on. */
export const synapseMapHalo = Math.max(COARSE, luminaReach)

/** Grey levels by which a lumen must outshine its shell, and how the map grows from there. */
const LUMEN_FLOOR = 8
const LUMEN_GAIN = 60

/**
 * Cleft: darker than any membrane at the scale of its thickness, while its surround is not as dark as a mitochondrion.
 * Vesicle: lighter than a dark shell of radius 2 to 3 voxels that encloses it on all sides, which no membrane does.
 * Depends on block and halo alone. `shape` is that of `em`, x fastest; `core` is the block in voxels of `em`. A halo that
 * the dataset's bounds cut short is made up for by repeating its last voxels.
 */
export function synapseMap(request: {
  readonly em: Uint8Array
  readonly shape: Vec3
  readonly core: Box
  readonly params: {
    /** Grey value of a 3-cube mean below which a voxel may be cleft; EM normalised to mean 129, deviation 33. */
    readonly dark: number
    /** Grey value of a 13-cube mean above which darkness is a plate and no organelle. */
    readonly surround: number
  }
}): SynapseMaps {
  const { em, shape, core, params } = request
  const fine = cubeSum(em, shape, FINE)
  const coarse = cubeSum(em, shape, COARSE)
  const light = lumina(em, shape, LUMEN_FLOOR)
  const perFine = 1 / (2 * FINE + 1) ** 3
  const perCoarse = 1 / (2 * COARSE + 1) ** 3
  const [cx, cy, cz] = sizeOf(core)
  const cleft = new Uint8Array(cx * cy * cz)
  const vesicles = new Uint8Array(cleft.length)
  for (let z = 0, o = 0; z < cz; z++)
    for (let y = 0; y < cy; y++) {
      let i = core.min[0] + shape[0] * (core.min[1] + y + shape[1] * (core.min[2] + z))
      for (let x = 0; x < cx; x++, i++, o++) {
        const dark = (params.dark - fine[i]! * perFine) * 8
        const plate = (coarse[i]! * perCoarse - params.surround) / 12
        if (dark > 0 && plate > 0) cleft[o] = Math.round((dark < 255 ? dark : 255) * (plate < 1 ? plate : 1))
        if (light[i]! > 0) vesicles[o] = Math.min(255, Math.round((light[i]! / luminaScale - LUMEN_FLOOR) * LUMEN_GAIN))
      }
    }
  return { cleft, vesicles }
}
