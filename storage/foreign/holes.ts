// Holes of a volume put together: chunks side by side that lack for the same reason are one hole of the list.
import type { Box } from '../../domain/geometry.ts'
import type { VolumeHole } from './types.ts'

/** What is told of a hole: where it lies, and why, with a file by which it can be found. */
export interface Lack {
  readonly box: Box
  readonly reason: string
}

/** Boxes that share a whole face become one, along x, then y, then z. */
export function lacksOf(holes: readonly VolumeHole[]): Lack[] {
  let merged = holes.map(({ box, file, reason }) => ({ box, file, reason, files: new Set([file]) }))
  for (const a of [0, 1, 2] as const) {
    const line = ({ box, reason }: (typeof merged)[number]): string =>
      JSON.stringify([reason, ...[0, 1, 2].filter(b => b !== a).map(b => [box.min[b], box.max[b]])])
    const next: typeof merged = []
    for (const list of Map.groupBy(merged, line).values()) {
      list.sort((p, q) => p.box.min[a] - q.box.min[a])
      let last: (typeof merged)[number] | undefined
      for (const h of list) {
        if (last && last.box.max[a] === h.box.min[a]) {
          last.box = { min: last.box.min, max: h.box.max }
          last.files = new Set([...last.files, ...h.files])
        } else next.push((last = { ...h }))
      }
    }
    merged = next
  }
  return merged
    .map(({ box, file, reason, files }) => ({
      box,
      reason: `${reason}: ${file}${files.size > 1 ? ` and ${files.size - 1} more` : ''}`,
    }))
    .sort((p, q) => p.box.min[2] - q.box.min[2] || p.box.min[1] - q.box.min[1] || p.box.min[0] - q.box.min[0])
}
