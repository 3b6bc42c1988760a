// What a release carries and how it is worked from the command line: lineage of every artifact, readers, channels, scores.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openVolume } from '../../../storage/foreign/volume.ts'
import type { RunReport } from '../../../client/commands/run.ts'
import { stageNames, stages as rows } from '../../../domain/stages.ts'
import { key } from '../../../domain/geometry.ts'
import type { ArtifactRef, Lineage } from '../../../domain/lineage.ts'
import { contentDigest, recipeId, sha256 } from '../../../domain/recipe.ts'
import type { Release } from '../../../domain/release.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { createServer } from '../../../serving/server.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { readBox } from '../../../storage/formats/volume.ts'
import { cellsOf } from '../../../storage/release-index.ts'
import { readRelease } from '../../../client/catalogue.ts'
import { channelMoves } from '../../../storage/provenance/channel-moves.ts'
import { Hillock, TINY } from '../harness.ts'

const hillock = new Hillock()
const scratch = mkdtempSync(join(tmpdir(), 'hillock-release-'))
let report: RunReport

beforeAll(async () => {
  report = await hillock.fromTiny()
  expect((await hillock.cli('up', '--detach')).code).toBe(0)
}, 300_000)
afterAll(async () => {
  await hillock.close()
  rmSync(scratch, { recursive: true, force: true })
}, 60_000)

const release = (): Promise<Release> => hillock.json<Release>('release', 'show', report.release)

test('every artifact behind the release has a complete lineage record that agrees with its bytes', async () => {
  const store = artifactStore(fileStore(join(hillock.home, 'bucket')))
  const { stages } = await release()
  // Directories are made of more than 64 regions only.
  expect(Object.keys(stages!).sort()).toEqual(stageNames.filter(s => !rows[s].directory).sort())
  for (const ref of Object.values(stages!).flat()) {
    const reader = await store.open(ref)
    const l: Lineage = reader.lineage
    expect(recipeId(l.recipe)).toBe(ref.recipe)
    expect(contentDigest(l.outputs)).toBe(ref.content)
    expect(l.codeRevision).toMatch(/^[0-9a-f]{40}/)
    expect(l.runtime.node).toBe('v24.21.0')
    expect(l.workflowId).toContain('tiny')
    expect(Date.parse(l.end)).toBeGreaterThanOrEqual(Date.parse(l.start))
    if (ref.stage === 'affinity') {
      expect(l.recipe.model).toMatch(/^[0-9a-f]{64}$/)
      expect(l.runtime.provider).toBe('cpu')
    }
    for (const o of l.outputs) expect(sha256(await reader.get(o.path))).toBe(o.sha256)
  }
})

test('every input of every recipe is the content of an artifact of the release, or bytes in the raw archive', async () => {
  const objects = fileStore(join(hillock.home, 'bucket'))
  const store = artifactStore(objects)
  const { stages } = await release()
  const contents = new Set(
    Object.values(stages!)
      .flat()
      .map(r => r.content),
  )
  // A single output may be an input too: the field of one section, the slice of a merge table for one child.
  for (const ref of Object.values(stages!).flat())
    for (const o of (await store.open(ref)).outputs) contents.add(o.sha256)
  for (const ref of Object.values(stages!).flat())
    for (const [name, digest] of Object.entries((await store.open(ref)).lineage.recipe.inputs)) {
      if (/^(listing|truth)$/.test(name)) continue
      const known =
        contents.has(digest) || (await objects.size(`raw/sha256/${digest.slice(0, 2)}/${digest}`)) !== undefined
      const rejected = ref.stage === 'ingest' && name.startsWith('tile/')
      expect(known || rejected, `${ref.stage} ${name}`).toBe(true)
    }
})

test('list, show, lineage and status answer as text and as JSON', async () => {
  const list = await hillock.json<{ releases: { release: string; channels: string[] }[] }>('release', 'list')
  expect(list.releases.find(r => r.release === report.release)?.channels).toEqual(['candidate', 'published'])
  const lineage = await hillock.json<{ stages: { stage: string; models: (string | null)[] }[] }>(
    'lineage',
    'tiny/published',
  )
  expect(lineage.stages.find(s => s.stage === 'affinity')!.models).toHaveLength(1)
  const status = await hillock.json<{ workflowId: string; phase: string }>('status')
  expect(status.workflowId).toContain('reconstruct/tiny/')
  for (const args of [
    ['release', 'list'],
    ['release', 'show', 'published'],
    ['lineage', 'published'],
    ['status'],
    ['status', '--all'],
    ['stages'],
  ]) {
    const { code, stdout } = await hillock.cli(...args)
    expect(code, args.join(' ')).toBe(0)
    expect(stdout.length).toBeGreaterThan(20)
  }
  for (const command of [
    'up',
    'down',
    'run',
    'demo',
    'drill',
    'status',
    'approve',
    'reject',
    'resolve',
    'lineage',
    'release list',
    'release show',
    'release publish',
    'release rollback',
    'release diff',
    'release plan',
    'invalidate',
    'evaluate',
    'phantom',
    'stages',
  ]) {
    const { code, stdout } = await hillock.cli(...command.split(' '), '--help')
    expect(code).toBe(0)
    expect(stdout).toContain('--json')
  }
})

test('evaluate scores a release against a truth that is named afterwards, as the run did', async () => {
  const out = join(scratch, 'specimen')
  await hillock.cli('phantom', TINY, '--out', out)
  expect(existsSync(join(out, 'layout.json'))).toBe(true)
  const scored = await hillock.json<{ quality: { voiSum: number } }>(
    'evaluate',
    report.release,
    '--truth',
    join(out, 'labels.npy.gz'),
  )
  expect(scored.quality.voiSum).toBeCloseTo(report.quality.voiSum!, 12)
})

test('a channel goes back in one step, and forth again', async () => {
  const second = await hillock.run(TINY, 'stages.agglomerate.threshold=0.8')
  expect(second.release).not.toBe(report.release)
  const channel = async (): Promise<string> =>
    (await hillock.json<{ releases: { release: string; channels: string[] }[] }>('release', 'list')).releases.find(r =>
      r.channels.includes('published'),
    )!.release
  expect(await channel()).toBe(second.release)
  const back = await hillock.json<{ release: string; earlier: string[] }>(
    'release',
    'rollback',
    'tiny',
    '--reason',
    'drill',
  )
  expect(back).toMatchObject({ release: report.release, earlier: [] })
  expect(await channel()).toBe(report.release)
  const again = await hillock.cli('release', 'rollback', 'tiny')
  expect(again.code).toBe(1)
  expect(again.stderr).toContain('nothing to go back to')
  await hillock.json('release', 'publish', second.release)
  expect(await channel()).toBe(second.release)
  const moves = await channelMoves(fileStore(join(hillock.home, 'bucket')), 'tiny', 'published')
  const [a, b] = [report.release, second.release]
  expect(moves.map(m => m.release)).toEqual([a, b, a, b])
})

test('what a release holds can be asked, also by a time', async () => {
  const store = fileStore(join(hillock.home, 'bucket'))
  const server = createServer({ store, viewerDir: '/nonexistent' })
  const ask = async (path: string): Promise<any> => {
    const answer = await server.inject(`/api/v1/datasets/tiny/releases/${path}`)
    expect(answer.statusCode, answer.body).toBe(200)
    return answer.json()
  }
  const sql = async (text: string): Promise<any[]> =>
    (
      await server.inject({
        method: 'POST',
        url: `/api/v1/datasets/tiny/releases/${report.release}/sql`,
        payload: { sql: text },
      })
    ).json().rows
  const [{ synapses, counted }] = await sql(
    'SELECT (SELECT count(*) FROM synapses) AS synapses, (SELECT sum(count) FROM edges) AS counted',
  )
  expect(synapses).toBeGreaterThan(0)
  expect(counted).toBe(synapses)
  for (const { pre, post, count } of await sql('SELECT * FROM edges ORDER BY count DESC LIMIT 5')) {
    const { rows } = await ask(`${report.release}/segments/${post}/partners?direction=up`)
    expect(rows).toContainEqual(expect.objectContaining({ direction: 'up', segment: pre, count }))
    expect((await ask(`${report.release}/synapses?pre=${pre}&post=${post}`)).rows).toHaveLength(count)
    expect((await ask(`${report.release}/path?from=${pre}&to=${post}`)).segments).toEqual([pre, post])
  }
  const [move] = await channelMoves(store, 'tiny', 'published')
  expect((await ask(new Date(move!.at).toISOString())).release).toBe(report.release)
  await server.close()
})

test('chunkedgraph says of every supervoxel, at every time, the segment that its voxels have', async () => {
  const objects = fileStore(join(hillock.home, 'bucket'))
  const server = createServer({ store: objects, viewerDir: '/nonexistent' })
  const volume = async (name: string, stage: 'supervoxel' | 'segment'): Promise<BigUint64Array> => {
    const r = (await readRelease(objects, 'tiny', name))!
    const refs = new Map<string, ArtifactRef>()
    for await (const [cell, ref] of cellsOf(objects, r, stage)) refs.set(cell, ref)
    const { regionShape, bounds } = r
    const format = { mip: 0, dtype: 'uint64', encoding: 'compressed_segmentation' } as const
    const request = { ...format, regionShape, bounds, box: bounds }
    return (await readBox(artifactStore(objects), { ...request, artifacts: region => refs.get(key(region)) })).data
  }
  const table = '/segmentation/api/v1/table/tiny:any'
  const segmentations = new Set<string>()
  let owners = new Map<bigint, bigint>()
  for (const { at, release } of await channelMoves(objects, 'tiny', 'published')) {
    const [supervoxels, segments] = await Promise.all([volume(release!, 'supervoxel'), volume(release!, 'segment')])
    owners = new Map([...supervoxels].map((s, i) => [s, segments[i]!]))
    segmentations.add([...owners.values()].join())
    const { rawPayload } = await server.inject({
      method: 'POST',
      url: `${table}/roots_binary?timestamp=${at / 1000}`,
      payload: Buffer.from(BigUint64Array.from(owners.keys()).buffer),
    })
    expect([...new BigUint64Array(new Uint8Array(rawPayload).buffer)]).toEqual([...owners.values()])
  }
  expect(segmentations.size).toBe(2)
  owners.delete(0n)
  const leaves = Map.groupBy(
    [...owners.keys()].sort((a, b) => (a < b ? -1 : 1)),
    id => owners.get(id)!,
  )
  const url = `${table}/node/leaves_many`
  const many = await server.inject({
    method: 'POST',
    url,
    payload: Buffer.from(`{"node_ids":[${[...leaves.keys()].join()}]}`),
  })
  expect(many.body).toBe(`{${[...leaves].map(([root, own]) => `"${root}":[${own.join()}]`).join()}}`)
  await server.close()
})

test('a gate that is missed keeps the release from its channel and says why', async () => {
  const { code, stdout } = await hillock.cli(
    'run',
    TINY,
    '--json',
    '--set',
    'stages.agglomerate.threshold=0.99',
    '--set',
    'release.gate.voiSum=0.0001',
  )
  expect(code).toBe(1)
  const r = JSON.parse(stdout) as RunReport
  expect(r.published).toBe(false)
  expect(r.refusal).toContain('voiSum')
  expect(await (await fetch(`${hillock.layer(r, 'segmentation')}/info`)).json()).toMatchObject({
    type: 'segmentation',
  })
})

test('layers are served as their formats say', async () => {
  const base = hillock.layer(report, 'em')
  for (const [precomputed, zarr] of [
    ['em', 'zarr'],
    ['segmentation', 'zarr/labels/segmentation'],
  ] as const) {
    const [a, b] = await Promise.all([precomputed, zarr].map(l => openVolume(base.replace(/em$/, l))))
    expect(a!.mips.map(m => [m.bounds.max, m.voxelSizeNm])).toEqual([
      [
        [128, 128, 64],
        [10, 10, 10],
      ],
      [
        [64, 64, 32],
        [20, 20, 20],
      ],
    ])
    expect(b!.mips.map(m => [m.bounds, m.voxelSizeNm])).toEqual(a!.mips.map(m => [m.bounds, m.voxelSizeNm]))
    for (const [mip, { bounds }] of a!.mips.entries()) {
      const data = await a!.read(mip, bounds)
      expect(await b!.read(mip, bounds)).toEqual(data)
      expect(new Set<unknown>(data).size).toBeGreaterThan(2)
    }
  }
})

test('what the gate refuses is published by force alone, with a reason', async () => {
  const sets = ['stages.agglomerate.threshold=0.7', 'release.gate.arand=0.0001'].flatMap(set => ['--set', set])
  const run = await hillock.cli('run', TINY, '--json', ...sets)
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(/not published: arand is .*, the gate allows 0\.0001/)
  const { release } = JSON.parse(run.stdout) as { release: string }
  const publish = (...more: string[]) => hillock.cli('release', 'publish', release, ...more)
  expect(await publish('--reason', 'mine')).toMatchObject({ code: 1, stderr: expect.stringContaining('arand is') })
  expect(await publish('--force')).toMatchObject({ code: 1, stderr: expect.stringContaining('--reason') })
  expect((await publish('--force', '--reason', 'looked at')).code).toBe(0)
  const { channels } = await hillock.json<{ channels: { published: { reason: string } } }>('release', 'show', release)
  expect(channels.published.reason).toMatch(/^looked at \(forced: arand is/)
})
