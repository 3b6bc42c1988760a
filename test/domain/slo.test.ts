// Service levels from made-up facts whose figures can be counted by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RunConfig } from '../../domain/config.ts'
import { failed, recoveries, sloReport, union, type StageLevel } from '../../domain/slo/slo.ts'
import type { Artifact, Facts, Task } from '../../domain/slo/facts.ts'

const config = (slo: object = {}): RunConfig =>
  RunConfig.parse({
    dataset: 'd',
    voxelSizeNm: [10, 10, 10],
    source: { stack: 'x.npy' },
    price: { perGibMonth: 2 },
    slo,
  })

const task = (t: Partial<Task>): Task => ({
  run: 'r1',
  workflowId: 'w',
  stage: 'render',
  what: '0_0_0',
  scheduled: 0,
  ended: 1000,
  outcome: 'done',
  attempts: 1,
  handedOver: 0,
  failures: [],
  requests: {},
  artifacts: [],
  ...t,
})
const artifact = (a: Partial<Artifact>): Artifact => ({
  stage: 'render',
  recipe: 'a',
  covers: 'here',
  region: '0_0_0',
  run: 'r1',
  start: 0,
  end: 1000,
  voxels: 1e6,
  bytes: 2 ** 30,
  cost: 1,
  ...a,
})
const facts = (f: Partial<Facts>): Facts => ({
  subject: 'r1',
  dataset: 'd',
  now: 100_000,
  config: config(),
  bounds: { min: [0, 0, 0], max: [100, 100, 100] },
  voxelSizeNm: [10, 10, 10],
  runs: [{ workflowId: 'r1', status: 'completed', start: 0, end: 50_000 }],
  expected: {},
  skipped: {},
  tasks: [],
  artifacts: [],
  candidates: [],
  missing: [],
  ...f,
})
const stage = (f: Facts, name = 'render'): StageLevel => sloReport(f).stages.find(s => s.stage === name)!

describe('attempts', () => {
  it('count as failed by how the activity ended', () => {
    expect(failed(task({ attempts: 3 }))).toBe(2)
    expect(failed(task({ attempts: 3, outcome: 'failed' }))).toBe(3)
    expect(failed(task({ attempts: 3, outcome: 'open' }))).toBe(2)
    expect(failed(task({ attempts: 1, outcome: 'cancelled' }))).toBe(0)
  })

  it('give rates over attempts and over activities', () => {
    const level = stage(
      facts({
        tasks: [task({ attempts: 3 }), task({ what: 'b' }), task({ what: 'c', attempts: 5, outcome: 'failed' })],
      }),
    )
    expect(level).toMatchObject({ attempts: 9, failures: 7, retries: 6, failureRate: 7 / 9, retryRate: 2 / 3 })
  })
})

describe('attempts that were handed over', () => {
  it('are counted apart', () => {
    const level = stage(facts({ tasks: [task({ attempts: 2, handedOver: 10 }), task({ what: 'b', handedOver: 1 })] }))
    expect(level).toMatchObject({ attempts: 3, failures: 1, retries: 1, retryRate: 1 / 2, handedOver: 11 })
  })
})

describe('recovery', () => {
  const at = (ms: number) => ({ at: ms, type: 'StoreError' })

  it('counts from the first failure, across runs of the same work', () => {
    const { closed, open } = recoveries([
      task({ run: 'r2', scheduled: 5000, ended: 9000, attempts: 2, failures: [at(6000)] }),
      task({ run: 'r1', scheduled: 0, ended: 3000, outcome: 'failed', attempts: 2, failures: [at(1000), at(3000)] }),
      task({ what: 'other', scheduled: 0, ended: 2000, attempts: 2, failures: [at(500)] }),
      task({ what: 'lost', scheduled: 0, ended: null, outcome: 'open', attempts: 2, failures: [at(700)] }),
      task({ what: 'fine' }),
    ])
    expect(new Set(closed.map(r => r.to - r.from))).toEqual(new Set([1500, 8000]))
    expect(open).toEqual([at(700)])
  })

  it('starts anew after a success', () => {
    const runs = [0, 10_000].map(t => task({ scheduled: t, ended: t + 3000, attempts: 2, failures: [at(t + 1000)] }))
    expect(recoveries(runs).closed.map(r => r.to - r.from)).toEqual([2000, 2000])
  })
})

describe('throughput', () => {
  it('is over the wall time in which this run had work in hand, and per slot over the time of the artifacts', () => {
    const f = facts({
      config: config({ mvoxelPerSecond: { render: 0.5 } }),
      tasks: [
        task({ scheduled: 0, ended: 4000, artifacts: ['a'] }),
        task({ what: 'b', scheduled: 2000, ended: 5000, artifacts: ['b'] }),
        // Found only: neither its voxels nor its time count.
        task({ what: 'c', scheduled: 20_000, ended: 30_000, artifacts: ['c'] }),
        // The same artifact looked up by a later run.
        task({ run: 'r2', scheduled: 60_000, ended: 70_000, artifacts: ['a'] }),
      ],
      artifacts: [
        artifact({ recipe: 'a', start: 500, end: 3500 }),
        artifact({ recipe: 'b', start: 2500, end: 4500 }),
        artifact({ recipe: 'c', run: null }),
      ],
    })
    expect(stage(f)).toMatchObject({ made: 2, found: 1, wall: 5, mvoxelPerSecond: 0.4, perSlot: 0.4, target: 0.5 })
    expect(sloReport(f).objectives).toEqual([{ name: 'Mvoxel/s of render', target: 0.5, actual: 0.4, met: false }])
  })

  it('unites spans: the same moments, disjoint, whatever the order', () => {
    const span = fc
      .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 9 }))
      .map(([a, n]) => [a, a + n] as const)
    fc.assert(
      fc.property(fc.array(span), spans => {
        const united = union(spans)
        for (const [i, [a, b]] of united.entries()) {
          expect(a).toBeLessThanOrEqual(b)
          if (i > 0) expect(a).toBeGreaterThan(united[i - 1]![1])
        }
        const covered = (list: readonly (readonly [number, number])[], t: number): boolean =>
          list.some(([a, b]) => a <= t && t < b)
        for (let t = 0; t < 70; t++) expect(covered(united, t)).toBe(covered(spans, t))
      }),
    )
  })
})

describe('the schedule', () => {
  const open = (slo: object, more: Partial<Facts> = {}): Facts =>
    facts({
      config: config(slo),
      now: 10_000,
      runs: [{ workflowId: 'r1', status: 'running', start: 0, end: null }],
      expected: { render: 10, mesh: 4 },
      skipped: { render: 1 },
      tasks: [0, 1].map(i => task({ what: `${i}`, scheduled: 0, ended: 8000, artifacts: [`${i}`] })),
      artifacts: [0, 1].map(i => artifact({ recipe: `${i}`, start: 0, end: 8000 })),
      ...more,
    })

  it('puts what is left over the slots that were busy, and names what is not measured', () => {
    // 7 of render at 8 s each over 2 slots = 28 s from now; nothing is known of mesh.
    expect(sloReport(open({ deadline: '1970-01-01T00:00:30Z' })).schedule).toEqual({
      deadline: 30_000,
      end: 38_000,
      actual: false,
      unmeasured: ['mesh'],
    })
  })

  it('takes the time of a stage from earlier runs where this one has not begun it', () => {
    const earlier = artifact({ stage: 'mesh', recipe: 'm', run: null, start: 0, end: 5000 })
    const f = open({})
    const { end, unmeasured } = sloReport({ ...f, artifacts: [...f.artifacts, earlier] }).schedule
    expect(unmeasured).toEqual([])
    expect(end).toBe(10_000 + ((7 * 8 + 4 * 5) / 2) * 1000)
  })

  it('is what happened once the run has ended, and nothing where it failed', () => {
    expect(sloReport(facts({})).schedule).toMatchObject({ end: 50_000, actual: true })
    const died = [{ workflowId: 'r1', status: 'failed' as const, start: 0, end: 50_000 }]
    expect(sloReport(facts({ runs: died })).schedule.end).toBeNull()
  })

  it('forecasts cost for what will be made, not for what is found', () => {
    expect(stage(open({})).forecast).toEqual({ cost: 9, bytes: 9 * 2 ** 30 })
  })
})

describe('cost', () => {
  it('is what the runs spent beside all that stands behind them, with storage by the price table', () => {
    const r = sloReport(facts({ artifacts: [artifact({}), artifact({ recipe: 'b', run: null, cost: 4 })] }))
    expect(r.compute).toEqual({ made: 1, all: 5, forecast: 1 })
    expect(r.storagePerMonth).toEqual({ made: 2, all: 4, forecast: 2 })
    expect(r.cubicMicrons).toBeCloseTo(1)
  })

  it('is forecast by the first tenth of the artifacts, by the time they started', () => {
    const artifacts = Array.from({ length: 20 }, (_, i) =>
      artifact({ recipe: `${i}`, start: 20 - i, cost: i >= 18 ? 3 : 1 }),
    )
    expect(stage(facts({ artifacts })).forecast!.cost).toBe(60)
  })
})

it('hot spots: slowest beyond the median of their stage, regions by load, requests by prefix', () => {
  const artifacts = [
    ...[1, 1, 1, 4].map((s, i) => artifact({ recipe: `r${i}`, covers: `r${i}`, region: `${i}_0_0`, end: s * 1000 })),
    ...[50, 50, 51].map((s, i) => artifact({ stage: 'mesh', recipe: `m${i}`, region: null, end: s * 1000 })),
  ]
  const requests = {
    'get artifacts/render': 3,
    'failed get artifacts/render': 1,
    'throttled get artifacts/render': 1,
    'put raw': 9,
    'bytes put raw': 5,
    'ms put raw': 30,
  }
  const r = sloReport(facts({ artifacts, tasks: [task({ requests }), task({ requests })] }))
  expect(r.slowest[0]).toMatchObject({ covers: 'r3', seconds: 4, median: 1 })
  expect(r.skew.find(s => s.measure === 'seconds')).toMatchObject({
    of: 'regions',
    count: 4,
    median: 1,
    max: 4,
    spread: 4,
    worst: '3_0_0',
  })
  expect(r.requests).toEqual([
    { prefix: 'artifacts/render', sent: { get: 6 }, failed: 2, throttled: 2, bytes: 0, ms: 0 },
    { prefix: 'raw', sent: { put: 18 }, failed: 0, throttled: 0, bytes: 10, ms: 60 },
  ])
})
