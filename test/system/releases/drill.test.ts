// The rollback drill on real data with processes killed at random moments of the releases and the rollback; then gates and refusals on the command line.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refsBelow } from '../../../activities/housekeeping/index-nodes.ts'
import type { Refs } from '../../../domain/contract/artifacts.ts'
import type { Release } from '../../../domain/release.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { listMarks } from '../../../storage/quarantine.ts'
import { getRelease } from '../../../storage/releases.ts'
import { harm, Hillock, made } from '../harness.ts'

const FILE = 'examples/drill.yaml'
/** HILLOCK_KILLS=10 for the long form. */
const KILLS = Number(process.env['HILLOCK_KILLS'] ?? 4)
const hillock = new Hillock()
const objects = fileStore(join(hillock.home, 'bucket'))
interface Told {
  readonly good: string
  readonly bad: string
  readonly patch: string
  readonly tainted: number
  readonly seen: readonly string[]
}
let told: Told

beforeAll(async () => {
  const { child, done } = hillock.start('drill', FILE, '--json')
  let text = ''
  child.stderr!.on('data', (d: Buffer) => (text += d.toString()))
  let ended = false
  void done.then(() => (ended = true))
  while (!ended && !text.includes('channel back')) await sleep(50)
  const killed = await harm(hillock, done, KILLS, 800)
  const { code, stdout, stderr } = await done
  expect(code, stderr).toBe(0)
  expect(killed, text).toHaveLength(KILLS)
  told = JSON.parse(stdout) as Told
}, 600_000)
afterAll(() => hillock.close(), 60_000)

const manifest = async (name: string): Promise<Release> =>
  JSON.parse((await getRelease(objects, 'drill', name))!) as Release
const contents = async (r: Release, stage: string): Promise<Record<string, string>> => {
  const refs: Refs = await refsBelow({ objects } as never, Object.values(r.pages), stage)
  return Object.fromEntries(Object.entries(refs).map(([cell, ref]) => [cell, ref.content]))
}

test('readers saw whole releases, in the order in which the channel named them', () => {
  const { good, bad, patch, seen } = told
  expect(new Set([good, bad, patch]).size).toBe(3)
  expect(seen[0]).toBe(good)
  expect(seen.at(-1)).toBe(patch)
})

test('the patch has the bad region from the good release and the rest from the bad one; nothing of it is quarantined', async () => {
  const [good, bad, patch] = await Promise.all([told.good, told.bad, told.patch].map(manifest))
  const [g, b, p] = await Promise.all([good!, bad!, patch!].map(r => contents(r, 'agglomerate')))
  expect(p!['0/1_1_0']).toBe(g!['0/1_1_0'])
  expect(p!['0/1_1_0']).not.toBe(b!['0/1_1_0'])
  expect(p!['0/0_0_0']).toBe(b!['0/0_0_0'])
  expect(p!['0/0_0_0']).not.toBe(g!['0/0_0_0'])
  expect(patch!.parent).toBe(told.bad)
  const marked = new Set((await listMarks(objects)).map(m => `${m.stage}/${m.recipe}`))
  // A few that the patch has as well, from good parameters and inputs, are free again.
  expect(marked.size).toBeGreaterThan(told.tainted / 2)
  expect(marked.size).toBeLessThanOrEqual(told.tainted)
  const all = Object.values(patch!.stages!).flat()
  expect(all.filter(r => marked.has(`${r.stage}/${r.recipe}`))).toEqual([])
  // What the bad region did not touch was taken as it is.
  for (const stage of ['render', 'affinity', 'supervoxel', 'rag'])
    expect(patch!.stages![stage], stage).toEqual(bad!.stages![stage])
})

test('a run of the same parameters makes nothing and is the patch; one of the bad ones is refused', async () => {
  const better = '{regions: [0_0_0], stages: {agglomerate: {threshold: 0.6}}}'
  const again = await hillock.run(FILE, `overrides=[${better}]`)
  expect(again.release).toBe(told.patch)
  expect(made(again)).toEqual([])
  const wrong = `overrides=[${better}, {regions: [1_1_0], stages: {agglomerate: {threshold: 0}}}]`
  const refused = await hillock.cli('run', FILE, '--set', wrong)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('QuarantinedArtifact')
}, 300_000)

interface Status {
  readonly waiting: { readonly workflowId: string; readonly gates: { readonly gate: string }[] }[]
}

test('a gate is shown, approved and rejected from the command line, and the release says by whom', async () => {
  for (const decision of ['reject', 'approve'] as const) {
    const run = `gated-${decision}`
    const { done } = hillock.start('run', FILE, '--json', '--name', run, '--set', 'release.approval=required')
    let status: Status
    do {
      await sleep(300)
      status = JSON.parse((await hillock.cli('status', '--json')).stdout || '{"waiting": []}') as Status
    } while (!status.waiting?.length)
    expect(status.waiting).toMatchObject([{ workflowId: `release/drill/${run}`, gates: [{ gate: 'release' }] }])
    expect((await hillock.cli('status')).stdout).toContain(`./hillock approve|reject release/drill/${run} release`)
    expect((await hillock.cli(decision, run)).stderr).toContain('--reason')
    expect((await hillock.cli(decision, run, 'other', '--reason', 'x')).code).toBe(1)
    expect((await hillock.cli(decision, run, '--reason', 'as it should be')).code).toBe(0)
    const { code, stdout } = await done
    expect(code).toBe(decision === 'approve' ? 0 : 1)
    expect(JSON.parse(stdout)).toMatchObject({ published: decision === 'approve', release: told.good })
  }
  const shown = await hillock.json<{ decisions: { decision: string; reason: string }[] }>('release', 'show', told.good)
  expect(shown.decisions).toMatchObject([{ decision: 'reject' }, { decision: 'approve', reason: 'as it should be' }])
}, 300_000)

test('regions that there are not, and releases that do not differ, are refused before or after the channel moved', async () => {
  const none = await hillock.cli('release', 'rollback', 'drill', '--regions', '9_9_9', '--reason', 'x')
  expect(none.code).toBe(1)
  expect(none.stderr).toContain('has no region 9_9_9')
}, 60_000)
