// Spheres hashed into cells while neurites grow: how far is a point from the surface of what is already there?
import type { Vec3 } from '../kernels/types.ts'

const cell = 32

export interface GrowingSpheres extends Readonly<Record<'x' | 'y' | 'z' | 'r' | 'owner' | 'previous', number[]>> {
  /** No sphere may be larger. */
  readonly largest: number
  add(at: Vec3, r: number, owner: number, previous: number): number
  /**
   * Distance from a point to the nearest sphere surface, at most `cap`; negative inside.
   * Spheres of `owner` count only if their row is below `before`.
   */
  clearance(at: Vec3, owner: number, before: number, cap: number): number
}

export function growingSpheres(low: readonly number[], high: readonly number[], largest: number): GrowingSpheres {
  const n = [0, 1, 2].map(a => Math.ceil((high[a]! - low[a]!) / cell) + 2) as [number, number, number]
  const cells: number[][] = Array.from({ length: n[0] * n[1] * n[2] }, () => [])
  /** Largest radius in each cell: a cell too far away for it is passed over. */
  const widest = new Float64Array(cells.length)
  const rows = { x: [], y: [], z: [], r: [], owner: [], previous: [] } as Omit<
    GrowingSpheres,
    'largest' | 'add' | 'clearance'
  >
  const { x, y, z, r, owner, previous } = rows
  const at = (v: number, a: 0 | 1 | 2) => Math.max(0, Math.min(n[a] - 1, Math.floor((v - low[a]!) / cell) + 1))
  /** Squared distance along axis a from v to cell i; the outermost cells hold whatever lies beyond. */
  const away = (v: number, i: number, a: 0 | 1 | 2) => {
    const from = i === 0 ? -Infinity : low[a]! + (i - 1) * cell
    const to = i === n[a] - 1 ? Infinity : low[a]! + i * cell
    const d = v < from ? from - v : v > to ? v - to : 0
    return d * d
  }
  return {
    largest,
    ...rows,
    add([px, py, pz], pr, id, from) {
      const row = x.length
      x.push(px)
      y.push(py)
      z.push(pz)
      r.push(pr)
      owner.push(id)
      previous.push(from)
      const c = at(px, 0) + n[0] * (at(py, 1) + n[1] * at(pz, 2))
      cells[c]!.push(row)
      widest[c] = Math.max(widest[c]!, pr)
      return row
    },
    clearance([px, py, pz], id, before, cap) {
      let best = cap
      const reach = cap + largest
      const [i0, i1] = [at(px - reach, 0), at(px + reach, 0)]
      const [j0, j1] = [at(py - reach, 1), at(py + reach, 1)]
      const [k0, k1] = [at(pz - reach, 2), at(pz + reach, 2)]
      for (let k = k0; k <= k1; k++)
        for (let j = j0; j <= j1; j++)
          for (let i = i0; i <= i1; i++) {
            const c = i + n[0] * (j + n[1] * k)
            const list = cells[c]!
            const far = best + widest[c]!
            if (list.length === 0 || far <= 0 || away(px, i, 0) + away(py, j, 1) + away(pz, k, 2) > far * far) continue
            for (let e = 0; e < list.length; e++) {
              const row = list[e]!
              if (owner[row] === id && row >= before) continue
              const dx = px - x[row]!
              const dy = py - y[row]!
              const dz = pz - z[row]!
              const to = best + r[row]!
              const d2 = dx * dx + dy * dy + dz * dz
              if (to > 0 && d2 < to * to) best = Math.sqrt(d2) - r[row]!
            }
          }
      return best
    },
  }
}
