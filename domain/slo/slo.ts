// Service levels of a run, a release or a dataset: facts from histories and lineage in, the report out.
import type { Failure } from '../contract/artifacts.ts'
import { shapeOf, product } from '../geometry.ts'
import type { Artifact, Facts, Task } from './facts.ts'
import { quantiles, ratio, requestsOf, seconds, skews, slowestOf, sum } from './hot-spots.ts'
import { stageNames } from '../stages.ts'

/** Attempts that failed. An open activity is on an attempt that has not failed yet; so was a cancelled one. */
export const failed = (t: Task): number => (t.outcome === 'failed' ? t.attempts : Math.max(0, t.attempts - 1))

type Span = readonly [number, number]
/** Disjoint spans that cover the same moments. */
export function union(spans: readonly Span[]): Span[] {
  const out: [number, number][] = []
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = out.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out
}
const lengthOf = (spans: readonly Span[]): number => sum(spans, ([a, b]) => b - a) / 1000

/** From the first failure of the same work to its success, across runs; what has not succeeded yet is `open`. */
export function recoveries(tasks: readonly Task[]) {
  const first = new Map<string, Failure>()
  const closed: { readonly what: string; readonly from: number; readonly to: number }[] = []
  for (const t of tasks.toSorted((a, b) => a.scheduled - b.scheduled)) {
    const key = `${t.stage} ${t.what}`
    if (t.failures[0] && !first.has(key)) first.set(key, t.failures[0])
    const since = first.get(key)
    if (!since || t.outcome !== 'done') continue
    closed.push({ what: key, from: since.at, to: t.ended! })
    first.delete(key)
  }
  return { closed, open: [...first.values()] }
}

export type StageLevel = ReturnType<typeof levelOf>
function levelOf(stage: string, f: Facts) {
  const tasks = f.tasks.filter(t => t.stage === stage)
  const all = f.artifacts.filter(a => a.stage === stage)
  const made = all.filter(a => a.run !== null)
  const makers = new Map(made.map(a => [a.recipe, a.run]))
  const working = tasks.filter(t => t.artifacts.some(r => makers.get(r) === t.run) || t.outcome === 'open')
  const busy = union(working.map(t => [t.scheduled, t.ended ?? f.now]))
  const wall = lengthOf(busy)
  const voxels = sum(made, a => a.voxels)
  const attempts = sum(tasks, t => t.attempts)
  const failures = sum(tasks, failed)
  const told = tasks.flatMap(t => t.failures)
  const { closed, open } = recoveries(tasks)
  const early = made.toSorted((a, b) => a.start - b.start).slice(0, Math.ceil(made.length / 10))
  const found = all.length - made.length + (isOpen(f) ? (f.skipped[stage] ?? 0) : 0)
  const total = isOpen(f) ? Math.max(made.length, (f.expected[stage] ?? 0) - found) : made.length
  const mean = (g: (a: Artifact) => number): number => (sum(early, g) / early.length) * total
  return {
    stage,
    made: made.length,
    found,
    voxels,
    /** Wall seconds in which it had work in hand. */
    wall,
    /** Million voxels per second of that time, and per second of one worker slot. */
    mvoxelPerSecond: ratio(voxels / 1e6, wall),
    perSlot: ratio(voxels / 1e6, sum(made, seconds)),
    target: f.config.slo.mvoxelPerSecond[stage as never] ?? null,
    attempts,
    failures,
    retries: sum(tasks, t => Math.max(0, t.attempts - 1)),
    /** Attempts that workers handed over because they were told to end; in no other figure. */
    handedOver: sum(tasks, t => t.handedOver),
    /** Share of attempts that failed; share of activities that needed another attempt. */
    failureRate: ratio(failures, attempts),
    retryRate: ratio(tasks.filter(t => t.attempts > 1).length, tasks.length),
    failuresByType: tally(told.map(x => x.type)),
    /** Mean seconds from first failure to success, over so many; and what failed and has not succeeded. */
    recoverySeconds: ratio(sum(closed, r => r.to - r.from) / 1000, closed.length),
    recovered: closed.length,
    unrecovered: open.length,
    cost: sum(made, a => a.cost),
    bytes: sum(made, a => a.bytes),
    /** What the first tenth of its artifacts foretold for all of them; null before the first is made. */
    forecast: early.length > 0 ? { cost: mean(a => a.cost), bytes: mean(a => a.bytes) } : null,
    /** Of the artifacts made. */
    secondsEach: quantiles(made.map(seconds)),
    busy,
    failedAt: told.map(x => x.at),
  }
}

const tally = (names: readonly string[]): Record<string, number> => {
  const out: Record<string, number> = {}
  for (const n of names) out[n] = (out[n] ?? 0) + 1
  return out
}

const isOpen = (f: Facts): boolean => f.runs.at(-1)?.status === 'running'

/** Work left (in seconds of one slot, at the mean of what is known of each stage) over the slots that were busy so far. */
function scheduleOf(f: Facts): {
  readonly deadline: number | null
  /** When the last run ended, or would end at the speed measured so far; null when it ended without a release or nothing is measured. */
  readonly end: number | null
  readonly actual: boolean
  /** Stages of which nothing is measured yet: the end is not before `end`. */
  readonly unmeasured: readonly string[]
} {
  const run = f.runs.at(-1)
  const deadline = f.config.slo.deadline === undefined ? null : Date.parse(f.config.slo.deadline)
  if (!run || run.status !== 'running')
    return { deadline, end: run?.status === 'completed' ? run.end : null, actual: true, unmeasured: [] }
  const tasks = f.tasks.filter(t => t.run === run.workflowId)
  const done = new Set(tasks.flatMap(t => t.artifacts))
  const unmeasured: string[] = []
  let left = 0
  for (const [stage, expected] of Object.entries(f.expected)) {
    const known = f.artifacts.filter(a => a.stage === stage)
    const missing = expected - (f.skipped[stage] ?? 0) - known.filter(a => done.has(a.recipe)).length
    if (missing <= 0) continue
    if (known.length === 0) unmeasured.push(stage)
    else left += (missing * sum(known, seconds)) / known.length
  }
  const worked = sum(
    f.artifacts.filter(a => a.run === run.workflowId),
    seconds,
  )
  const slots = ratio(worked, lengthOf(union(tasks.map(t => [t.scheduled, t.ended ?? f.now]))))
  return { deadline, end: slots ? f.now + (left / slots) * 1000 : null, actual: false, unmeasured }
}

export interface Amount {
  /** By the runs in question. */
  readonly made: number
  /** Of everything behind them, whoever made it. */
  readonly all: number
  /** Of `made`, by the first tenth of each stage. */
  readonly forecast: number
}

export type Level = SloReport['candidates'][number]

function throughput({ tasks, bounds, now }: Facts, run: string): number | null {
  const own = tasks.filter(t => t.run === run)
  return ratio(product(shapeOf(bounds)) / 1e6, lengthOf(union(own.map(t => [t.scheduled, t.ended ?? now]))))
}

export type SloReport = ReturnType<typeof sloReport>

/** An objective to stay below, where the run file names it. */
const upTo = (name: string, target: number | undefined, actual: number | null) =>
  target === undefined ? [] : [{ name, target, actual, met: actual === null ? null : actual <= target }]

export function sloReport(f: Facts) {
  const others = [...new Set(f.tasks.map(t => t.stage))].filter(s => !stageNames.includes(s as never))
  const stages = [...stageNames, ...others.sort()]
    .map(s => levelOf(s, f))
    .filter(s => s.attempts + s.made + s.found > 0)
  const made = f.artifacts.filter(a => a.run !== null)
  const schedule = scheduleOf(f)
  const tries = sum(stages, s => s.attempts)
  const failureRate = ratio(
    sum(stages, s => s.failures),
    tries,
  )
  const amount = (of: (a: Artifact | StageLevel | NonNullable<StageLevel['forecast']>) => number): Amount => ({
    made: sum(made, of),
    all: sum(f.artifacts, of),
    forecast: sum(stages, s => (s.forecast ? of(s.forecast) : 0)),
  })
  const stored = amount(a => a.bytes)
  const perByte = f.config.price.perGibMonth / 2 ** 30
  const { closed } = recoveries(f.tasks)
  const compute = amount(a => a.cost)
  return {
    subject: f.subject,
    dataset: f.dataset,
    now: f.now,
    currency: f.config.price.currency,
    runs: f.runs,
    missing: f.missing,
    objectives: [
      ...stages.flatMap(({ stage, target, mvoxelPerSecond: actual }) =>
        target === null
          ? []
          : [{ name: `Mvoxel/s of ${stage}`, target, actual, met: actual === null ? null : actual >= target }],
      ),
      ...upTo('share of attempts that fail', f.config.budget.failureRate, failureRate),
      ...upTo('compute cost', f.config.budget.cost, compute.made),
    ],
    schedule,
    stages,
    failureRate,
    retryRate: ratio(f.tasks.filter(t => t.attempts > 1).length, f.tasks.length),
    recoverySeconds: ratio(sum(closed, r => r.to - r.from) / 1000, closed.length),
    cubicMicrons: (product(shapeOf(f.bounds)) * product(f.voxelSizeNm)) / 1e9,
    compute,
    /** Bytes stored, and what a month of it costs. */
    stored,
    storagePerMonth: {
      made: stored.made * perByte,
      all: stored.all * perByte,
      forecast: stored.forecast * perByte,
    },
    /** Each with the voxels of the dataset over the time in which its run had work in hand; null where that run is not in question. */
    candidates: f.candidates.map(c => ({ ...c, mvoxelPerSecond: throughput(f, c.run) })),
    slowest: slowestOf(made),
    skew: skews(made),
    requests: requestsOf(f.tasks),
  }
}
