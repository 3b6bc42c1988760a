// The detector on the phantom: it sees grey values and a segmentation, and is scored on what was put there.
import { expect, it } from 'vitest'
import { phantomScene } from '../../../specimen/scene.ts'
import { phantomSpecimen } from '../../../specimen/specimen.ts'
import { phantomTruth } from '../../../specimen/truth.ts'
import type { PhantomSpec } from '../../../specimen/types.ts'
import { synapseMap } from '../../../kernels/synapse/map.ts'
import { scoreSynapses } from '../../../kernels/synapse/score.ts'
import { synapses } from '../../../kernels/synapse/synapse.ts'
import type { Box, Vec3 } from '../../../kernels/types.ts'
import { noise } from './synapse-volumes.ts'

const shape: Vec3 = [144, 128, 112]
const spec: PhantomSpec = {
  size: shape,
  voxelSizeNm: 10,
  seed: 6,
  calibre: [16, 30],
  voxelsPerSynapse: 80_000,
  tiles: { shape: [144, 128], overlap: 0 },
  distortion: { jitterPx: 0, rotationDeg: 0, warpPx: 0, illumination: 0, drift: 0, noise: 0 },
  defects: [],
}

/** Grey values brought to mean 129 and deviation 33, with noise of deviation 6. */
function asRendered(em: Uint8Array): Uint8Array<ArrayBuffer> {
  const mean = em.reduce((a, b) => a + b, 0) / em.length
  const deviation = Math.sqrt(em.reduce((a, b) => a + (b - mean) ** 2, 0) / em.length)
  const [a, b, c] = [1, 2, 3].map(seed => noise(shape, seed, 100)) as [Uint8Array, Uint8Array, Uint8Array]
  return new Uint8Array(em.length).map((_, i) => {
    const grain = ((a[i]! + b[i]! + c[i]! - 148.5) / 50) * 6
    return Math.max(0, Math.min(255, Math.round(129 + ((em[i]! + grain - mean) * 33) / deviation)))
  })
}

it('finds the synapses and their direction', () => {
  const scene = phantomScene(spec)
  const core: Box = { min: [0, 0, 0], max: shape }
  const { em, labels } = phantomSpecimen(spec, scene, core)
  const maps = synapseMap({ em: asRendered(em), shape, core, params: { dark: 70, surround: 80 } })
  const ids = BigUint64Array.from({ length: labels.reduce((a, b) => Math.max(a, b), 0) + 1 }, (_, i) => BigInt(i))
  const request = {
    ...maps,
    labels,
    ids,
    shape,
    origin: [0, 0, 0] as const,
    core,
    params: { minCleft: 64, minVoxels: 80 },
  }
  const { table } = synapses(request)
  const found = Array.from(table.x, (x, i) => ({
    x,
    y: table.y[i]!,
    z: table.z[i]!,
    pre: Number(table.pre[i]),
    post: Number(table.post[i]),
  }))
  const truth = phantomTruth(spec, scene).synapses
  expect(truth.length).toBeGreaterThan(12)
  // The truth leaves out synapses whose points lie outside the specimen.
  const listed: Box = { min: [8, 8, 8], max: shape.map(s => s - 8) as unknown as Vec3 }
  const scores = scoreSynapses(found, truth, 15, listed)
  expect(scores.synapseF1).toBeGreaterThan(0.9)
  expect(scores.partnerAccuracy).toBeGreaterThan(0.8)
})
