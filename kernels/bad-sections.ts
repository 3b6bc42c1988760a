// Which sections of a stack cannot be used, and why: excluded by name, no tile, or nothing in common with the sections next to it.
import { median } from './least-squares.ts'
import type { AlignParams, SectionExtent, SectionMatch } from './section-types.ts'

interface Pair {
  readonly a: number
  readonly b: number
  readonly match: SectionMatch
}

/**
 * Section -> reason: those excluded beforehand first. Else a section is bad when every pair that it takes part in disagrees. Its partner may be without fault:
 * the worst (most disagreeing pairs, then least agreement, then lower z) is taken out first, its pairs with it, and so on.
 */
export function badSections(
  pairs: readonly Pair[],
  sections: readonly SectionExtent[],
  minAgreement: number,
): Map<number, string> {
  const bad = new Map<number, string>()
  for (const { z, bounds, excluded } of sections) {
    if (excluded !== undefined) bad.set(z, excluded)
    else if (!bounds) bad.set(z, 'no usable tile')
  }
  for (;;) {
    const tally = new Map<number, { failed: number; held: number; agreement: number }>()
    for (const { a, b, match } of pairs) {
      if (bad.has(a) || bad.has(b)) continue
      for (const z of [a, b]) {
        const t = tally.get(z) ?? { failed: 0, held: 0, agreement: 0 }
        if (match.agreement >= minAgreement) t.held++
        else t.failed++
        t.agreement += match.agreement
        tally.set(z, t)
      }
    }
    let worst: { z: number; failed: number; agreement: number } | undefined
    for (const { z } of sections) {
      const t = tally.get(z)
      if (!t || t.held > 0) continue
      const better =
        worst && (t.failed < worst.failed || (t.failed === worst.failed && t.agreement / t.failed >= worst.agreement))
      if (!better) worst = { z, failed: t.failed, agreement: t.agreement / t.failed }
    }
    if (!worst) return bad
    const percent = Math.round(100 * worst.agreement)
    bad.set(
      worst.z,
      `matches no neighbour: ${percent} % of its surface agrees, ${Math.round(100 * minAgreement)} % needed`,
    )
  }
}

/**
 * Section -> reason, judged against the sections around, so that what the tissue itself has of detail does not count. Such a
 * section still says where it lies.
 */
export function blurredSections(sections: readonly SectionExtent[], p: AlignParams): Map<number, string> {
  const blurred = new Map<number, string>()
  for (const { z, focus, bounds } of sections) {
    if (focus === undefined || !bounds) continue
    const around: number[] = []
    for (const e of sections)
      if (e.z !== z && Math.abs(e.z - z) <= p.window && e.focus !== undefined && e.bounds) around.push(e.focus)
    if (around.length < 2) continue
    const usual = median(around)
    if (focus < p.minFocus * usual)
      blurred.set(z, `out of focus: ${Math.round((100 * focus) / usual)} % of the detail of the sections around`)
  }
  return blurred
}

/** The nearest section of the list, the lower on a tie; z itself when the list is empty. */
export function nearestGood(z: number, good: readonly SectionExtent[]): number {
  let best = z
  let distance = Infinity
  for (const e of good)
    if (Math.abs(e.z - z) < distance || (Math.abs(e.z - z) === distance && e.z < best)) {
      best = e.z
      distance = Math.abs(e.z - z)
    }
  return best
}
