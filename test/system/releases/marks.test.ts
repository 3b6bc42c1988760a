// What is marked is made again or left out by the next run, and nothing else is; a lifted mark brings everything back.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../../client/commands/run.ts'
import type { Plan } from '../../../domain/plan/plan.ts'
import type { Release } from '../../../domain/release.ts'
import { counts, Hillock, made, TINY } from '../harness.ts'

const IMAGES = 'through=render'
const hillock = new Hillock()
let first: RunReport

beforeAll(async () => {
  first = await hillock.fromTiny()
}, 300_000)
afterAll(() => hillock.close(), 60_000)

const segmentOf = async (release: string, cell: string): Promise<string> => {
  const r = await hillock.json<Release>('release', 'show', release)
  return `segment/${r.layers.segmentation!.regions![cell]!.recipe}`
}
const mark = (...args: string[]): Promise<{ mark: { id: string } }> => hillock.json('invalidate', ...args)
const plan = (...sets: string[]): Promise<Plan> => hillock.json('plan', TINY, ...sets.flatMap(s => ['--set', s]))
const certain = (p: Plan): string[] =>
  p.items.filter(i => i.certain).map(i => `${i.stage} ${i.cell}: ${i.why.join('; ')}`)
const lift = (id: string) => hillock.json('invalidate', '--lift', id)

test('a damaged artifact is made again with the same bytes, and nothing else is', async () => {
  const artifact = await segmentOf(first.release, '1_0_0')
  await mark('--artifact', artifact, '--damaged', '--reason', 'disk lost it')
  expect(certain(await plan())).toEqual(['segment 1_0_0: marked damaged: disk lost it'])
  const r = await hillock.run(TINY)
  expect(made(r)).toEqual(['segment'])
  expect(counts(r)['segment']).toEqual([1, 3])
  expect(r.digest).toBe(first.digest)
  expect(await segmentOf(r.release, '1_0_0')).not.toBe(artifact)
  expect((await plan()).items).toEqual([])
  expect(made(await hillock.run(TINY))).toEqual([])
}, 300_000)

test('a bad one that comes out the same is refused; old releases still read it; lifted, it is taken again', async () => {
  const artifact = await segmentOf(first.release, '0_1_0')
  await mark('--artifact', artifact, '--reason', 'merge error')
  const { code, stderr } = await hillock.cli('run', TINY)
  expect(code).toBe(1)
  expect(stderr).toContain('QuarantinedArtifact')
  expect(stderr).toContain(
    'was marked bad (merge error) and made again, the same bytes: change parameters or lift the mark',
  )
  const layer = hillock.layer(first, 'segmentation')
  const { scales } = (await (await fetch(`${layer}/info`)).json()) as { scales: { key: string }[] }
  expect((await fetch(`${layer}/${scales[0]!.key}/2.shard`)).status).toBe(200)
  expect((await hillock.cli('lineage', first.release)).code).toBe(0)
  const { artifacts } = await hillock.json<{ artifacts: { id: string; kind: string }[] }>('invalidate', '--list')
  expect(artifacts.map(a => a.kind).sort()).toEqual(['bad', 'damaged'])
  await lift(artifact)
  const r = await hillock.run(TINY)
  expect(made(r)).toEqual([])
  expect(r.digest).toBe(first.digest)
}, 300_000)

test('a box is left out of the regions that show it, with its reason in plan and holes', async () => {
  const images = await hillock.run(TINY, IMAGES)
  expect(made(images)).toEqual([])
  const { id } = (await mark('--dataset', 'tiny', '--box', '4,4,10:20,20,12', '--reason', 'dirt on the lens')).mark
  const why = 'box 4-20_4-20_10-12 marked bad: dirt on the lens'
  expect(certain(await plan(IMAGES))).toEqual([`render 0_0_0: ${why}`])
  const r = await hillock.run(TINY, IMAGES)
  expect(counts(r)).toMatchObject({ align: [0, 1], render: [1, 3], pyramid: [2, 3] })
  expect(r.holes.filter(h => h.stage === 'render')).toEqual([
    { stage: 'render', what: 'region 0_0_0 box 4-20_4-20_10-12', reason: 'dirt on the lens' },
  ])
  expect(r.layerDigests['em']).not.toBe(images.layerDigests['em'])
  // A plan made under a mark does not hold once the mark is lifted.
  const under = await plan(IMAGES, 'stages.render.std=30')
  await lift(id)
  const late = await hillock.cli('run', '--plan', under.id)
  expect(late.stderr).toContain('PlanChanged')
  expect(made(await hillock.run(TINY, IMAGES))).toEqual([])
}, 300_000)

test('a section is left out by name, by mark as by the run file', async () => {
  await mark('--dataset', 'tiny', '--section', '30', '--reason', 'knife mark')
  expect(certain(await plan(IMAGES))).toEqual(['align all: section 30 marked bad: knife mark'])
  const r = await hillock.run(TINY, IMAGES)
  expect(counts(r)).toMatchObject({ match: [0, 125], align: [1, 0] })
  expect(counts(r)['render']![0]).toBeGreaterThan(0)
  expect(r.holes).toContainEqual({ stage: 'align', what: 'section 30', reason: 'knife mark; section 29 stands in' })
  const { data } = await hillock.json<{ data: { id: string }[] }>('invalidate', '--list', '--dataset', 'tiny')
  await lift(data[0]!.id)
  const byHand = await hillock.run(TINY, IMAGES, 'exclude.sections=[{section: 30, reason: knife mark}]')
  expect(made(byHand)).toEqual([])
  expect(byHand.digest).toBe(r.digest)
}, 300_000)

test('an audit reads what was marked since, and makes a later generation as such', async () => {
  await mark('--artifact', await segmentOf(first.release, '0_0_0'), '--damaged', '--reason', 'disk lost it')
  const again = await hillock.run(TINY)
  expect(made(again)).toEqual(['segment'])
  const { stages } = await hillock.json<Release>('release', 'show', again.release)
  await mark('--artifact', `supervoxel/${stages!['supervoxel']![0]!.recipe}`, '--reason', 'torn')
  const audit = await hillock.json<{ ok: boolean; findings: unknown[]; counts: Record<string, number> }>(
    'audit',
    again.release,
    '--all',
  )
  expect(audit.findings).toEqual([])
  expect(audit.counts['artifactsEqual']).toBe(audit.counts['artifactsRemade'])
  expect(audit.counts['artifactsRemade']).toBeGreaterThanOrEqual(Object.values(stages!).flat().length)
}, 600_000)

test.each([
  [['--section', '64', '--dataset', 'tiny', '--reason', 'x'], 'there is no section 64; they go from 0 to 63'],
  [['--section', '1', '--dataset', 'tinny', '--reason', 'x'], 'there is no release of it; there are: tiny'],
  [['--box', '0,0,0:9,9,0', '--dataset', 'tiny', '--reason', 'x'], 'give it as x0,y0,z0:x1,y1,z1'],
  [['--section', '1', '--dataset', 'tiny'], '--reason: say why'],
  [['--artifact', 'segment/12', '--reason', 'x'], 'name an artifact as stage/recipe'],
  [['--artifact', `segment/${'0'.repeat(64)}`, '--reason', 'x'], 'no readable lineage record'],
  [['--lift', 'section-1-00000000'], 'no such mark stands'],
  [['--list', '--section', '1'], 'say one of'],
])('invalidate %j is refused', async (args, message) => {
  const { code, stderr } = await hillock.cli('invalidate', ...args)
  expect(code).toBe(1)
  expect(stderr).toContain(message)
})
