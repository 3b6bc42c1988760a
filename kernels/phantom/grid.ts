// Spheres hashed into cells while neurites grow: how far is a point from the surface of what is already there?

const cell = 32

export interface GrowingSpheres {
  /** No sphere may be larger. */
  readonly largest: number
  readonly x: number[]
  readonly y: number[]
  readonly z: number[]
  readonly r: number[]
  readonly owner: number[]
  readonly previous: number[]
  add(x: number, y: number, z: number, r: number, owner: number, previous: number): number
  /**
   * Distance from a point to the nearest sphere surface, at most `cap`; negative inside.
   * Spheres of `owner` count only if their row is below `before`.
   */
  clearance(x: number, y: number, z: number, owner: number, before: number, cap: number): number
}

export function growingSpheres(low: readonly number[], high: readonly number[], largest: number): GrowingSpheres {
  const n = [0, 1, 2].map(a => Math.ceil((high[a]! - low[a]!) / cell) + 2) as [number, number, number]
  const cells: number[][] = Array.from({ length: n[0] * n[1] * n[2] }, () => [])
  const x: number[] = []
  const y: number[] = []
  const z: number[] = []
  const r: number[] = []
  const owner: number[] = []
  const previous: number[] = []
  const at = (v: number, a: 0 | 1 | 2) => Math.max(0, Math.min(n[a] - 1, Math.floor((v - low[a]!) / cell) + 1))
  return {
    largest,
    x,
    y,
    z,
    r,
    owner,
    previous,
    add(px, py, pz, pr, id, from) {
      const row = x.length
      x.push(px)
      y.push(py)
      z.push(pz)
      r.push(pr)
      owner.push(id)
      previous.push(from)
      cells[at(px, 0) + n[0] * (at(py, 1) + n[1] * at(pz, 2))]!.push(row)
      return row
    },
    clearance(px, py, pz, id, before, cap) {
      let best = cap
      const reach = cap + largest
      for (let k = at(pz - reach, 2); k <= at(pz + reach, 2); k++)
        for (let j = at(py - reach, 1); j <= at(py + reach, 1); j++)
          for (let i = at(px - reach, 0); i <= at(px + reach, 0); i++)
            for (const row of cells[i + n[0] * (j + n[1] * k)]!) {
              if (owner[row] === id && row >= before) continue
              const dx = px - x[row]!
              const dy = py - y[row]!
              const dz = pz - z[row]!
              const to = best + r[row]!
              const d2 = dx * dx + dy * dy + dz * dz
              if (to > 0 && d2 < to * to) best = Math.sqrt(d2) - r[row]!
            }
      return best
    },
  }
}
