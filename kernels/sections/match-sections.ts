// Where the structure of one section lies in another: one translation, then patches on a lattice, from coarse to fine.
import { affineOf, smoothFlow } from './flow.ts'
import type { Flow } from './flow.ts'
import { median } from './least-squares.ts'
import { correlation, refinePatches, searchPatches } from './patch.ts'
import type { PatchState } from './patch.ts'
import { crop, phaseCorrelation } from './phase-correlation.ts'
import { flatPyramid } from './plane.ts'
import type { Plane } from './plane.ts'
import { layImage, layMatch } from './lay.ts'
import { turnPlane } from './turned.ts'
import type { Affine, MatchParams, SectionImage, SectionMatch } from './section-types.ts'

/** Side of a patch in node spacings. */
const patchSides = 1.5
/** The translation is sought on a level no larger than this. */
const coarseSide = 256
/** What is left of the confidence of a displacement that a finer level did not confirm. */
const fade = 0.75
/** A node further than this from what its surroundings say is an outlier, pixels. */
const outlierPx = 2.5

/** Less of the surface of two sections agrees only where something is wrong with one of them, or where it lies turned. */
export const agrees = 0.3
/** Degrees by which a section that does not agree as it lies may be turned: more is a mistake in how it was laid. */
const turns = Array.from({ length: 13 }, (_, i) => i - 6)
/** A turn is believed that correlates so many times better than turns in general. */
const outstanding = 2

/**
 * Matches section a against b: node (x, y) of a is found at (x, y) + (dx, dy) in b, in section coordinates. Nodes that one of
 * the two does not cover, that do not correlate, or that contradict their surroundings get confidence 0 and a displacement
 * interpolated from the rest. Patches are compared as they lie; where b is turned or stretched so much that they differ for it,
 * b is laid on a by the affine transform found so far, and matched again.
 * @throws RangeError when the images differ in scale
 */
export function matchSections(a: SectionImage, b: SectionImage, p: MatchParams): SectionMatch {
  if (a.scale !== b.scale) throw new RangeError(`sections drawn at scales ${a.scale} and ${b.scale}`)
  let levels = 2
  while (Math.max(a.width, a.height, b.width, b.height) >> (levels - 1) > coarseSide) levels++
  const pyramidOf = (s: SectionImage) => flatPyramid(s.data, s.width, s.height, levels)
  const [pa, pb] = [pyramidOf(a), pyramidOf(b)]
  let best = matchLaid(a, b, pa, pb, p)
  let lay = best.agreement < agrees ? likeliestTurn(a, b, pa, pb, p) : best.affine
  let laid = unlaid
  for (let pass = 0; pass < 2 && distorts(lay, laid, p, a.scale); pass++) {
    const image = layImage(a, b, lay)
    const match = layMatch(matchLaid(a, image, pa, pyramidOf(image), p), lay)
    if (match.agreement < best.agreement) break
    laid = lay
    best = match
    lay = match.affine
  }
  return best
}

const unlaid: Affine = [1, 0, 0, 0, 1, 0]

/** Whether one transform differs from another by a pixel of the images at the corners of a patch. */
function distorts(lay: Affine, laid: Affine, p: MatchParams, scale: number): boolean {
  const most = Math.max(...[0, 1, 3, 4].map(i => Math.abs(lay[i]! - laid[i]!)))
  return (most * patchSides * p.spacingPx) / 2 > scale
}

/** The turn under which b correlates best with a on the smallest images, and the shift that goes with it. */
function likeliestTurn(
  a: SectionImage,
  b: SectionImage,
  pa: readonly Plane[],
  pb: readonly Plane[],
  p: MatchParams,
): Affine {
  const unit = a.scale * (1 << (pa.length - 1))
  const found = turns.map(degrees => {
    const turned = turnPlane(pb.at(-1)!, degrees)
    return { degrees, ...translation(pa.at(-1)!, turned, p.maxShiftPx / unit) }
  })
  const { degrees, dx, dy, score } = found.reduce((best, f) => (f.score > best.score ? f : best))
  if (score < outstanding * median(found.map(f => f.score))) return unlaid
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  const [cx, cy] = [(b.scale * (b.width - 1)) / 2, (b.scale * (b.height - 1)) / 2]
  const [u, v] = [unit * dx - a.x0 - cx, unit * dy - a.y0 - cy]
  return [c, -s, c * u - s * v + cx + b.x0, s, c, s * u + c * v + cy + b.y0]
}

/** A match with b as it lies. */
function matchLaid(
  a: SectionImage,
  b: SectionImage,
  pa: readonly Plane[],
  pb: readonly Plane[],
  p: MatchParams,
): SectionMatch {
  const spacing = p.spacingPx / a.scale
  const levels = pa.length
  const coarsest = 1 << (levels - 1)
  const start = translation(pa[levels - 1]!, pb[levels - 1]!, p.maxShiftPx / a.scale / coarsest)
  const nx = Math.max(1, Math.round(a.width / spacing))
  const ny = Math.max(1, Math.round(a.height / spacing))
  const flow: Flow = {
    nx,
    ny,
    dx: new Float64Array(nx * ny).fill(start.dx * coarsest),
    dy: new Float64Array(nx * ny).fill(start.dy * coarsest),
    confidence: new Float64Array(nx * ny),
  }
  // Every whole shift in reach on the quarter-size image, then by gradients down to full size.
  const searchLevel = Math.min(levels - 1, 2)
  visit(flow, pa, spacing, searchLevel, patches =>
    searchPatches(pa[searchLevel]!, pb[searchLevel]!, patches, Math.ceil(p.searchPx / a.scale / (1 << searchLevel))),
  )
  smoothFlow(flow, p.minScore, 2 * outlierPx)
  for (let level = searchLevel; level >= 0; level--) {
    visit(flow, pa, spacing, level, patches => refinePatches(pa[level]!, pb[level]!, patches, level === 0 ? 4 : 6, 2))
    smoothFlow(flow, p.minScore, outlierPx)
  }
  return describe(flow, a, b, pa[0]!, pb[0]!, p)
}

/** Best translation by phase correlation, judged by the correlation of all that overlaps. */
function translation(a: Plane, b: Plane, limit: number): { dx: number; dy: number; score: number } {
  const peaks = phaseCorrelation(crop(a), crop(b), Math.ceil(limit), 5)
  let best = -1
  let found = { dx: 0, dy: 0 }
  for (const shift of [found, ...peaks]) {
    const score = correlation(a, b, shift.dx, shift.dy, 1, (a.width * a.height) / 8)
    if (score <= best) continue
    best = score
    found = shift
  }
  return { ...found, score: best }
}

/**
 * Runs `work` on the patches of all nodes at one level. Sections far apart share coarse structure only: where the finer level
 * correlates much less, the coarser displacement stays, with less confidence.
 */
function visit(
  flow: Flow,
  pa: readonly Plane[],
  spacing: number,
  level: number,
  work: (patches: readonly PatchState[]) => void,
): void {
  const unit = 1 << level
  const side = Math.max(16, Math.round((patchSides * spacing) / unit))
  const { width, height } = pa[level]!
  const patches = Array.from(flow.confidence, (_, k): PatchState => {
    const [i, j] = [k % flow.nx, Math.floor(k / flow.nx)]
    return {
      // Patches at the border move inwards, so that all have the same size.
      x: Math.max(0, Math.min(width - side, Math.round(((i + 0.5) * spacing) / unit - side / 2))),
      y: Math.max(0, Math.min(height - side, Math.round(((j + 0.5) * spacing) / unit - side / 2))),
      width: Math.min(side, width),
      height: Math.min(side, height),
      vx: flow.dx[k]! / unit,
      vy: flow.dy[k]! / unit,
      score: 0,
    }
  })
  work(patches)
  for (const [k, s] of patches.entries()) {
    if (s.score < fade * flow.confidence[k]!) {
      flow.confidence[k]! *= fade
      continue
    }
    flow.confidence[k] = Math.max(0, s.score)
    flow.dx[k] = s.vx * unit
    flow.dy[k] = s.vy * unit
  }
}

const round = (v: number): number => Math.round(v * 1e4) / 1e4 + 0

function describe(flow: Flow, a: SectionImage, b: SectionImage, pa: Plane, pb: Plane, p: MatchParams): SectionMatch {
  const { nx, ny } = flow
  const scale = a.scale
  const spacing = p.spacingPx / scale
  let covered = 0
  const scores: number[] = []
  for (let j = 0, k = 0; j < ny; j++)
    for (let i = 0; i < nx; i++, k++) {
      const x = (i + 0.5) * spacing
      const y = (j + 0.5) * spacing
      if (maskAt(pa, x, y) && maskAt(pb, x + flow.dx[k]!, y + flow.dy[k]!)) covered++
      if (flow.confidence[k]! > 0) scores.push(flow.confidence[k]!)
    }
  const x0 = a.x0 + (p.spacingPx - scale) / 2
  const y0 = a.y0 + (p.spacingPx - scale) / 2
  const dx = Array.from(flow.dx, v => round(v * scale + (b.x0 - a.x0)))
  const dy = Array.from(flow.dy, v => round(v * scale + (b.y0 - a.y0)))
  return {
    spacing: p.spacingPx,
    nx,
    ny,
    x0,
    y0,
    dx,
    dy,
    confidence: Array.from(flow.confidence, round),
    affine: affineOf({ ...flow, dx: Float64Array.from(dx), dy: Float64Array.from(dy) }, x0, y0, p.spacingPx),
    agreement: covered > 0 ? round(Math.min(1, scores.length / covered)) : 0,
    score: round(median(scores)),
  }
}

function maskAt(p: Plane, x: number, y: number): boolean {
  const i = Math.floor(x)
  const j = Math.floor(y)
  return i >= 0 && j >= 0 && i < p.width && j < p.height && p.mask[j * p.width + i] === 1
}
