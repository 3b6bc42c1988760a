// docs/adding-a-stage.md, done word by word to a copy of the tree: four files, and the new stage is planned, made, served, exported, audited.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Report } from '../../../client/audit/report.ts'
import type { RunReport } from '../../../client/commands/run.ts'
import type { Plan } from '../../../domain/plan/plan.ts'
import type { Release } from '../../../domain/release.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { readParquet } from '../../../storage/formats/parquet.ts'
import { readBox } from '../../../storage/formats/volume.ts'
import { modelFolder, onnx, type Card } from '../../onnx.ts'
import { applied } from '../../page.ts'
import type { Hillock } from '../harness.ts'

const copy = mkdtempSync(join(tmpdir(), 'hillock-copy-'))
const PAGE = 'docs/adding-a-stage.md'
const STAGES = ['mitochondria-map', 'mitochondria-part', 'mitochondria-join', 'mitochondria', 'mitochondria-pyramid']
const SIZE = [128, 64, 32] as const
let touched: string[] = []
let hillock: Hillock
let before: Plan
let run: RunReport
let release: Release

const cardOf =
  (channels: number) =>
  (card: Card): void => {
    card['output'].channels = channels
    card['halo'] = { recommended: 4 }
    delete card['offsetsZYX']
  }
const models = {
  mitochondria: modelFolder(join(copy, 'm'), onnx.oneChannel(), cardOf(1)),
  synapse: modelFolder(join(copy, 's'), onnx.twoChannels(), cardOf(2)),
}
const file = join(copy, 'run.json')
const runFile = {
  dataset: 'organelles',
  voxelSizeNm: [10, 10, 10],
  source: { phantom: { size: SIZE, seed: 3, tiles: { shape: [80, 64], overlap: 32 } } },
  grid: { block: [64, 64, 32], region: [64, 64, 64] },
  models,
  stages: { 'mitochondria-part': { threshold: 0.6 } },
}

beforeAll(async () => {
  touched = applied(PAGE, copy)
  writeFileSync(file, JSON.stringify(runFile))
  const harness = (await import(join(copy, 'test/system/harness.ts'))) as { Hillock: new () => Hillock }
  hillock = new harness.Hillock()
  before = await hillock.json<Plan>('plan', file)
  run = await hillock.run(file)
  release = await hillock.json<Release>('release', 'show', run.release)
})
afterAll(async () => {
  await hillock?.close()
  rmSync(copy, { recursive: true, force: true })
})

test('four files: the row, the activity, the kernel, the test', () => {
  expect(touched.sort()).toEqual([
    'activities/objects/mitochondria.ts',
    'domain/stages/objects.ts',
    'kernels/mitochondria.ts',
    'test/kernels/mitochondria.test.ts',
  ])
})

test('types and the test of the page are right', () => {
  const bin = (tool: string, ...args: string[]): string =>
    execFileSync(join(copy, 'node_modules/.bin', tool), args, { cwd: copy, encoding: 'utf8', stdio: 'pipe' })
  bin('tsc', '--noEmit')
  expect(bin('vitest', 'run', 'test/kernels/mitochondria.test.ts')).toContain('passed')
})

test('planned: every stage before the run, nothing after it, and what rests on the model when a byte of it changes', async () => {
  const stagesOf = (p: Plan): string[] => [...new Set(p.items.map(i => i.stage))]
  expect(stagesOf(before)).toEqual(expect.arrayContaining(STAGES))
  expect(stagesOf(await hillock.json<Plan>('plan', file))).toEqual([])
  const without = join(copy, 'without.json')
  writeFileSync(without, JSON.stringify({ ...runFile, models: {}, stages: {} }))
  expect(stagesOf(await hillock.json<Plan>('plan', without)).filter(s => STAGES.includes(s))).toEqual([])
  const other = modelFolder(join(copy, 'm2'), onnx.oneChannel('renamed'), cardOf(1))
  const after = await hillock.json<Plan>('plan', file, '--set', `models.mitochondria=${other}`)
  expect(stagesOf(after).sort()).toEqual([...STAGES].sort())
  const certain = after.items.filter(i => i.certain)
  expect([...new Set(certain.map(i => i.stage))]).toEqual(['mitochondria-map'])
  const synapse = modelFolder(join(copy, 's2'), onnx.twoChannels('renamed'), cardOf(2))
  const maps = await hillock.json<Plan>('plan', file, '--set', `models.synapse=${synapse}`)
  expect(stagesOf(maps).sort()).toEqual(['evaluate', 'graph', 'synapse', 'synapse-map'])
})

test('instances go on across the border of regions, and the table lists each of them', async () => {
  const artifacts = artifactStore(fileStore(join(hillock.home, 'bucket')))
  const layer = (release.layers as unknown as Record<string, Release['layers']['segmentation']>)['mitochondria']!
  const { data } = await readBox(artifacts, {
    artifacts: region => layer.regions![region.join('_')],
    regionShape: release.regionShape,
    bounds: release.bounds,
    box: { min: [0, 0, 0], max: SIZE },
    mip: 0,
    dtype: 'uint64',
    encoding: 'compressed_segmentation',
  })
  const sizes = new Map<bigint, number>()
  for (const id of data as BigUint64Array) if (id !== 0n) sizes.set(id, (sizes.get(id) ?? 0) + 1)
  let across = 0
  for (let i = 63; i < data.length; i += SIZE[0]) {
    const [left, right] = [data[i]!, data[i + 1]!]
    if (left === 0n || right === 0n) continue
    expect(right).toBe(left)
    across++
  }
  expect(across).toBeGreaterThan(10)
  const { artifacts: table } = (release.layers as unknown as Record<string, { artifacts: Record<string, never> }>)[
    'mitochondria-table'
  ]!
  const columns = await readParquet(await artifacts.get(table['all']!, 'mitochondria.parquet'))
  const column = (name: string): number[] => Array.from(columns.find(c => c.name === name)!.data, Number)
  const byId = column('id').map((id, i) => [BigInt(id), column('voxels')[i]])
  expect(byId).toEqual([...sizes].sort((a, b) => (a[0] < b[0] ? -1 : 1)))
})

test('served as a layer, beside the others in the viewer', async () => {
  const { serving } = hillock.stack()
  const at = `${serving}/r/organelles/${run.release}`
  expect(run.layers['mitochondria']).toBe(`precomputed://${at}/mitochondria`)
  const info = (await (await fetch(`${at}/mitochondria/info`)).json()) as { type: string }
  expect(info.type).toBe('segmentation')
  for (const path of ['mitochondria/0/0.shard', 'zarr/labels/mitochondria/zarr.json', 'tables/mitochondria.parquet'])
    expect((await fetch(`${at}/${path}`)).status, path).toBe(200)
  const page = await fetch(run.page, { headers: { accept: 'text/html' } })
  expect(await page.text()).toContain(`${at}/mitochondria`)
  const reads = (await (await fetch(`${serving}/reads/organelles/${run.release}`)).json()) as { layer: string }[]
  expect(reads.map(r => r.layer)).toEqual(['mitochondria'])
  const { viewerState } = (await import(join(copy, 'serving/viewer-state.ts'))) as {
    viewerState: (r: Release, origin: string, segments: string[]) => { layers: { name: string; type: string }[] }
  }
  const shown = viewerState(release, serving, []).layers.map(l => `${l.type} ${l.name}`)
  expect(shown).toEqual(['image em', 'segmentation segmentation', 'segmentation mitochondria', 'annotation synapses'])
})

test('exported with the rest', async () => {
  const out = join(copy, 'exported')
  expect((await hillock.cli('export', run.release, out)).code).toBe(0)
  const sums = readFileSync(join(out, 'SHA256SUMS'), 'utf8')
  for (const path of [
    'mitochondria/info',
    'mitochondria/0/0.shard',
    'mitochondria/provenance',
    'tables/mitochondria.parquet',
  ]) {
    expect(existsSync(join(out, path)), path).toBe(true)
    expect(sums).toContain(` ${path}\n`)
  }
})

test('audited: executed again it gives the same bytes, and its record says with which model', async () => {
  const report = await hillock.json<Report>('audit', run.release, '--all')
  expect(report.findings).toEqual([])
  const { artifactsRemade, artifactsEqual } = report.counts
  expect([artifactsRemade, artifactsEqual]).toEqual([Object.values(release.stages!).flat().length, artifactsRemade])
  const lineage = await hillock.json<{ stages: { stage: string; models: unknown[] }[] }>('lineage', run.release)
  const modelsOf = (stage: string): number => lineage.stages.find(s => s.stage === stage)!.models.length
  expect(['affinity', 'synapse-map', 'mitochondria-map', 'mitochondria'].map(modelsOf)).toEqual([1, 1, 1, 0])
})
