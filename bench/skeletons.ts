// `node bench/skeletons.ts [SIDE]`: skeletons of the middle of pinky40 beside kimimaro and bioimage-cpp, in one run on one core: CPU rates, and how far they agree.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boxAt, map3, type Vec3 } from '../domain/geometry.ts'
import { compactIds } from '../kernels/segmentation/compact-ids.ts'
import { skeletonAt, skeletonRegion } from '../kernels/skeleton/skeleton.ts'
import { wholeSkeleton } from '../kernels/skeleton/smooth.ts'
import { readNpy, writeNpy } from '../storage/formats/npy.ts'
import { copyOverlap } from '../storage/formats/volume.ts'
import { pythonWith } from '../test/conformance/venv.ts'
import { dataRoot } from '../worker/home.ts'
import { table } from './common/print.ts'

const file = join(dataRoot(), 'pinky40-segmentation', 'seg_16x16x40.npy.gz')
if (!existsSync(file)) {
  console.log(`skipped: there is no ${file} (docs/data.md)`)
  process.exit(0)
}
execFileSync('taskset', ['-acp', '0', String(process.pid)])
const side = Number(process.argv[2] ?? 256)
const all = readNpy(readFileSync(file), file)
const from = all.shape.toReversed() as unknown as Vec3
const box = boxAt(
  map3(a => (from[a] - side) >> 1),
  [side, side, side],
)
const labels32 = new Uint32Array(side ** 3)
copyOverlap(all.data as Uint32Array<ArrayBuffer>, boxAt([0, 0, 0], from), labels32, box, 1)
const { labels, ids } = compactIds(BigUint64Array.from(labels32, BigInt))
const voxelSizeNm: Vec3 = [16, 16, 40]
const whole: readonly [0, 0, 0] = [0, 0, 0]

const rows: Record<string, number> = {}
const found: Record<string, unknown> = {}
for (const step of [1, 2] as const) {
  const params = { step, scale: 1.5, constantNm: 300, minVoxels: 1000 }
  const region = {
    labels,
    ids,
    shape: [side, side, side] as const,
    origin: whole,
    voxelSizeNm,
    low: whole,
    high: whole,
  }
  const seconds = Array.from({ length: 4 }, () => {
    const before = process.cpuUsage()
    const pieces = skeletonRegion({ ...region, params })
    for (const [i, id] of pieces.ids.entries()) {
      const { vertices, edges, radii } = wholeSkeleton([skeletonAt(pieces, i)])
      if (step === 1) found[String(id)] = [[...vertices], [...edges], [...radii]]
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  })
  rows[`Hillock, step ${step}`] = side ** 3 / seconds.slice(1).sort((a, b) => a - b)[1]! / 1e6
}
const folder = mkdtempSync(join(tmpdir(), 'hillock-skeletons-'))
try {
  const [volume, ours] = ['labels.npy', 'ours.json'].map(name => join(folder, name))
  writeFileSync(volume!, writeNpy(labels32, [side, side, side]))
  writeFileSync(ours!, JSON.stringify(found))
  const python = pythonWith(join(import.meta.dirname, 'peers', 'requirements.txt'))
  const out = execFileSync(python, [join(import.meta.dirname, 'peers', 'skeletons.py'), volume!, ours!], {
    encoding: 'utf8',
  })
  const { rates, agreement } = JSON.parse(out) as Record<'rates' | 'agreement', Record<string, number>>
  const lines = Object.entries({ ...rows, ...rates }).map(([what, rate]) => [what, rate.toFixed(2)])
  console.log(table(['CPU rates, Mvoxel/s', ''], lines))
  const figures = Object.entries(agreement).map(([what, value]) => [what, value.toFixed(value < 10 ? 2 : 0)])
  console.log(table(['Hillock, step 1, beside kimimaro', ''], figures))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
