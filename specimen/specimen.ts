// Renders a box of the specimen: grey values and labels, a pure function of absolute voxel coordinates.
import { sizeOf, type Box } from '../kernels/types.ts'
import { makeField } from './field.ts'
import { gap } from './look.ts'
import { fieldRow, probeRow } from './probe.ts'
import { makeShader, shadeRow } from './shade.ts'
import type { PhantomScene, PhantomVolume } from './types.ts'

/**
 * Grey values and labels of a box, x fastest. The box may lie outside the specimen, in the margin. Any decomposition
 * into boxes gives the same voxels. Method: the neurites are the cells of a power diagram of their centre-line spheres
 * in a space bent by smooth noise; grey follows from the distance to the nearest boundary and from the organelles.
 */
export function phantomSpecimen(spec: { readonly seed: number }, scene: PhantomScene, box: Box): PhantomVolume {
  const [sx, sy, sz] = sizeOf(box)
  const em = new Uint8Array(sx * sy * sz)
  const labels = new Uint32Array(sx * sy * sz)
  const field = makeField(spec.seed, scene.lines, box)
  const shader = makeShader(spec.seed, scene, field, box)
  const row = fieldRow(sx)
  let at = 0
  for (let z = box.min[2]; z < box.max[2]; z++)
    for (let y = box.min[1]; y < box.max[1]; y++, at += sx) {
      probeRow(field, box.min[0], y, z, sx, row)
      for (let i = 0; i < sx; i++) labels[at + i] = row.distance[i]! < gap ? 0 : row.owner[i]!
      shadeRow(shader, row, box.min[0], y, z, sx, em, at)
    }
  return { em, labels }
}
