// What a release rests on, on one tiny home: a flipped byte in any kind of object is found, everything can be explained.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { verify } from '../../../client/verify.ts'
import type { Lineage } from '../../../domain/lineage.ts'
import type { Release } from '../../../domain/release.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { decodeArrays } from '../../../storage/formats/arrays.ts'
import { readParquet } from '../../../storage/formats/parquet.ts'
import { archiveFolder, getHistoryIndex } from '../../../storage/provenance/histories.ts'
import { rawKey } from '../../../storage/raw.ts'
import { random } from '../../storage/fixtures.ts'
import { Hillock, TINY } from '../harness.ts'

const faults = join(tmpdir(), `hillock-faults-${process.pid}.json`)
// What runs that are under way hold is found in histories that are encrypted, too.
vi.stubEnv('HILLOCK_PAYLOAD_KEY', '5c'.repeat(32))
const hillock = new Hillock({ HILLOCK_FAULTS: faults })
const bucket = join(hillock.home, 'bucket')
const objects = fileStore(bucket)
let release: Release

type Verified = Awaited<ReturnType<typeof verify>>
const check = (all = false, whole = false): Promise<Verified> =>
  verify(objects, whole ? undefined : release, { all, progress: () => {} })

beforeAll(async () => {
  const run = await hillock.fromTiny()
  release = await hillock.json<Release>('release', 'show', run.release)
}, 300_000)
afterAll(() => hillock.close(), 60_000)

const kept = new Map<string, Buffer>()
const next = random(5)
/** Flips one bit of an object behind Hillock's back; it is put back after the test. */
function flip(key: string): void {
  const path = join(bucket, key)
  const file = statSync(path).isDirectory() ? join(path, '.v', readdirSync(join(path, '.v')).sort().at(-1)!) : path
  const bytes = readFileSync(file)
  kept.set(file, Buffer.from(bytes))
  bytes[Math.floor(next() * bytes.length)]! ^= 1 << Math.floor(next() * 8)
  writeFileSync(file, bytes)
}
function restore(): void {
  for (const [file, bytes] of kept) writeFileSync(file, bytes)
  kept.clear()
}
afterEach(restore)

const record = (stage: string): Lineage => {
  const { recipe } = release.stages![stage]![0]!
  return JSON.parse(readFileSync(join(bucket, `artifacts/${stage}/${recipe}/lineage.json`), 'utf8')) as Lineage
}
async function keysUnder(prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const k of objects.list(prefix)) keys.push(k)
  return keys
}

describe('verify', () => {
  test('proves every object that the release rests on, and every object of the bucket', async () => {
    const sound = await check(true)
    expect(sound.findings).toEqual([])
    expect(sound.unproven).toEqual([])
    const outputs = Object.keys(release.stages!).length
    expect(sound.objects).toBeGreaterThan(outputs)
    const whole = await check(true, true)
    expect(whole.findings).toEqual([])
    expect(whole.objects).toBeGreaterThan(sound.objects)
    // All of the archive of one run: tiles, listings, pages, model, run file, layout, truth.
    const raw = await keysUnder('raw/')
    expect(whole.objects).toBeGreaterThan(raw.length)
  })

  /** An object of each kind, and the part of its name by which a finding tells of it. */
  async function kinds(): Promise<[string, string, string][]> {
    const out: [string, string, string][] = [
      ['manifest', `releases/tiny/${release.release}.json`, release.release],
      ['channel', 'refs/tiny/published', 'refs/tiny/published'],
    ]
    const raw = (kind: string, digest: string): unknown => out.push([kind, rawKey(digest), digest])
    for (const [phase, root] of Object.entries(release.pages)) raw(`page of ${phase}`, root)
    const page = JSON.parse(readFileSync(join(bucket, rawKey(release.pages['maps']!)), 'utf8')) as {
      below: { page: string }[]
    }
    raw('lower page', page.below[0]!.page)
    for (const stage of Object.keys(release.stages!)) {
      const { recipeId, outputs } = record(stage)
      out.push([`record of ${stage}`, `artifacts/${stage}/${recipeId}/lineage.json`, recipeId])
      const output = outputs[Math.floor(next() * outputs.length)]!
      out.push([`output of ${stage}`, `artifacts/${stage}/${recipeId}/${output.path}`, `${recipeId}/${output.path}`])
    }
    const { inputs } = record('ingest').recipe
    raw('tile', Object.entries(inputs).find(([k]) => k.startsWith('tile/'))![1])
    raw('listing', inputs['listing']!)
    raw('truth', record('evaluate').recipe.inputs['truth']!)
    raw('model', record('affinity').recipe.model!)
    raw('run file', release.config!)
    const folder = archiveFolder(release.run)
    const { histories } = (await getHistoryIndex(objects, folder))!
    out.push(['index of histories', `${folder}/index.json`, `${folder}/index.json`])
    out.push(['history', `${folder}/${histories[0]!.runId}.json.gz`, histories[0]!.runId])
    const context = readFileSync(join(bucket, rawKey(release.config!)), 'utf8')
    expect(context).toContain('"dataset":"tiny"')
    return out
  }

  test('names the object of any kind in which one bit is flipped', async () => {
    for (const [kind, key, name] of await kinds()) {
      flip(key)
      const { findings } = await check()
      expect(findings, kind).toHaveLength(1)
      expect(`${findings[0]!.what} ${findings[0]!.why}`, kind).toContain(name)
      restore()
    }
  }, 300_000)

  test('with --all names them all, and what is gone; on the command line too', async () => {
    const [a, b] = [record('mesh'), record('segment')]
    flip(`artifacts/mesh/${a.recipeId}/${a.outputs[0]!.path}`)
    flip(`artifacts/segment/${b.recipeId}/${b.outputs[0]!.path}`)
    flip(`releases/tiny/${release.release}.json`)
    const told = await hillock.json<Verified & { ok: boolean }>('verify', `tiny/${release.release}`, '--all')
    expect(told.ok).toBe(false)
    expect(told.findings[0]!.what).toBe(`releases/tiny/${release.release}.json`)
    restore()
    flip(`artifacts/mesh/${a.recipeId}/${a.outputs[0]!.path}`)
    flip(`artifacts/segment/${b.recipeId}/${b.outputs[0]!.path}`)
    const { code, stdout } = await hillock.cli('verify', 'published', '--all')
    expect(code).toBe(1)
    expect(stdout).toContain(`artifacts/mesh/${a.recipeId}/${a.outputs[0]!.path}: is damaged`)
    expect(stdout).toContain(`artifacts/segment/${b.recipeId}/${b.outputs[0]!.path}: is damaged`)
  })

  test('in the whole bucket also finds what no release names', async () => {
    const plan = await hillock.json<{ id: string }>('plan', TINY, '--set', 'stages.mesh.ratio=0.4')
    const others = [(await keysUnder('memo/'))[0]!, `plans/tiny/${plan.id}.json`]
    for (const key of others) {
      flip(key)
      expect(
        (await check(true, true)).findings.map(f => f.what),
        key,
      ).toContain(key)
      restore()
    }
  })
})

describe('lineage', () => {
  interface Told {
    readonly what: string
    readonly artifacts: readonly Lineage[]
    readonly graph: { readonly nodes: readonly { readonly label: string; readonly count: number }[] }
  }
  const ask = (subject: string): Promise<Told> => hillock.json<Told>('lineage', subject)
  const stagesOf = (t: Told): Set<string> => new Set(t.artifacts.map(r => r.recipe.stage))

  test('of a segment are the artifacts of just those regions whose merge-table slice has it; of a synapse and a voxel those around', async () => {
    const artifacts = artifactStore(objects)
    const table = async (path: string): Promise<Map<string, ArrayLike<bigint | number>>> => {
      const columns = await readParquet(await artifacts.get(release.layers.graph!.artifacts!['all']!, path))
      return new Map(columns.map(c => [c.name, c.data as ArrayLike<bigint>]))
    }
    const segments = await table('segments.parquet')
    const sizes = Array.from(segments.get('voxels')!, Number)
    const id = segments.get('segment')![sizes.indexOf(Math.max(...sizes))]!
    const told = await ask(`published/segment:${id}`)
    const holding: string[] = []
    for (const ref of release.stages!['merge-table']!) {
      const { to } = decodeArrays(await artifacts.get(ref, 'table.bin')) as { to: BigUint64Array }
      const { extent } = (await artifacts.open(ref)).lineage.recipe
      if (to.includes(BigInt(id))) holding.push(JSON.stringify(extent))
    }
    expect(holding.length).toBeGreaterThan(1)
    const found = told.artifacts.filter(r => r.recipe.stage === 'segment').map(r => JSON.stringify(r.recipe.extent))
    expect(found.sort()).toEqual(holding.sort())
    expect(stagesOf(told)).toEqual(new Set(['segment', 'mesh', 'skeleton']))
    const labels = told.graph.nodes.map(n => n.label)
    for (const stage of ['ingest', 'align', 'affinity', 'resolve']) expect(labels.join()).toContain(stage)
    expect(labels).toContain('tile (raw archive)')

    const synapses = await table('synapses.parquet')
    if (synapses.get('id')!.length > 0)
      expect(stagesOf(await ask(`published/synapse:${synapses.get('id')![0]}`))).toEqual(new Set(['synapse', 'graph']))
    expect(stagesOf(await ask('published/em@70,3,3'))).toEqual(new Set(['render']))
    expect((await hillock.cli('lineage', 'published/em@70,3,3', '--format', 'mermaid')).stdout).toMatch(/^flowchart LR/)
    expect((await hillock.cli('lineage', 'published', '--format', 'dot')).stdout).toMatch(/^digraph lineage/)
  })

  test('goes out as a list that sha256sum accepts; so does the release as plain files', async () => {
    const out = join(hillock.home, 'out')
    expect((await hillock.cli('lineage', 'export', 'published', '--format', 'sha256sums', '--out', out)).code).toBe(0)
    execFileSync('sha256sum', ['--quiet', '--strict', '-c', join(out, 'SHA256SUMS')], { cwd: bucket })
    const files = join(hillock.home, 'files')
    expect(await hillock.json('export', 'published', files)).toMatchObject({ target: files })
    execFileSync('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: files })
  })
})

describe('gc', () => {
  interface Collected {
    readonly artifacts: number
    readonly raw: number
    readonly memo: number
  }
  const gc = (...args: string[]): Promise<Collected> => hillock.json<Collected>('gc', ...args)
  const artifacts = async (): Promise<Set<string>> =>
    new Set((await keysUnder('artifacts/')).map(k => k.split('/').slice(0, 3).join('/')))

  test('deletes nothing that a release names', async () => {
    const before = await artifacts()
    expect(await gc('plan')).toMatchObject({ artifacts: 0 })
    await gc('run', '--grace', '0s')
    expect(await artifacts()).toEqual(before)
    expect((await check(true, true)).findings).toEqual([])
  }, 120_000)

  test('deletes what a run that came to nothing has left, while another run takes what it can of that', async () => {
    const before = await artifacts()
    // Fails in its last step: everything before is made, and no release names it.
    const failing = async (set: string): Promise<void> => {
      const rule = { match: '^evaluate ', when: 'before', attempts: 9, type: 'ConfigError' }
      writeFileSync(faults, JSON.stringify([rule]))
      expect((await hillock.cli('run', TINY, '--set', set)).code).not.toBe(0)
      rmSync(faults)
    }
    const [fails, goes] = ['stages.agglomerate.threshold=0.41', 'stages.agglomerate.threshold=0.43']
    await failing(fails)
    const left = new Set([...(await artifacts())].filter(k => !before.has(k)))
    expect(left.size).toBeGreaterThan(20)
    expect((await gc('plan')).artifacts).toBe(left.size)

    // Two runs at a time with the collection: one wants just what is to be deleted, one makes its own.
    const wants = hillock.start('run', TINY, '--set', fails, '--name', 'wants')
    const other = hillock.start('run', TINY, '--set', goes, '--name', 'other')
    const most = before.size + left.size + 8
    for (let i = 0; i < 200 && (await artifacts()).size < most; i++) await sleep(100)
    await gc('run', '--grace', '0s')
    const ended = await Promise.all([wants.done, other.done])
    for (const { code, stderr } of ended) expect(code, stderr).toBe(0)
    expect((await check(true, true)).findings).toEqual([])

    // Whatever nobody has taken is gone for good, and a run that wants it makes it again.
    await failing('stages.mesh.ratio=0.4')
    const more = await gc('plan')
    expect(more.artifacts).toBeGreaterThan(0)
    expect(await gc('run', '--grace', '0s')).toMatchObject({ artifacts: more.artifacts, raw: more.raw })
    expect(await gc('plan')).toMatchObject({ artifacts: 0, raw: 0, memo: 0 })
    const again = await hillock.run(TINY, 'stages.mesh.ratio=0.4')
    expect(again.stages.find(s => s.stage === 'mesh')).toMatchObject({ made: 4, found: 0 })
    expect((await check(true, true)).findings).toEqual([])
  }, 400_000)

  test('leaves a list alone that is not old enough', async () => {
    await gc('plan')
    const { code, stderr } = await hillock.cli('gc', 'run')
    expect(code).toBe(1)
    expect(stderr).toContain('no list of candidates is old enough')
  })
})
