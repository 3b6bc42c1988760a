// Service levels of runs with faults on purpose equal what the injector counted; dashboards name only metrics that workers export.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import type { Release } from '../../../domain/release.ts'
import type { SloReport, StageLevel } from '../../../domain/slo/slo.ts'
import { stages, type StageName } from '../../../domain/stages.ts'
import { archiveFolder } from '../../../storage/provenance/histories.ts'
import { Hillock, TINY } from '../harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-slo-'))
const rules = join(folder, 'faults.json')
interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
}
const spans: Span[] = []
/** As a collector of OpenTelemetry takes them. */
const collector = createServer((request, response) => {
  void json(request).then(sent => {
    for (const { scopeSpans } of (sent as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }).resourceSpans)
      for (const { spans: some } of scopeSpans) spans.push(...some)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
})
await new Promise<void>(listening => collector.listen(0, '127.0.0.1', listening))
const hillock = new Hillock({
  HILLOCK_FAULTS: rules,
  HILLOCK_LOG: 'json',
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
})

interface Line {
  readonly activityType: string
  readonly activityId: string
  readonly when: 'before' | 'after' | 'passed'
  readonly type: string | null
  readonly at: number
}
const injected = (): Line[] =>
  existsSync(`${rules}.log`)
    ? readFileSync(`${rules}.log`, 'utf8')
        .trim()
        .split('\n')
        .map(l => JSON.parse(l) as Line)
    : []
const faults = (list: readonly object[]): void => {
  rmSync(`${rules}.log`, { force: true })
  writeFileSync(rules, JSON.stringify(list))
}
const isFault = (l: Line): boolean => l.when !== 'passed'
const slo = (subject: string): Promise<SloReport> => hillock.json<SloReport>('slo', subject)
const levelOf = (r: SloReport, stage: string): StageLevel => r.stages.find(s => s.stage === stage)!

let log: Line[]
let report: SloReport
let scraped: string[]
beforeAll(async () => {
  faults([
    { match: '^align ', when: 'before', attempts: 1, type: 'kill' },
    { match: '^render .*0_0_0@', when: 'before', attempts: 2, type: 'StoreError' },
    { match: '^affinity .*1_0_0@', when: 'after', attempts: 1, type: 'ComputeLost' },
    { match: '^graph ', when: 'before', attempts: 3, type: 'StoreError' },
  ])
  const set = ['slo.mvoxelPerSecond.render=1000', 'budget.failureRate=0.5', 'slo.deadline=2001-01-01']
  const { code, stderr } = await hillock.cli('run', TINY, '--name', 'shaken', ...set.flatMap(s => ['--set', s]))
  expect(code, stderr).toBe(0)
  delete hillock.env['OTEL_EXPORTER_OTLP_ENDPOINT']
  log = injected()
  report = await slo('shaken')
  const { metrics, serving } = hillock.stack()
  scraped = (
    await Promise.all(
      [...Object.values(metrics), `${serving}/metrics`].map(async url =>
        (await fetch(url)).text().then(t => t.split('\n')),
      ),
    )
  ).flat()
}, 400_000)
afterAll(async () => {
  await hillock.close()
  collector.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test('failures, retries and times to recovery are those that the injector counted', () => {
  expect(log.filter(isFault)).toHaveLength(7)
  for (const level of report.stages) {
    const own = log.filter(l => l.activityType === level.stage)
    const kinds: Record<string, number> = {}
    for (const l of own.filter(isFault)) {
      const kind = l.type === 'kill' ? 'Lost' : l.type!
      kinds[kind] = (kinds[kind] ?? 0) + 1
    }
    expect(level, level.stage).toMatchObject({
      failures: own.filter(isFault).length,
      retries: own.filter(isFault).length,
      failuresByType: kinds,
      unrecovered: 0,
    })
    if (own.length === 0) expect(level.recoverySeconds, level.stage).toBeNull()
    else {
      const seconds = (own.find(l => l.when === 'passed')!.at - own[0]!.at) / 1000
      // The server hears of a success a moment after the injector; on a busy machine the moment is longer.
      expect(level.recoverySeconds! - seconds, level.stage).toBeGreaterThan(-0.1)
      expect(level.recoverySeconds! - seconds, level.stage).toBeLessThan(3)
    }
  }
  const tries = report.stages.reduce((n, s) => n + s.attempts, 0)
  expect(report.failureRate).toBeCloseTo(7 / tries)
  // Of a killed worker nothing is heard until its heartbeat is missed.
  expect(levelOf(report, 'align').recoverySeconds).toBeGreaterThan(stages.align.timeout.heartbeat)
})

test('what was made is known from lineage, also where its first attempt was thought to have failed', () => {
  expect(levelOf(report, 'affinity')).toMatchObject({ made: 4, found: 0, voxels: 128 * 128 * 64 })
  expect(levelOf(report, 'match').made).toBe(125)
  expect(report.candidates).toHaveLength(1)
  expect(report.candidates[0]!.own).toBe(true)
  expect(report.requests.find(r => r.prefix === 'artifacts/affinity')!.sent['put']).toBeGreaterThan(0)
  const bytes = report.stages.reduce((n, s) => n + s.bytes, 0)
  expect(report.stored).toMatchObject({ made: bytes, all: bytes })
})

test('targets of the run file are held against it', () => {
  expect(report.objectives).toMatchObject([
    { name: 'Mvoxel/s of render', target: 1000, met: false },
    { target: 0.5, met: true },
  ])
  const { deadline, end, actual } = report.schedule
  expect(actual).toBe(true)
  expect(end).toBeGreaterThan(deadline!)
})

test('a release and a dataset are reported as well, and as a page', async () => {
  const release = report.candidates[0]!.release
  const same = await slo(`tiny/${release}`)
  expect({ ...same, subject: '', now: 0 }).toEqual({ ...report, subject: '', now: 0 })
  expect((await slo('tiny')).runs.map(r => r.workflowId)).toEqual(['reconstruct/tiny/shaken'])
  const file = join(folder, 'page.html')
  await hillock.cli('slo', 'shaken', '--html', file)
  const page = readFileSync(file, 'utf8')
  expect(page).toContain('<svg')
  expect(page).not.toMatch(/NaN|undefined|Infinity|src=|@import|url\(/)
  expect((await hillock.cli('slo', 'nothing')).stderr).toContain('ConfigError')
})

const samples = (name: string): string[] => scraped.filter(l => l.startsWith(`${name}{`))

test('the counters of the workers agree with the injector', () => {
  const total = (name: string): number => samples(name).reduce((n, l) => n + Number(l.slice(l.lastIndexOf(' '))), 0)
  expect(total('hillock_failed_attempts_total')).toBe(7)
  expect(total('hillock_failures_total')).toBe(7)
  expect(total('hillock_recoveries_total')).toBe(4)
  const recovering = report.stages.reduce((n, s) => n + (s.recoverySeconds ?? 0) * s.recovered, 0)
  expect(Math.abs(total('hillock_recovery_milliseconds_total') / 1000 - recovering)).toBeLessThan(6)
})

test('the log of a worker says in one object per line which attempt at which stage of which run failed', () => {
  const lines = readFileSync(join(hillock.home, 'logs/cpu.log'), 'utf8').trim().split('\n')
  const objects = lines.map(l => JSON.parse(l) as Record<string, unknown>)
  for (const attempt of [1, 2])
    expect(objects).toContainEqual(
      expect.objectContaining({ dataset: 'tiny', run: 'shaken', stage: 'render', attempt, role: 'cpu' }),
    )
  expect(objects[0]).toMatchObject({ hostname: expect.any(String), build: expect.any(String) })
})

test('a collector gets one trace of the run, from the command to the kernels of a region', async () => {
  await vi.waitFor(() => {
    const byId = new Map(spans.map(s => [s.spanId, s]))
    const above = (s: Span | undefined): string[] => (s ? [s.name, ...above(byId.get(s.parentSpanId ?? ''))] : [])
    expect(spans.filter(s => s.name === 'inference onnx').map(above)).toContainEqual(
      expect.arrayContaining(['RunActivity:affinity', 'RunWorkflow:reconstruct', 'StartWorkflow:reconstruct']),
    )
  }, 30_000)
})

test('every metric and label in the dashboard and the alerts is exported by a worker or the serving process', () => {
  const { panels } = JSON.parse(readFileSync('deploy/monitoring/dashboard.json', 'utf8')) as {
    panels: { targets: { expr: string }[] }[]
  }
  const { groups } = parse(readFileSync('deploy/monitoring/alerts.yaml', 'utf8')) as {
    groups: { rules: { expr: string }[] }[]
  }
  const all = [...panels.flatMap(p => p.targets), ...groups.flatMap(g => g.rules)].map(x => x.expr)
  expect(all.length).toBeGreaterThan(20)
  for (const expr of all) {
    const names = [...new Set(expr.match(/\b(hillock|temporal)_\w+/g))]
    // `up` is made by Prometheus itself.
    if (!expr.startsWith('up{')) expect(names.length, expr).toBeGreaterThan(0)
    for (const name of names) expect(samples(name).length, name).toBeGreaterThan(0)
    const grouped = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(m => m[1]!.split(', '))
    for (const label of grouped)
      for (const name of names)
        expect(
          samples(name).some(l => l.includes(`${label}="`)),
          `${label} of ${name}`,
        ).toBe(true)
    for (const [, name, matchers] of expr.matchAll(/((?:hillock|temporal)_\w+)\{([^}]*)\}/g))
      for (const [, label] of matchers!.matchAll(/(\w+)!?=/g))
        expect(
          samples(name!).some(l => l.includes(`${label}="`)),
          `${label} of ${name}`,
        ).toBe(true)
  }
})

test('a run that goes wrong: seen while it does, unrecovered when it has failed, recovered by the next one', async () => {
  faults([{ match: '^skeleton-join ', when: 'before', attempts: 99, type: 'StoreError' }])
  const sets = ['--set', 'stages.agglomerate.threshold=0.9', '--set', 'slo.deadline=2099-01-01']
  const { done } = hillock.start('run', TINY, '--name', 'bad', ...sets)
  let ended = false
  void done.then(() => (ended = true))
  while (!ended && injected().length < 3) await sleep(100)
  const during = await slo('bad')
  expect(during.runs[0]!.status).toBe('running')
  expect(levelOf(during, 'skeleton-join').failures).toBeGreaterThanOrEqual(3)
  expect(levelOf(during, 'skeleton-join').unrecovered).toBe(1)
  expect(during.schedule.actual).toBe(false)
  expect(during.schedule.unmeasured).toContain('skeleton-join')
  expect(levelOf(during, 'affinity')).toMatchObject({ made: 0, found: 4 })

  expect((await done).code).toBe(1)
  const tries = stages['skeleton-join' satisfies StageName].retry.attempts
  const first = injected()[0]!.at
  expect(levelOf(await slo('bad'), 'skeleton-join')).toMatchObject({
    failures: tries,
    retries: tries - 1,
    unrecovered: 1,
  })

  faults([])
  const before = Date.now()
  expect((await hillock.cli('run', TINY, '--name', 'good', ...sets)).code).toBe(0)
  const level = levelOf(await slo('tiny'), 'skeleton-join')
  expect(level).toMatchObject({ failures: tries, recovered: 1, unrecovered: 0 })
  expect(level.recoverySeconds).toBeGreaterThan((before - first) / 1000)
  expect(level.recoverySeconds).toBeLessThan((Date.now() - first) / 1000)
}, 300_000)

test('when the server has forgotten a run, its archived histories say the same', async () => {
  const { run } = await hillock.json<Release>('release', 'show', `tiny/${report.candidates[0]!.release}`)
  const index = join(hillock.home, 'bucket', archiveFolder(run), 'index.json')
  while (!existsSync(index)) await sleep(200)
  await hillock.cli('down')
  rmSync(join(hillock.home, 'temporal'), { recursive: true })
  expect((await hillock.cli('up', '--detach')).code).toBe(0)
  const later = await slo(`tiny/${report.candidates[0]!.release}`)
  expect(later).toMatchObject({
    missing: [],
    stages: report.stages,
    compute: report.compute,
    requests: report.requests,
  })
}, 120_000)
