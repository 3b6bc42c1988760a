// A dataset of any number of regions of one thin block: the least real work that a region can be.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { map3, type Box, type Vec3 } from '../../domain/geometry.ts'
import { PhantomSpec } from '../../domain/run-file/phantom.ts'
import { phantomScene } from '../../specimen/scene.ts'
import { phantomSpecimen } from '../../specimen/specimen.ts'
import { writeNpy } from '../../storage/formats/npy.ts'

/** Regions lie in a plane: a region is no smaller than a chunk, but the dataset ends after so many sections. */
const REGION: Vec3 = [64, 64, 8]
/** A specimen that is repeated, mirrored, until the dataset is full. */
const PIECE = 128

/** About so many regions in a square. */
export function cellsOf(regions: number): Vec3 {
  const side = Math.round(Math.sqrt(regions))
  return [side, Math.round(regions / side), 1]
}

const spec = PhantomSpec.parse({ size: [PIECE, PIECE, PIECE], seed: 3 })
const box: Box = { min: [0, 0, 0], max: spec.size }

/** Writes the EM of a dataset as a .npy; returns the tree of the run file that takes it as it is. */
export function thinRegions(home: string, cells: Vec3): Record<string, unknown> {
  const { em } = phantomSpecimen(spec, phantomScene(spec), box)
  const [sx, sy, sz] = map3(a => cells[a] * REGION[a])
  const mirrored = (v: number): number => {
    const at = v % (2 * PIECE)
    return at < PIECE ? at : 2 * PIECE - 1 - at
  }
  const data = new Uint8Array(sx * sy * sz)
  for (let z = 0, i = 0; z < sz; z++)
    for (let y = 0; y < sy; y++)
      for (let x = 0; x < sx; x++, i++) data[i] = em[(mirrored(z) * PIECE + mirrored(y)) * PIECE + mirrored(x)]!
  const stack = join(home, 'em.npy')
  writeFileSync(stack, writeNpy(data, [sz, sy, sx]))
  return {
    dataset: 'cells',
    voxelSizeNm: [10, 10, 10],
    model: 'models/fib-affinity',
    source: { stack },
    grid: { block: [64, 64, 64], region: [64, 64, 64] },
    stages: { align: { method: 'none' }, affinity: { halo: 8 }, supervoxel: { halo: 8 } },
  }
}
