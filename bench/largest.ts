// Of each stage the activity that moved most bytes from and to the bucket.
import { n } from './common/print.ts'

export type Largest = Record<string, { bytes: number; requests: number }>

/** @param requests of one activity, by `operation prefix`, and `bytes` of them */
export function mostOf(largest: Largest, stage: string, requests: Readonly<Record<string, number>>): void {
  const sum = (ofBytes: boolean): number =>
    Object.entries(requests)
      .filter(([what]) => !what.startsWith('ms '))
      .reduce((s, [what, v]) => (what.startsWith('bytes ') === ofBytes ? s + v : s), 0)
  const bytes = sum(true)
  if (bytes > (largest[stage]?.bytes ?? -1)) largest[stage] = { bytes, requests: sum(false) }
}

/** A row for each stage: KiB in so many requests. */
export const stageRows = (stages: readonly string[], all: readonly Largest[]): string[][] =>
  stages
    .filter(s => all.some(l => l[s]))
    .map(s => [
      `${s}, KiB in requests`,
      ...all.map(l => (l[s] ? `${n(l[s].bytes / 1024)} in ${n(l[s].requests)}` : '-')),
    ])
