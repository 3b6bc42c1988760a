// The greys of the phantom: how bright each compartment is, and how a membrane fades into what it encloses.
import { unit } from './random.ts'

export const membraneGrey = 90
export const vesicleShell = 88
export const synapseGrey = 46
/** The presynaptic side is darker by this, out to this far from the edge of the cleft. */
export const cloudDepth = 14
export const cloudReach = 16
/** Mitochondria stay this far from the membrane, voxels. */
export const mitoGap = 4.5
/** Half-thickness of the unlabelled gap between neurites, voxels. */
export const gap = 1

/** Brightness of cytoplasm of a neurite: most are light, some dark. */
export function cytoplasmGrey(seed: number, id: number): number {
  const u = unit(seed, 21, id)
  return u < 0.15 ? 116 + 80 * u : 136 + 62 * (u - 0.15)
}

/** Standard deviation of the blotches of cytoplasm of a neurite, grey levels. */
export const cytoplasmContrast = (seed: number, id: number): number => 5 + 8 * unit(seed, 22, id)

export const mitochondrionGrey = (seed: number, body: number): number => 76 + 13 * unit(seed, 23, body)

export const profileSteps = 16
export const membraneReach = 7
/** Weight of membrane grey by distance to the boundary, profileSteps a voxel: about 4 voxels wide at half height. */
export const membraneProfile = Float64Array.from({ length: membraneReach * profileSteps }, (_, i) =>
  Math.exp(-(((i + 0.5) / profileSteps / 2.9) ** 1.9)),
)
