// Spans of time on one clock: their union and how much of a window it covers.

export interface Span {
  readonly kind: 'kernel' | 'inference' | 'io'
  readonly name: string
  readonly elements?: number
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly end: number
}

/** The spans merged into disjoint intervals, ascending. */
export function union(spans: readonly Pick<Span, 'start' | 'end'>[]): { start: number; end: number }[] {
  const out: { start: number; end: number }[] = []
  for (const s of [...spans].sort((a, b) => a.start - b.start)) {
    const last = out.at(-1)
    if (last && s.start <= last.end) last.end = Math.max(last.end, s.end)
    else out.push({ start: s.start, end: s.end })
  }
  return out
}

/** Milliseconds of the window `from..to` that the disjoint intervals cover. */
export const overlap = (intervals: readonly { start: number; end: number }[], from: number, to: number): number =>
  intervals.reduce((n, s) => n + Math.max(0, Math.min(to, s.end) - Math.max(from, s.start)), 0)
