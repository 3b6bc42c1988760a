// `node bench/kernels.ts`: kernels beside cc3d, scipy and bioimage-cpp, zmesh, tinybrain and compressed_segmentation, in one run on one core, as CPU rates.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boxAt, voxels, type Vec3 } from '../domain/geometry.ts'
import { downsampleMean, downsampleMode } from '../kernels/downsample.ts'
import { meshRegion } from '../kernels/mesh.ts'
import { agglomerate } from '../kernels/segmentation/agglomerate.ts'
import { compactIds } from '../kernels/segmentation/compact-ids.ts'
import { components } from '../kernels/segmentation/components.ts'
import { regionGraph } from '../kernels/segmentation/rag.ts'
import { globalIds, mergeTableSlice, relabelVolume } from '../kernels/segmentation/relabel.ts'
import { watershed } from '../kernels/segmentation/watershed.ts'
import { encodeCompressedSegmentation } from '../storage/formats/compressed-segmentation.ts'
import { decodeCompressedSegmentation } from '../storage/formats/decode-segmentation.ts'
import { writeNpy } from '../storage/formats/npy.ts'
import { copyOverlap } from '../storage/formats/volume.ts'
import { pythonWith } from '../test/conformance/venv.ts'
import { fib25 } from './common/fib25.ts'
import { cpuRate, table } from './common/print.ts'

execFileSync('taskset', ['-acp', '0', String(process.pid)])
const { shape, em, ids } = fib25()
const BOX = boxAt([0, 0, 0], shape)

const BLOCK: Vec3 = [160, 160, 96]
/** Affinities such as a model gives: high where the surroundings are bright. */
function affinities(): { mean: Uint8Array<ArrayBuffer>; affinity: Uint8Array<ArrayBuffer> } {
  const [w, h, d] = BLOCK
  const n = w * h * d
  const mean = new Uint8Array(n)
  for (let z = 0, i = 0; z < d; z++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++, i++) {
        let sum = 0
        for (let k = 0; k < 27; k++)
          sum += em[x + (k % 3) + shape[0] * (y + (Math.floor(k / 3) % 3) + shape[1] * (z + Math.floor(k / 9)))]!
        mean[i] = Math.round(255 / (1 + Math.exp((95 - sum / 27) / 4)))
      }
  const affinity = new Uint8Array(3 * n)
  for (const [c, stride] of [w * h, w, 1].entries())
    for (let i = 0; i < n; i++) affinity[c * n + i] = Math.min(mean[i]!, mean[Math.max(0, i - stride)]!)
  return { mean, affinity }
}

const { mean, affinity } = affinities()
const labels = Uint32Array.from(ids, id => Number(id >> 32n))
const SIDE: Vec3 = [64, 64, 64]
const chunks: BigUint64Array[] = []
for (let z = 0; z + 64 <= shape[2]; z += 64)
  for (let y = 0; y + 64 <= shape[1]; y += 64)
    for (let x = 0; x + 64 <= shape[0]; x += 64) {
      const chunk = new BigUint64Array(64 ** 3)
      copyOverlap(ids, BOX, chunk, boxAt([x, y, z], SIDE), 1)
      chunks.push(chunk)
    }
const scratch = new BigUint64Array(64 ** 3)
const coded = chunks.map(c => encodeCompressedSegmentation(c, SIDE))
const [n, codedN] = [voxels(BOX), chunks.length * 64 ** 3]
const core = boxAt([16, 16, 16], [128, 128, 64])
const block = { affinity, shape: BLOCK, core, params: { inside: 0.7, minSize: 100 } }

const fragments = watershed({ ...block, core: boxAt([0, 0, 0], BLOCK) })
const supervoxels = globalIds([0, 0, 0], fragments.count)
/** Fragments to segments: mean-affinity linkage down to 0.5. */
function segments(): BigUint64Array {
  const graph = regionGraph({ labels: fragments.labels, ids: supervoxels, affinity, shape: BLOCK, low: [0, 0, 0] })
  const edges = { ...graph.edges, threshold: new Float64Array(graph.edges.a.length).fill(0.5) }
  const { merges } = agglomerate({ edges, nodes: graph.nodes, openFaces: 0 })
  return relabelVolume(fragments.labels, mergeTableSlice({ ids: supervoxels, path: [merges] }).to)
}

const part = new BigUint64Array(voxels(core))
copyOverlap(ids, BOX, part, core, 1)
const open = [1, 1, 1] as const
const region = {
  ...compactIds(part),
  shape: [128, 128, 64] as const,
  origin: core.min,
  voxelSizeNm: [8, 8, 8] as const,
  low: open,
  high: open,
}
const meshes = (ratio: number) => meshRegion({ ...region, params: { step: 1, ratio, errorNm: 20 } })

/** What is measured, with the rate that it should have beside the peer's. */
const measured: Record<string, [goal: number, voxels: number, f: () => unknown]> = {
  // In place: components of components are the same again.
  'components, 6': [0.8, n, () => components(labels, shape)],
  'affinities to supervoxels': [2, mean.length, () => watershed(block)],
  'region graph, agglomeration, relabelling': [1, mean.length, segments],
  'marching cubes': [1, part.length, () => meshes(1)],
  'marching cubes, a third of the triangles': [6, part.length, () => meshes(1 / 3)],
  'mode 2x2x2': [0.6, n, () => downsampleMode(ids, shape, [2, 2, 2])],
  'mean 2x2x2': [0.3, n, () => downsampleMean(em, shape, [2, 2, 2])],
  'compressed_segmentation, encode': [0.9, codedN, () => chunks.map(c => encodeCompressedSegmentation(c, SIDE))],
  'compressed_segmentation, decode': [
    0.9,
    codedN,
    () => coded.map(c => decodeCompressedSegmentation(c, SIDE, 1, scratch)),
  ],
}
const folder = mkdtempSync(join(tmpdir(), 'hillock-kernels-'))
try {
  const arrays = [
    [em, shape],
    [ids, shape],
    [mean, BLOCK],
    [Uint32Array.from(fragments.labels), BLOCK],
    [affinity, [...BLOCK, 3]],
  ] as const
  const files = arrays.map(([data, size], i) => {
    writeFileSync(join(folder, `${i}.npy`), writeNpy(data, size.toReversed()))
    return join(folder, `${i}.npy`)
  })
  const python = pythonWith(join(import.meta.dirname, 'peers', 'requirements.txt'))
  const out = execFileSync(python, [join(import.meta.dirname, 'peers', 'kernels.py'), ...files], { encoding: 'utf8' })
  const peers = JSON.parse(out) as Record<string, [peer: string, rate: number]>
  const rows: string[][] = []
  for (const [what, [peer, theirs]] of Object.entries(peers)) {
    const [goal, count, f] = measured[what]!
    const ours = await cpuRate(count, f, 15)
    rows.push([what, ours.toFixed(1), theirs.toFixed(1), peer, (ours / theirs).toFixed(2), goal.toFixed(1)])
  }
  console.log(table(['CPU rates, Mvoxel/s', 'Hillock', 'peer', '', 'ratio', 'goal'], rows))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
