// Black outside of the tissue, and nothing but black, through the whole path in one process.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseRunConfig } from '../../domain/config.ts'
import { key, type Vec3 } from '../../domain/geometry.ts'
import { Release } from '../../domain/release.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import { writeNpy } from '../../storage/formats/npy.ts'
import { readBox } from '../../storage/formats/volume.ts'
import { getRelease } from '../../storage/releases.ts'
import { directRun, type DirectRun } from './direct.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-black-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const [W, H, D] = [96, 64, 24]
const TISSUE = 48

/** Runs a stack of these grey values, in regions of this shape. */
async function run(grey: (x: number, y: number, z: number) => number, region: Vec3, more: object = {}) {
  const home = mkdtempSync(join(folder, 'home-'))
  const stack = join(home, 'em.npy')
  const em = Uint8Array.from({ length: W * H * D }, (_, i) => grey(i % W, Math.floor(i / W) % H, Math.floor(i / W / H)))
  writeFileSync(stack, writeNpy(em, [D, H, W]))
  const tree = {
    dataset: 'black',
    voxelSizeNm: [10, 10, 10],
    source: { stack },
    model: 'models/fib-affinity',
    grid: { block: [32, 64, 32], region },
    stages: { align: { method: 'none' }, render: { normalise: 'none' } },
    ...more,
  }
  const done: DirectRun = await directRun(parseRunConfig(tree, 'black'), home, 'r')
  return { done, objects: fileStore(home) }
}

const tissue = (x: number, y: number, z: number): number =>
  60 + (((((x >> 3) * 73856093) ^ ((y >> 3) * 19349663) ^ ((z >> 3) * 83492791)) >>> 0) % 140)

async function segmentation({ done, objects }: Awaited<ReturnType<typeof run>>): Promise<BigUint64Array> {
  const release = Release.parse(JSON.parse((await getRelease(objects, 'black', done.release))!))
  const { data } = await readBox(artifactStore(objects), {
    artifacts: region => release.layers.segmentation!.regions![key(region)],
    regionShape: release.regionShape,
    bounds: release.bounds,
    box: release.bounds,
    mip: 0,
    dtype: 'uint64',
    encoding: 'compressed_segmentation',
  })
  return data
}

test('black outside of the tissue is background, however the volume is divided; the tissue is not', async () => {
  const half = (x: number, y: number, z: number): number => (x < TISSUE ? tissue(x, y, z) : 0)
  const parts = await run(half, [64, 64, 64])
  const labels = await segmentation(parts)
  expect([...labels].findIndex((l, i) => (l === 0n) !== i % W >= TISSUE)).toBe(-1)
  expect(await segmentation(await run(half, [128, 64, 64]))).toEqual(labels)
}, 120_000)

test('an image of one grey value is not published', async () => {
  const { done } = await run(() => 90, [128, 64, 64], { through: 'render' })
  expect(done.refusal).toContain('every voxel of the EM is 90')
  expect(done.refusal).toContain(`hillock release publish ${done.release} --force`)
}, 60_000)
