// Which sections lie right already, so that alignment leaves them where they are.
import { latticeAt, typedLattice } from './lattice.ts'
import { median } from './least-squares.ts'
import type { SectionPair } from './section-types.ts'

/** A section further than this off the line between its neighbours lies wrong, pixels. */
const stillPx = 0.5

/**
 * Sections that lie right already: within `window` of each, none is off that line. Their own field is nought, since what
 * sections differ by there is tissue.
 */
export function stillSections(
  matches: readonly SectionPair[],
  sections: readonly number[],
  window: number,
): Set<number> {
  const between = new Map(matches.map(m => [`${m.a}-${m.b}`, m.match]))
  const off: { z: number; px: number }[] = []
  const d = new Float64Array(2)
  for (let s = 1; s + 1 < sections.length; s++) {
    const [before, z, after] = [sections[s - 1]!, sections[s]!, sections[s + 1]!]
    const [from, to] = [between.get(`${before}-${z}`), between.get(`${z}-${after}`)]
    if (!from || !to) continue
    const onward = typedLattice(to)
    const t = (z - before) / (after - before)
    const distances = from.dx.flatMap((dx, k) => {
      if (from.confidence[k]! <= 0) return []
      const dy = from.dy[k]!
      const x = from.x0 + (k % from.nx) * from.spacing + dx
      const y = from.y0 + Math.floor(k / from.nx) * from.spacing + dy
      latticeAt(onward, x, y, d)
      return [Math.hypot((1 - t) * dx - t * d[0]!, (1 - t) * dy - t * d[1]!)]
    })
    off.push({ z, px: median(distances) })
  }
  const still = sections.filter(z => {
    const near = off.filter(o => Math.abs(o.z - z) <= window)
    return near.length > 0 && near.every(o => o.px < stillPx)
  })
  return new Set(still)
}
