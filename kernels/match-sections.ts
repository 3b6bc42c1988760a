// Where the structure of one section is found in another: one translation, then a lattice of local displacements.
import { correlation, phasePeaks, refine } from './correlate.ts'
import type { MatchParams, SectionImage, SectionMatch } from './section-types.ts'

const PEAKS = 5
/** Half side of the window that is compared at a node, in node spacings. */
const HALF = 0.75

/** @throws RangeError when the two images differ in scale. */
export function matchSections(a: SectionImage, b: SectionImage, params: MatchParams): SectionMatch {
  if (a.scale !== b.scale) throw new RangeError(`sections drawn at scale ${a.scale} and ${b.scale}`)
  const s = a.scale
  const whole = [0, 0, a.width, a.height] as const
  const most = Math.ceil(params.maxShiftPx / s)
  const peaks = [{ dx: 0, dy: 0 }, ...phasePeaks(a, b, most, PEAKS)]
  const scored = peaks.map(p => ({ ...p, score: correlation(a, b, ...whole, p.dx, p.dy) }))
  const coarse = scored.reduce((p, q) => (q.score > p.score ? q : p))

  const step = params.spacingPx / s
  const nx = Math.max(1, Math.floor(a.width / step))
  const ny = Math.max(1, Math.floor(a.height / step))
  const [dx, dy, confidence]: [number[], number[], number[]] = [[], [], []]
  const half = Math.ceil(HALF * step)
  const reach = Math.ceil(params.searchPx / s)
  // Section position of a pixel of a against the same pixel of b.
  const [fx, fy] = [b.x0 - a.x0, b.y0 - a.y0]
  let [covered, agree] = [0, 0]
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      const [cx, cy] = [Math.round((i + 0.5) * step), Math.round((j + 0.5) * step)]
      const [x0, y0] = [Math.max(0, cx - half), Math.max(0, cy - half)]
      const [x1, y1] = [Math.min(a.width, cx + half), Math.min(a.height, cy + half)]
      const found = refine(a, b, [x0, y0, x1 - x0, y1 - y0], coarse, reach)
      if (found.score > -1) covered++
      const good = found.score >= params.minScore
      if (good) agree++
      confidence.push(good ? round(found.score) : 0)
      dx.push(good ? round(found.dx * s + fx) : 0)
      dy.push(good ? round(found.dy * s + fy) : 0)
    }
  const scores = confidence.filter(c => c > 0).sort((p, q) => p - q)
  return {
    spacing: params.spacingPx,
    nx,
    ny,
    x0: a.x0 + params.spacingPx / 2,
    y0: a.y0 + params.spacingPx / 2,
    dx,
    dy,
    confidence,
    affine: [1, 0, coarse.dx * s + fx, 0, 1, coarse.dy * s + fy],
    agreement: covered ? agree / covered : 0,
    score: scores[scores.length >> 1] ?? 0,
  }
}

const round = (v: number): number => Math.round(v * 1e4) / 1e4
