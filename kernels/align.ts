// Alignment of all sections at once: a displacement field per section that agrees with the matches, bends little and stays near nominal.
import type { AlignedSection, Alignment, AlignParams, Lattice, SectionExtent, SectionMatch } from './section-types.ts'

const SWEEPS = 400
/** Over-relaxation of the Gauss-Seidel sweeps. */
const OMEGA = 1.6

interface Pair {
  readonly a: number
  readonly b: number
  readonly match: SectionMatch
}

/** Zero fields, for sources that are aligned already. */
export function identityAlignment(sections: readonly number[]): Alignment {
  const field = (): Lattice<Float32Array> => ({ spacing: 1, nx: 1, ny: 1, x0: 0, y0: 0, dx: new Float32Array(1), dy: new Float32Array(1) })
  return { sections: sections.map(z => ({ z, field: field(), source: z })), residualPx: { median: 0, max: 0 } }
}

/**
 * Minimises, by Gauss-Seidel sweeps in a fixed order, the squared difference between what each match measured and what the
 * fields of its sections say, plus `bending` times the squared second differences within a section, plus `anchor` times the
 * squared displacement. The anchor is a high-pass over z: fields deviate from nominal only as far as neighbours disagree.
 * A section that agrees with none of its neighbours is excluded.
 */
export function solveAlignment(pairs: readonly Pair[], extents: readonly SectionExtent[], params: AlignParams): Alignment {
  const good = pairs.filter(p => p.match.agreement >= params.minAgreement)
  const excluded = exclusions(good, extents)
  const used = good.filter(p => !excluded.has(p.a) && !excluded.has(p.b))
  const at = new Map(extents.map((e, i) => [e.z, i]))
  const grid = gridOf(extents, params.spacingPx)
  const n = grid.nx * grid.ny
  const links = extents.map((): { other: number; sign: number; dx: Float64Array; dy: Float64Array; w: Float64Array }[] => [])
  for (const { a, b, match } of used) {
    const { dx, dy, w } = resample(match, grid)
    links[at.get(b)!]!.push({ other: at.get(a)!, sign: 1, dx, dy, w })
    links[at.get(a)!]!.push({ other: at.get(b)!, sign: -1, dx, dy, w })
  }
  const X = extents.map(() => new Float64Array(n))
  const Y = extents.map(() => new Float64Array(n))
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let most = 0
    for (let s = 0; s < extents.length; s++) {
      if (links[s]!.length === 0) continue
      for (let j = 0, k = 0; j < grid.ny; j++)
        for (let i = 0; i < grid.nx; i++, k++) {
          let weight = params.anchor
          let [tx, ty] = [0, 0]
          for (const l of links[s]!) {
            const w = l.w[k]!
            weight += w
            tx += w * (X[l.other]![k]! + l.sign * l.dx[k]!)
            ty += w * (Y[l.other]![k]! + l.sign * l.dy[k]!)
          }
          const neighbours = [i > 0 ? k - 1 : -1, i < grid.nx - 1 ? k + 1 : -1, j > 0 ? k - grid.nx : -1, j < grid.ny - 1 ? k + grid.nx : -1]
          for (const m of neighbours) {
            if (m < 0) continue
            weight += params.bending
            tx += params.bending * X[s]![m]!
            ty += params.bending * Y[s]![m]!
          }
          const ux = OMEGA * (tx / weight - X[s]![k]!)
          const uy = OMEGA * (ty / weight - Y[s]![k]!)
          X[s]![k]! += ux
          Y[s]![k]! += uy
          most = Math.max(most, Math.abs(ux), Math.abs(uy))
        }
    }
    if (most < 1e-4) break
  }
  const residuals: number[] = []
  for (const [s, list] of links.entries())
    for (const l of list) {
      if (l.sign < 0) continue
      for (let k = 0; k < n; k++)
        if (l.w[k]! > 0.1) residuals.push(Math.hypot(X[s]![k]! - X[l.other]![k]! - l.dx[k]!, Y[s]![k]! - Y[l.other]![k]! - l.dy[k]!))
    }
  residuals.sort((p, q) => p - q)
  const sections = extents.map((e, i): AlignedSection => {
    const field = { ...grid, dx: Float32Array.from(X[i]!), dy: Float32Array.from(Y[i]!) }
    const reason = excluded.get(e.z)
    return reason === undefined ? { z: e.z, field, source: e.z } : { z: e.z, field, excluded: reason, source: nearest(e.z, extents, excluded) }
  })
  return { sections, residualPx: { median: residuals[residuals.length >> 1] ?? 0, max: residuals.at(-1) ?? 0 } }
}

function exclusions(good: readonly Pair[], extents: readonly SectionExtent[]): Map<number, string> {
  const out = new Map<number, string>()
  const partners = new Map<number, number>()
  for (const p of good) for (const z of [p.a, p.b]) partners.set(z, (partners.get(z) ?? 0) + 1)
  for (const { z, bounds } of extents) {
    if (!bounds) out.set(z, 'it has no usable tile')
    else if (extents.length > 1 && !partners.get(z)) out.set(z, 'it agrees with none of its neighbours')
  }
  // With every section gone there is nothing to stand in: then none is worse than the others.
  return out.size === extents.length ? new Map() : out
}

const nearest = (z: number, extents: readonly SectionExtent[], excluded: ReadonlyMap<number, string>): number =>
  extents
    .filter(e => !excluded.has(e.z))
    .reduce((best, e) => (Math.abs(e.z - z) < Math.abs(best - z) ? e.z : best), Number.MAX_SAFE_INTEGER)

type Grid = Omit<Lattice, 'dx' | 'dy'>

function gridOf(extents: readonly SectionExtent[], spacing: number): Grid {
  const all = extents.flatMap(e => e.bounds ?? [])
  const low = (a: 0 | 1): number => Math.min(0, ...all.map(b => b.min[a]))
  const high = (a: 0 | 1): number => Math.max(1, ...all.map(b => b.max[a]))
  const nodes = (a: 0 | 1): number => Math.ceil((high(a) - low(a)) / spacing) + 1
  return { spacing, nx: nodes(0), ny: nodes(1), x0: low(0), y0: low(1) }
}

/** A match at the nodes of the grid: means of its own nodes nearby, weighted by confidence and distance. */
function resample(m: SectionMatch, g: Grid): { dx: Float64Array; dy: Float64Array; w: Float64Array } {
  const [dx, dy, w] = [0, 1, 2].map(() => new Float64Array(g.nx * g.ny)) as [Float64Array, Float64Array, Float64Array]
  for (let j = 0, k = 0; j < g.ny; j++)
    for (let i = 0; i < g.nx; i++, k++) {
      const [x, y] = [(g.x0 + i * g.spacing - m.x0) / m.spacing, (g.y0 + j * g.spacing - m.y0) / m.spacing]
      for (let v = Math.max(0, Math.ceil(y - 1)); v <= Math.min(m.ny - 1, Math.floor(y + 1)); v++)
        for (let u = Math.max(0, Math.ceil(x - 1)); u <= Math.min(m.nx - 1, Math.floor(x + 1)); u++) {
          const near = (1 - Math.abs(u - x)) * (1 - Math.abs(v - y)) * m.confidence[v * m.nx + u]! ** 2
          w[k]! += near
          dx[k]! += near * m.dx[v * m.nx + u]!
          dy[k]! += near * m.dy[v * m.nx + u]!
        }
      if (w[k]! > 0) {
        dx[k]! /= w[k]!
        dy[k]! /= w[k]!
      }
    }
  return { dx, dy, w }
}
