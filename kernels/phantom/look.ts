// The greys of the phantom: how bright each compartment is, and how a membrane fades into what it encloses.
import { unit } from './random.ts'

export const vesicleShell = 84
export const synapseGrey = 46
/** Half-thickness of the labelled gap between neurites, voxels. */
export const gap = 1

/** Brightness of cytoplasm of a neurite: most are light, some dark. */
export function cytoplasmGrey(seed: number, id: number): number {
  const u = unit(seed, 21, id)
  return u < 0.16 ? 116 + 90 * u : 134 + 46 * (u - 0.16)
}

/** Standard deviation of the blotches of cytoplasm of a neurite, grey levels. */
export const cytoplasmContrast = (seed: number, id: number): number => 5 + 9 * unit(seed, 22, id)

export const mitochondrionGrey = (seed: number, body: number): number => 76 + 13 * unit(seed, 23, body)

/** Steps of the membrane profile per voxel of distance. */
export const profileSteps = 16
/** Weight of membrane grey by distance to the boundary: about 4 voxels wide at half height. */
export const membraneProfile = Float64Array.from({ length: 12 * profileSteps + 1 }, (_, i) => {
  const d = i / profileSteps
  return Math.exp(-((d / 2.5) ** 2.6))
})
