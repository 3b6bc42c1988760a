// Which sections of a stack cannot be used, and why: excluded by name, no tile, or nothing in common with the sections next to it.
import { median } from './least-squares.ts'
import type { Agreement, AlignParams, SectionExtent } from './section-types.ts'

/**
 * Section -> reason: those excluded beforehand first. Else a section is bad when every pair that it takes part in disagrees.
 * Its partner may be without fault: the worst (most disagreeing pairs, then least agreement, then lower z) is taken out
 * first, its pairs with it, and so on.
 */
export function badSections(
  pairs: readonly Agreement[],
  sections: readonly SectionExtent[],
  minAgreement: number,
): Map<number, string> {
  const bad = new Map<number, string>()
  for (const { z, bounds, excluded } of sections) {
    if (excluded !== undefined) bad.set(z, excluded)
    else if (!bounds) bad.set(z, 'no usable tile')
  }
  const ends = pairs.flatMap(p => [
    { z: p.a, ...p },
    { z: p.b, ...p },
  ])
  const bySection = Map.groupBy(ends, e => e.z)
  for (;;) {
    let worst = { z: NaN, failed: 0, agreement: 0 }
    for (const { z } of sections) {
      const own = (bySection.get(z) ?? []).filter(({ a, b }) => !bad.has(a) && !bad.has(b))
      const failed = own.length
      if (failed === 0 || own.some(({ match }) => match.agreement >= minAgreement)) continue
      const agreement = own.reduce((sum, { match }) => sum + match.agreement, 0) / failed
      if (failed > worst.failed || (failed === worst.failed && agreement < worst.agreement))
        worst = { z, failed, agreement }
    }
    if (worst.failed === 0) return bad
    const [percent, needed] = [Math.round(100 * worst.agreement), Math.round(100 * minAgreement)]
    bad.set(worst.z, `matches no neighbour: ${percent} % of its surface agrees, ${needed} % needed`)
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
