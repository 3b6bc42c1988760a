// Pause, resume, budget guard, gates and quarantine, worked as an operator would while a run goes on.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { channelsOf } from '../../../client/catalogue.ts'
import type { Waiting } from '../../../client/operator.ts'
import { connect } from '../../../client/connection.ts'
import { statusOf } from '../../../client/runs.ts'
import type { RunReport } from '../../../client/commands/run.ts'
import { workflowIds } from '../../../domain/contract/names.ts'
import type { Progress } from '../../../domain/contract/run.ts'
import type { Box } from '../../../domain/geometry.ts'
import type { Release } from '../../../domain/release.ts'
import type { ChannelValue } from '../../../domain/releases/channel.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { launchBrowser } from '../../browser.ts'
import { Hillock, TINY } from '../harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-control-'))
const rules = join(folder, 'faults.json')
// Signals, queries, updates and failures work encrypted as in the open.
vi.stubEnv('HILLOCK_PAYLOAD_KEY', '5c'.repeat(32))
const hillock = new Hillock({ HILLOCK_FAULTS: rules })
const objects = fileStore(join(hillock.home, 'bucket'))
/** The first of what is made again here; each another, so that nothing after it is found. */
const std = (n: number): string => `stages.render.std=${n}`

beforeAll(async () => {
  await hillock.fromTiny()
  expect((await hillock.cli('up', '--detach')).code).toBe(0)
}, 300_000)
afterAll(async () => {
  await hillock.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** Of a run from the images on, on this machine as it is loaded now. */
let cost = 0

type Status = Progress & { readonly status: string; readonly waiting: readonly Waiting[] }
const status = (run: string): Promise<Status> => hillock.json<Status>('status', run)
let client: Client | undefined
/** Asks as the command does, without a process for each time. */
async function until(run: string, what: (s: Status) => boolean): Promise<Status> {
  client ??= await connect(hillock.stack().temporal)
  for (let i = 0; i < 400; i++) {
    const s = await statusOf(client, run).catch(() => undefined)
    if (s?.progress) {
      const seen = { ...s.progress, status: s.run.status, waiting: s.waits }
      if (what(seen)) return seen
    }
    await sleep(250)
  }
  throw new Error(`${run}: it never came to ${what.toString()}`)
}

/** What `hillock` does, through the server. */
async function post(path: string, body: object, status = 200): Promise<Record<string, unknown>> {
  const token = await tokenOfAda()
  const answer = await fetch(`${hillock.stack().serving}/operate/tiny/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'over HTTP', ...body }),
  })
  const said = (await answer.json()) as Record<string, unknown>
  expect(answer.status, JSON.stringify(said)).toBe(status)
  return said
}
let token: string | undefined
const tokenOfAda = async (): Promise<string> =>
  (token ??= (await hillock.json<{ token: string }>('token', 'make', 'ada', '--role', 'operator')).token)

/** As somebody does who signs in with a browser and has no mouse. */
async function approve(run: string, gate: string): Promise<void> {
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage()
    await page.goto(`${hillock.stack().serving}/login?to=/runs/tiny/${run}`)
    await page.fill('input[name=token]', await tokenOfAda())
    await page.keyboard.press('Enter')
    // Nobody is as fast as the script of the page is loaded.
    await page.waitForURL(`**/runs/tiny/${run}`)
    await page.focus(`#gate-${gate} input[name=reason]`)
    await page.keyboard.type('looked at it')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByText(/^approve by ada, .*: looked at it$/).waitFor()
  } finally {
    await browser.close()
  }
}
const made = (s: Status, stage: string): number => s.stages.find(r => r.stage === stage)?.made ?? 0

test('a stage and a region are held back while the others go on; then all goes on', async () => {
  // The gate keeps the run from being faster than the order.
  const { done } = started('held', std(31), 'gates=[{name: first, before: maps}]')
  await until('held', s => gateOf(s) !== undefined)
  expect((await hillock.cli('pause', 'held', '--stage', 'affinity', '--reason', 'a look at the EM')).code).toBe(0)
  await approve('held', 'first')
  const held = await until('held', s => made(s, 'render') === 4 && s.phase === 'maps')
  expect(held.pauses).toMatchObject([{ stage: 'affinity', region: null, reason: 'a look at the EM' }])
  await sleep(3000)
  expect(made(await status('held'), 'affinity')).toBe(0)
  expect((await hillock.cli('status', 'held')).stdout).toContain('PAUSED: stage affinity')

  const { pauses } = await post('runs/held/pause', { region: '1_1_0' })
  expect(pauses).toContainEqual({ stage: null, region: '1_1_0', by: 'ada', reason: 'over HTTP' })
  await order('resume', 'held', '--stage', 'affinity')
  await until('held', s => made(s, 'affinity') === 3)
  await sleep(2000)
  expect(made(await status('held'), 'affinity')).toBe(3)
  await post('runs/held/resume', { region: '1_1_0' })

  const result = JSON.parse((await done).stdout) as RunReport
  expect(result.published).toBe(true)
  cost = result.cost
}, 300_000)

test('orders that make no sense are refused with the reason', async () => {
  const wrong = await hillock.cli('resume', 'held', '--stage', 'mesh', '--reason', 'x')
  expect(wrong.code).toBe(1)
  expect((await hillock.cli('pause', 'nobody', '--reason', 'x')).stderr).toContain('no run is called nobody')
  for (const [path, body, status] of [
    ['runs/held/resume', { stage: 'mesh' }, 409],
    ['runs/nobody/pause', {}, 409],
    ['runs/held/gates/first/approve', {}, 409],
    ['publish', { release: 'nothing' }, 404],
    ['publish', { release: 'nothing', force: true }, 403],
    ['rollback', { channel: 'candidate', to: 'nothing' }, 409],
  ] as const)
    expect(Object.keys(await post(path, body, status))).toEqual(['error', 'todo'])
}, 60_000)

test('a release is taken back and published again over HTTP, with who and why', async () => {
  const channel = async (): Promise<ChannelValue> => (await channelsOf(objects, 'tiny'))['published']!
  const [now, before] = [(await channel()).release, (await channel()).earlier[0]!]
  expect(await post('rollback', {})).toMatchObject({ from: now, by: 'ada' })
  await vi.waitFor(async () => expect((await channel()).release).toBe(before), { timeout: 60_000, interval: 200 })
  client ??= await connect(hillock.stack().temporal)
  await client.workflow.getHandle(workflowIds.rollback('tiny', 'published', now)).result()
  expect(await post('publish', { release: now })).toMatchObject({ release: now, by: 'ada', reason: 'over HTTP' })
  expect(await channel()).toMatchObject({ release: now, by: 'ada', reason: 'over HTTP' })
}, 120_000)

test('a run pauses itself before it has spent its budget, and goes on with a higher one', async () => {
  const limit = cost * 0.8
  const sets = [`budget.cost=${limit}`, std(32)].flatMap(v => ['--set', v])
  const { done } = hillock.start('run', TINY, '--json', '--name', 'poor', ...sets)
  const paused = await until('poor', p => p.pauses.length > 0)
  expect(paused.pauses[0]!.by).toBe('budget guard')
  const [, spent] = /^spent (\S+) with about \S+ under way: .*budget\.cost/.exec(paused.pauses[0]!.reason)!
  expect(Number(spent)).toBeLessThan(limit)
  const all = (s: Status): number => s.stages.reduce((n, r) => n + r.made, 0)
  let before = -1
  for (let now = 0; now !== before; now = all(await status('poor'))) {
    before = now
    await sleep(4000)
  }
  // What was under way takes as long as this machine is loaded; nothing else has begun.
  const rest = await status('poor')
  expect([rest.status, made(rest, 'graph'), made(rest, 'evaluate')]).toEqual(['RUNNING', 0, 0])
  const low = await hillock.cli('resume', 'poor', '--reason', 'go on', '--budget', '0.00000001')
  expect(low.code).toBe(1)
  expect(low.stderr).toContain('give a higher one')
  expect((await hillock.cli('resume', 'poor', '--reason', 'granted', '--budget', '1')).code).toBe(0)
  expect((JSON.parse((await done).stdout) as RunReport).published).toBe(true)
}, 300_000)

const gateOf = (s: Status): { gate: string; summary: string } | undefined => s.waiting.flatMap(w => w.gates)[0]
const started = (run: string, ...sets: string[]): ReturnType<Hillock['start']> =>
  hillock.start('run', TINY, '--json', '--name', run, ...sets.flatMap(v => ['--set', v]))
const order = async (...args: string[]): Promise<void> => {
  const { code, stderr } = await hillock.cli(...args, '--reason', 'looked at it')
  expect(code, stderr).toBe(0)
}

test('a canary region comes first, the gate says what it came to, and the rest waits for the decision', async () => {
  const run = started('canary', 'gates=[{name: canary, before: maps, canary: [1_0_0]}]', std(34))
  let shown = ''
  run.child.stderr!.on('data', (d: Buffer) => (shown += d.toString()))
  // Counts follow a moment after the gate.
  const open = await until('canary', s => gateOf(s) !== undefined && made(s, 'affinity') > 0)
  expect(gateOf(open)).toMatchObject({ gate: 'canary' })
  expect(gateOf(open)!.summary).toMatch(/1_0_0 of phase maps: affinity 1 made, 0 found.*the rest about/)
  expect([made(open, 'render'), made(open, 'affinity'), made(open, 'supervoxel')]).toEqual([4, 1, 0])
  await sleep(3000)
  expect(made(await status('canary'), 'affinity')).toBe(1)
  // The command looks for gates every few seconds.
  await vi.waitFor(() => expect(shown).toContain('./hillock approve|reject reconstruct/tiny/canary canary'), 30_000)
  await order('approve', 'canary', 'canary')
  const report = JSON.parse((await run.done).stdout) as RunReport
  expect(report.published).toBe(true)
  expect(report.stages.find(s => s.stage === 'affinity')).toMatchObject({ made: 4, found: 0, total: 4 })
}, 300_000)

test('a rejected gate ends the run, with who and why', async () => {
  const run = started('rejected', 'gates=[{name: look, before: tree}]')
  await until('rejected', s => gateOf(s)?.gate === 'look')
  await order('reject', 'rejected')
  const { code, stderr } = await run.done
  expect(code).toBe(1)
  expect(stderr).toMatch(/rejected at gate look by .*: looked at it/)
}, 120_000)

test('a run whose seams fit worse than the run file allows pauses itself before it renders', async () => {
  const run = started('loose', 'budget.stitchResidualPx=0.0001')
  const paused = await until('loose', p => p.pauses.length > 0)
  expect(paused.pauses[0]!.reason).toMatch(/stitchResidualPx is .*: the line is 0.0001/)
  expect(paused.stages.some(s => s.stage === 'render' && s.found + s.made > 0)).toBe(false)
  await order('resume', 'loose')
  expect((JSON.parse((await run.done).stdout) as RunReport).published).toBe(true)
}, 120_000)

type LeafExtent = { readonly node: string; readonly level: number }

interface Quarantine {
  readonly blocks: readonly {
    readonly stage: string
    readonly what: string
    readonly reason: string
  }[]
}

/** Of each stage that goes region by region one that fails for good; the last is tried five times first. */
const regions = {
  affinity: '1_1_0',
  rag: '0_1_0',
  agglomerate: '0/1_0_0',
  'merge-table': '0_0_0',
  measure: '1_0_0',
  mesh: '1_0_0',
  skeleton: '1_0_0',
  synapse: '1_0_0',
  pyramid: '0/1_1_0',
  'label-pyramid': '0/0_1_0',
  render: '0_1_0',
}

test('a poison block or region is set aside with its reason; it can be tried again, or declared as a hole and made whole later', async () => {
  const clean = JSON.parse((await started('clean').done).stdout) as RunReport
  const release = await hillock.json<Release>('release', 'show', clean.release)
  const artifacts = artifactStore(objects, { quarantined: true })
  /** As if the store had lost what the block belongs to, or a region, so that it has to be made. */
  const lose = async (stage: string, cell: string): Promise<void> => {
    const region = cell.split('/').at(-1)!
    const low = region
      .split('_')
      .map(i => 64 * Number(i))
      .join()
    for (const ref of release.stages![stage]!) {
      const extent = (await artifacts.lineage(ref.stage, ref.recipe))!.recipe.extent as Partial<Box & LeafExtent>
      if (extent.min?.join() === low || (extent.node === region && extent.level === 0))
        await artifacts.quarantine(ref, { kind: 'damaged', reason: 'lost', by: 'ada' })
    }
  }
  const poison = { match: '^supervoxel .* block 1_0_1$', when: 'before', attempts: 9, type: 'ComputeLost' }
  writeFileSync(rules, JSON.stringify([poison]))
  await lose('supervoxel', '1_0_0')

  const retried = started('retried', 'quarantine=ask')
  const asked = await until('retried', s => gateOf(s) !== undefined)
  expect(gateOf(asked)!.summary).toMatch(
    /1 blocks and regions failed on every attempt: supervoxel block 1_0_1: fault on purpose/,
  )
  // The page has it beside the gate, out of the index of the phase that is done.
  const shown = await (await fetch(`${hillock.stack().serving}/runs/tiny/retried`)).text()
  expect(shown).toMatch(/failed on every attempt: 1<[^]*supervoxel, block 1_0_1: fault on purpose/)
  await order('retry', 'retried')
  await until('retried', s => gateOf(s)?.gate === 'quarantine-2')
  writeFileSync(rules, '[]')
  await order('retry', 'retried')
  expect(JSON.parse((await retried.done).stdout)).toMatchObject({ digest: clean.digest, holes: clean.holes })

  const poisons = Object.entries(regions).map(([stage, cell]) => ({
    match: `^${stage} ${stage}/${cell}@`,
    when: 'before',
    attempts: 9,
    // Of these the one is tried again, the other not.
    type: stage === 'render' ? 'ComputeLost' : 'QuarantinedBlock',
  }))
  writeFileSync(rules, JSON.stringify([poison, ...poisons]))
  const whole = await hillock.json<Release>('release', 'show', 'tiny/published')
  release.stages!['supervoxel'] = whole.stages!['supervoxel']!
  await lose('supervoxel', '1_0_0')
  for (const [stage, cell] of Object.entries(regions)) await lose(stage, cell)
  const declared = started('declared', 'quarantine=ask')
  await until('declared', s => gateOf(s) !== undefined)
  await order('approve', 'declared')
  const report = JSON.parse((await declared.done).stdout) as RunReport
  expect(report.digest).not.toBe(clean.digest)
  const set = Object.entries(regions).map(([stage, cell]) => ({ stage, what: `region ${cell.replace('0/', '')}` }))
  const names = (holes: readonly { stage: string; what: string }[]): string[] =>
    holes.map(h => `${h.stage} ${h.what}`).sort()
  expect(names(report.holes)).toEqual(names([...clean.holes, { stage: 'supervoxel', what: 'block 1_0_1' }, ...set]))
  const listed = await hillock.json<Quarantine>('quarantine', report.release)
  expect(listed.blocks).toHaveLength(1 + set.length)
  for (const { reason } of listed.blocks) expect(reason).toContain('fault on purpose')
  expect(report.stages.find(s => s.stage === 'render')).toMatchObject({ quarantined: 1, retries: 5 })
  expect((await hillock.cli('verify', report.release)).code).toBe(0)
  writeFileSync(rules, '[]')
  await order('quarantine', report.release, '--retry')
  expect(JSON.parse((await started('mended').done).stdout)).toMatchObject({ digest: clean.digest, holes: clean.holes })
}, 400_000)
