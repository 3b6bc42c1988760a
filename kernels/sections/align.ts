// Brings the sections of a stack together: a displacement field each, smooth, and nominal on the average over z.
import { addBending } from '../mesh/solve.ts'
import { badSections, blurredSections } from './bad-sections.ts'
import { latticeAt, latticeWeights } from './lattice.ts'
import { addEntry, addRow, endRow, leastSquares, makeRows, medianAndMax } from './least-squares.ts'
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

/** Matches that the solution contradicts by more than this lose their say, pixels. */
const outlierPx = 1.5

/**
 * Fields of the sections of a slab. With a point q of section a found at q + v in section b, and aligned position p showing
 * p + d_a(p) and p + d_b(p), it asks for d_b - d_a = v, and besides that the mean of d over the sections around vanish
 * (`anchor`, `window`) and that d bend little (`bending`). Matches know differences between sections only; the anchor fixes the
 * rest. A displacement that changes from section to section is taken out, one that drifts over many is tissue and stays.
 * Least squares by conjugate gradients, repeated with less weight for matches that do not fit (Geman-McClure).
 * @param matches all between sections around the slab
 */
export function solveSlab(
  matches: readonly SectionPair[],
  { own, around }: AlignmentSlab,
  grid: Grid,
  p: AlignParams,
): { readonly fields: ReadonlyMap<number, Lattice<Float32Array>>; readonly residualPx: Residuals } {
  const nodes = grid.nx * grid.ny
  const first = new Map(around.map((z, i) => [z, i * nodes]))
  const order = [...matches].sort((s, t) => s.a - t.a || s.b - t.b)
  const used = order.filter(m => first.has(m.a) && first.has(m.b) && m.match.agreement >= p.minAgreement)
  const x = new Float64Array(around.length * nodes)
  const y = new Float64Array(around.length * nodes)
  const inside = new Set(own)
  const residuals = solve(used, first, grid, p, x, y, b => inside.has(b))
  const fieldOf = (z: number): Lattice<Float32Array> => {
    const at = first.get(z)!
    const [dx, dy] = [x, y].map(d => Float32Array.from(d.subarray(at, at + nodes), quantised))
    return { ...grid, dx: dx!, dy: dy! }
  }
  return { fields: new Map(own.map(z => [z, fieldOf(z)])), residualPx: medianAndMax(residuals) }
}

/** Pull of every node to its nominal place, relative to one match: decides what nothing else does. */
const pull = 0.002

function solve(
  used: readonly SectionPair[],
  first: ReadonlyMap<number, number>,
  grid: Grid,
  p: AlignParams,
  x: Float64Array,
  y: Float64Array,
  counts: (b: number) => boolean,
): number[] {
  const nodes = new Int32Array(4)
  const weights = new Float64Array(4)
  const d = new Float64Array(2)
  const ofSection = (at: number): Lattice<Float64Array> => ({
    ...grid,
    dx: x.subarray(at, at + grid.nx * grid.ny),
    dy: y.subarray(at, at + grid.nx * grid.ny),
  })
  let residuals: number[] = []
  for (let round = 0; round < 4; round++) {
    const rows = makeRows(x.length)
    residuals = []
    for (const { a, b, match } of used) {
      const fieldA = ofSection(first.get(a)!)
      const fieldB = ofSection(first.get(b)!)
      for (let j = 0, k = 0; j < match.ny; j++)
        for (let i = 0; i < match.nx; i++, k++) {
          const confidence = match.confidence[k]!
          if (confidence <= 0) continue
          // The aligned position that shows the node q of section a, from the last round's field.
          const qx = match.x0 + i * match.spacing
          const qy = match.y0 + j * match.spacing
          latticeAt(fieldA, qx, qy, d)
          const px = qx - d[0]!
          const py = qy - d[1]!
          latticeWeights(grid, px, py, nodes, weights)
          let ex = -match.dx[k]!
          let ey = -match.dy[k]!
          for (let n = 0; n < 4; n++) {
            addEntry(rows, first.get(b)! + nodes[n]!, weights[n]!)
            addEntry(rows, first.get(a)! + nodes[n]!, -weights[n]!)
            ex += weights[n]! * (fieldB.dx[nodes[n]!]! - fieldA.dx[nodes[n]!]!)
            ey += weights[n]! * (fieldB.dy[nodes[n]!]! - fieldA.dy[nodes[n]!]!)
          }
          const q = round === 0 ? 0 : (ex * ex + ey * ey) / (outlierPx * outlierPx)
          if (counts(b)) residuals.push(Math.sqrt(ex * ex + ey * ey))
          endRow(rows, match.dx[k]!, match.dy[k]!, (confidence * confidence) / ((1 + q) * (1 + q)))
        }
    }
    // The residuals of the last solution are known now; the last round only measures them.
    if (round === 3) break
    for (const at of first.values()) addBending(rows, at, grid.nx, grid.ny, p.bending)
    addAnchors(rows, first, grid.nx * grid.ny, p)
    leastSquares(rows, rows.rightX, x, 1000, tolerance)
    leastSquares(rows, rows.rightY, y, 1000, tolerance)
  }
  return residuals
}

/** Rows that ask for a mean displacement of nought over the sections around each, and faintly for none at all. */
function addAnchors(rows: Rows, first: ReadonlyMap<number, number>, nodes: number, p: AlignParams): void {
  const sections = [...first]
  for (const [s, [z, at]] of sections.entries()) {
    const close = sections.slice(Math.max(0, s - p.window), s + p.window + 1)
    const near = close.filter(([other]) => Math.abs(other - z) <= p.window)
    for (let i = 0; i < nodes; i++) {
      for (const [, there] of near) addEntry(rows, there + i, 1 / near.length)
      endRow(rows, 0, 0, p.anchor)
      addRow(rows, [at + i], [1], pull)
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
