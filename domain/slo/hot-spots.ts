// Hot spots: the slowest artifacts, how unevenly regions are loaded, requests to the object store by prefix.
import type { Artifact, Task } from './facts.ts'

/**
 * Requests a second above which one thing is saturated: a prefix, as an object store splits one by itself only later than a burst of
 * writes comes; a shard or a table partition, as one serving process answers a few times as many in all.
 */
export const LIMITS = { prefix: 1000, shard: 300, partition: 100 } as const
export type HotKind = keyof typeof LIMITS

export const sum = <T>(list: readonly T[], f: (x: T) => number): number => list.reduce((n, x) => n + f(x), 0)
export const seconds = (a: Artifact): number => (a.end - a.start) / 1000
export const ratio = (a: number, b: number): number | null => (b > 0 ? a / b : null)

/** In `p90` nine in ten are below. */
export function quantiles(list: readonly number[]) {
  const sorted = list.toSorted((a, b) => a - b)
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
  return sorted.length > 0 ? { min: sorted[0]!, median: at(0.5), p90: at(0.9), max: sorted.at(-1)! } : null
}

const measures = { voxels: (a: Artifact) => a.voxels, bytes: (a: Artifact) => a.bytes, seconds }

type Measure = keyof typeof measures

/**
 * How unevenly cells are loaded: the largest over the median, and the worst.
 * @param of `regions`, or the stage that made the shards or partitions
 */
function skewOf(of: string, measure: Measure, cells: Iterable<readonly [string, Artifact]>) {
  const loads = new Map<string, number>()
  for (const [cell, a] of cells) loads.set(cell, (loads.get(cell) ?? 0) + measures[measure](a))
  const q = quantiles([...loads.values()])
  if (!q) return []
  const worst = [...loads].find(([, n]) => n === q.max)![0]
  return [{ of, measure, count: loads.size, ...q, spread: ratio(q.max, q.median), worst }]
}

/** What falls to one region over all its stages; and the bytes of what readers ask for: lowest shards, and table partitions. */
export function skews(made: readonly Artifact[]) {
  const regions = made.flatMap(a => (a.region === null ? [] : [[a.region, a] as const]))
  const parts = Map.groupBy(
    made.filter(a => a.part),
    a => `${a.part}s of ${a.stage}`,
  )
  return [
    ...(Object.keys(measures) as Measure[]).flatMap(m => skewOf('regions', m, regions)),
    ...[...parts].flatMap(([of, own]) =>
      skewOf(
        of,
        'bytes',
        own.map(a => [a.covers, a] as const),
      ),
    ),
  ]
}

/** Requests to the object store under one prefix. */
interface Requests {
  readonly prefix: string
  /** By operation. */
  readonly sent: Record<string, number>
  failed: number
  /** Of those that failed. */
  throttled: number
  /** Read and written. */
  bytes: number
  /** That they took, all together. */
  ms: number
}

const SLOWEST = 12

/** By the time beyond the median of their stage. */
export function slowestOf(made: readonly Artifact[]) {
  const stages = new Set(made.map(a => a.stage))
  const typical = new Map(
    [...stages].map(s => [s, quantiles(made.filter(a => a.stage === s).map(seconds))!.median] as const),
  )
  return made
    .map(a => ({
      stage: a.stage,
      covers: a.covers,
      recipe: a.recipe,
      seconds: seconds(a),
      median: typical.get(a.stage)!,
    }))
    .sort((a, b) => b.seconds - b.median - (a.seconds - a.median))
    .slice(0, SLOWEST)
}

export function requestsOf(tasks: readonly Task[]): Requests[] {
  const rows = new Map<string, Requests>()
  for (const t of tasks)
    for (const [what, n] of Object.entries(t.requests)) {
      const [prefix, operation, figure] = what.split(' ').reverse() as [
        string,
        string,
        'failed' | 'throttled' | 'bytes' | 'ms' | undefined,
      ]
      const row = rows.get(prefix) ?? { prefix, sent: {}, failed: 0, throttled: 0, bytes: 0, ms: 0 }
      if (figure) row[figure] += n
      else row.sent[operation] = (row.sent[operation] ?? 0) + n
      rows.set(prefix, row)
    }
  const total = (r: Requests): number => sum(Object.values(r.sent), n => n)
  return [...rows.values()].sort((a, b) => b.failed - a.failed || total(b) - total(a) || (a.prefix < b.prefix ? -1 : 1))
}
