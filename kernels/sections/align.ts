// Brings the sections of a stack together: a displacement field each, smooth, and nominal on the average over z.
import { addBending } from '../mesh/solve.ts'
import { badSections, blurredSections } from './bad-sections.ts'
import { latticeAt, latticeWeights } from './lattice.ts'
import { addEntry, addRow, endRow, leastSquares, makeRows, median, medianAndMax } from './least-squares.ts'
import { stillSections } from './still.ts'
import type { Rows } from './least-squares.ts'
import type {
  Agreement,
  AlignmentPlan,
  AlignmentSlab,
  AlignParams,
  Grid,
  Lattice,
  Residuals,
  SectionExtent,
  SectionPair,
  ShownSection,
} from './section-types.ts'

/** Nothing moves, for sources that are aligned already; excluded sections are named with their reason. */
export function identityPlan(
  sections: readonly number[],
  excluded: readonly { readonly z: number; readonly reason: string }[] = [],
): AlignmentPlan {
  const ascending = [...sections].sort((p, q) => p - q)
  const reasons = new Map(excluded.map(e => [e.z, e.reason]))
  return { sections: shown(ascending, reasons), grid: still, slabs: [] }
}

/** Every section; for one that has a reason the nearest good one stands in. */
const shown = (sections: readonly number[], reasons: ReadonlyMap<number, string>): ShownSection[] => {
  const good = sections.filter(z => !reasons.has(z))
  return sections.map(z => {
    const excluded = reasons.get(z)
    return excluded === undefined ? { z, source: z } : { z, source: nearest(z, good), excluded }
  })
}

/** The nearest section of the list, the lower on a tie; z itself when the list is empty. */
const nearest = (z: number, ascending: readonly number[]): number =>
  ascending.reduce((best, e) => (Math.abs(e - z) < Math.abs(best - z) ? e : best), ascending[0] ?? z)

const still: Grid = { spacing: 1, nx: 1, ny: 1, x0: 0, y0: 0 }

/** The field of a section that is in no slab. */
export const zeroField = (): Lattice<Float32Array> => ({ ...still, dx: new Float32Array(1), dy: new Float32Array(1) })

/** Nodes of the sections that a slab solves for its own sake, and how many sections these are at least and at most. */
const slabNodes = 2 ** 22
const [fewest, most] = [32, 512]
/**
 * Good sections around them that have a say. What one changes falls off about tenfold every eight: so far away it is next to nothing
 * beside a step of the fields, and other slabs give the same bytes.
 */
const reach = 64

/**
 * Which sections can be used, and the slabs that are solved one after the other. A stack that fits one is solved
 * at once.
 */
export function planAlignment(
  matches: readonly Agreement[],
  sections: readonly SectionExtent[],
  p: AlignParams,
  core?: number,
  halo = reach,
): AlignmentPlan {
  const extents = [...sections].sort((s, t) => s.z - t.z)
  const order = [...matches].sort((s, t) => s.a - t.a || s.b - t.b)
  const bad = badSections(order, extents, p.minAgreement)
  const good = extents.filter(e => !bad.has(e.z))
  const grid = commonGrid(good, p.spacingPx)
  const own = core ?? Math.max(fewest, Math.min(most, Math.floor(slabNodes / (grid.nx * grid.ny))))
  const zs = good.map(e => e.z)
  const slabs: AlignmentSlab[] = []
  for (let i = 0; i < zs.length; i += own)
    slabs.push({ own: zs.slice(i, i + own), around: zs.slice(Math.max(0, i - halo), i + own + halo) })
  return {
    sections: shown(
      extents.map(e => e.z),
      new Map([...bad, ...blurredSections(good, p)]),
    ),
    grid,
    slabs,
  }
}

/** Steps of the fields per pixel. */
const steps = 256

/**
 * What one section changes in the solution falls off about tenfold every eight sections, but never to nothing: in steps it does, so
 * that sections further away keep their bytes. (No minus nought: it has other bytes than nought.)
 */
const quantised = (v: number): number => Math.round(v * steps) / steps + 0

/** So far below a step that where the iteration ends, which every section decides with, moves no value across one. */
const tolerance = 1e-8

/** Matches that the solution contradicts by more than this, or twice the median if that is more, lose their say, pixels. */
const outlierPx = 1.5

/**
 * Fields of the sections of a slab. With a point q of section a found at q + v in section b, and aligned position p showing
 * p + d_a(p) and p + d_b(p), it asks for d_b - d_a = v, and besides that the mean of d over the sections around vanish
 * (`anchor`, `window`) and that d bend little (`bending`). Matches know differences between sections only; the anchor fixes the
 * rest. A displacement that changes from section to section is taken out, one that drifts over many is tissue and stays: what the
 * last round left, as a mean over the sections around, is taken off v (`lean`).
 * Least squares by conjugate gradients, repeated with less weight for matches that do not fit (Geman-McClure).
 * @param matches all between sections around the slab
 */
export function solveSlab(
  matches: readonly SectionPair[],
  { own, around }: AlignmentSlab,
  grid: Grid,
  p: AlignParams,
): {
  readonly fields: ReadonlyMap<number, Lattice<Float32Array>>
  readonly residualPx: Residuals
  /** Of the matches of each own section with those before it. */
  readonly bySection: ReadonlyMap<number, Residuals>
} {
  const nodes = grid.nx * grid.ny
  const first = new Map(around.map((z, i) => [z, i * nodes]))
  const order = [...matches].sort((s, t) => s.a - t.a || s.b - t.b)
  const used = order.filter(m => first.has(m.a) && first.has(m.b) && m.match.agreement >= p.minAgreement)
  const x = new Float64Array(around.length * nodes)
  const y = new Float64Array(around.length * nodes)
  const residuals = solve(used, first, grid, p, x, y, new Set(own))
  const fieldOf = (z: number): Lattice<Float32Array> => {
    const at = first.get(z)!
    const [dx, dy] = [x, y].map(d => Float32Array.from(d.subarray(at, at + nodes), quantised))
    return { ...grid, dx: dx!, dy: dy! }
  }
  return {
    fields: new Map(own.map(z => [z, fieldOf(z)])),
    residualPx: medianAndMax([...residuals.values()].flat()),
    bySection: new Map([...residuals].map(([z, found]) => [z, medianAndMax(found)])),
  }
}

/** Pull of every node to its nominal place, relative to one match: decides what nothing else does. */
const pull = 1e-4
/** The same for sections that lie right already: decides alone. */
const hold = 1e6

function solve(
  used: readonly SectionPair[],
  first: ReadonlyMap<number, number>,
  grid: Grid,
  p: AlignParams,
  x: Float64Array,
  y: Float64Array,
  own: ReadonlySet<number>,
): ReadonlyMap<number, readonly number[]> {
  const nodes = new Int32Array(4)
  const weights = new Float64Array(4)
  const d = new Float64Array(2)
  const still = stillSections(used, [...first.keys()], p.window)
  const lean = { x: new Float64Array(x.length), y: new Float64Array(x.length) }
  const residuals = new Map<number, number[]>()
  // Where the matches of a pair are poor, all of them leave more.
  const scales = new Map<SectionPair, number>()
  for (let round = 0; round < 4; round++) {
    const rows = makeRows(x.length)
    const left = { x: new Float64Array(x.length), y: new Float64Array(x.length), weight: new Float64Array(x.length) }
    for (const z of own) residuals.set(z, [])
    for (const pair of used) {
      const { a, b, match } = pair
      const scale = scales.get(pair) ?? outlierPx
      const off: number[] = []
      const [atA, atB] = [first.get(a)!, first.get(b)!]
      const field = {
        ...grid,
        dx: x.subarray(atA, atA + grid.nx * grid.ny),
        dy: y.subarray(atA, atA + grid.nx * grid.ny),
      }
      for (let j = 0, k = 0; j < match.ny; j++)
        for (let i = 0; i < match.nx; i++, k++) {
          const confidence = match.confidence[k]!
          if (confidence <= 0) continue
          // The aligned position that shows the node q of section a, from the last round's field.
          const qx = match.x0 + i * match.spacing
          const qy = match.y0 + j * match.spacing
          latticeAt(field, qx, qy, d)
          latticeWeights(grid, qx - d[0]!, qy - d[1]!, nodes, weights)
          // What the fields leave of the match, and what of that is tissue.
          let [restX, restY, tissueX, tissueY] = [match.dx[k]!, match.dy[k]!, 0, 0]
          for (let n = 0; n < 4; n++) {
            const [w, inA, inB] = [weights[n]!, atA + nodes[n]!, atB + nodes[n]!]
            addEntry(rows, inB, w)
            addEntry(rows, inA, -w)
            restX -= w * (x[inB]! - x[inA]!)
            restY -= w * (y[inB]! - y[inA]!)
            tissueX += w * (b - a) * lean.x[inA]!
            tissueY += w * (b - a) * lean.y[inA]!
          }
          const residual = Math.hypot(restX - tissueX, restY - tissueY)
          off.push(residual)
          const q = round === 0 ? 0 : (residual / scale) ** 2
          const weight = (confidence * confidence) / ((1 + q) * (1 + q))
          endRow(rows, match.dx[k]! - tissueX, match.dy[k]! - tissueY, weight)
          for (let n = 0; n < 4; n++) {
            const [w, inA] = [weight * weights[n]!, atA + nodes[n]!]
            left.weight[inA]! += w
            left.x[inA]! += (w * restX) / (b - a)
            left.y[inA]! += (w * restY) / (b - a)
          }
        }
      const ofSection = residuals.get(b)
      for (const px of off) ofSection?.push(px)
      scales.set(pair, Math.max(outlierPx, 2 * median(off)))
    }
    // The residuals of the last solution are known now; the last round only measures them.
    if (round === 3) break
    for (const at of first.values()) addBending(rows, at, grid.nx, grid.ny, p.bending)
    addAnchors(rows, first, grid.nx * grid.ny, p, still)
    leastSquares(rows, rows.rightX, x, 1000, tolerance)
    leastSquares(rows, rows.rightY, y, 1000, tolerance)
    meanAround(left, [...first], grid.nx * grid.ny, p.window, lean)
  }
  return residuals
}

/** Means of what the matches leave per step of z, over the sections around each; few sections do not tell it from misalignment. */
function meanAround(
  left: Readonly<Record<'x' | 'y' | 'weight', Float64Array>>,
  sections: readonly (readonly [z: number, at: number])[],
  nodes: number,
  window: number,
  mean: Readonly<Record<'x' | 'y', Float64Array>>,
): void {
  for (const [s, [z, at]] of sections.entries()) {
    const close = sections.slice(Math.max(0, s - window), s + window + 1)
    const near = close.filter(([other]) => Math.abs(other - z) <= window)
    for (let i = 0; i < nodes; i++) {
      let [weight, sumX, sumY] = [0, 0, 0]
      for (const [, there] of near) {
        weight += left.weight[there + i]!
        sumX += left.x[there + i]!
        sumY += left.y[there + i]!
      }
      const enough = weight > 0 && near.length > window
      mean.x[at + i] = enough ? sumX / weight : 0
      mean.y[at + i] = enough ? sumY / weight : 0
    }
  }
}

/** Rows that ask for a mean displacement of nought over the sections around each, and faintly for none at all. */
function addAnchors(
  rows: Rows,
  first: ReadonlyMap<number, number>,
  nodes: number,
  p: AlignParams,
  still: ReadonlySet<number>,
): void {
  const sections = [...first]
  for (const [s, [z, at]] of sections.entries()) {
    const close = sections.slice(Math.max(0, s - p.window), s + p.window + 1)
    const near = close.filter(([other]) => Math.abs(other - z) <= p.window)
    for (let i = 0; i < nodes; i++) {
      for (const [, there] of near) addEntry(rows, there + i, 1 / near.length)
      endRow(rows, 0, 0, p.anchor)
      addRow(rows, [at + i], [1], still.has(z) ? hold : pull)
    }
  }
}

function commonGrid(sections: readonly SectionExtent[], spacing: number): Grid {
  let [left, top, right, bottom] = [0, 0, 1, 1]
  for (const { bounds } of sections) {
    if (!bounds) continue
    left = Math.min(left, bounds.min[0])
    top = Math.min(top, bounds.min[1])
    right = Math.max(right, bounds.max[0])
    bottom = Math.max(bottom, bounds.max[1])
  }
  const x0 = Math.floor(left / spacing) * spacing
  const y0 = Math.floor(top / spacing) * spacing
  return {
    spacing,
    x0,
    y0,
    nx: Math.ceil((right - x0) / spacing) + 1,
    ny: Math.ceil((bottom - y0) / spacing) + 1,
  }
}
