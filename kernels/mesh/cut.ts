// A mesh cut along a lattice of planes, so that every triangle lies in one cell of it.

export interface CutMesh {
  /** x y z per vertex, in units in which the planes lie at multiples of `spacing`. */
  readonly positions: readonly number[]
  readonly triangles: readonly number[]
}

/**
 * Cuts every triangle that crosses a plane `coordinate = k * spacing`. Two triangles that share a side get the same new
 * vertices on it, so a closed mesh stays closed; a coordinate at which a plane cuts is exactly `k * spacing`.
 */
export function cutAtPlanes(mesh: CutMesh, spacing: number): CutMesh {
  const positions = [...mesh.positions]
  let triangles = mesh.triangles
  for (const axis of [0, 1, 2] as const) triangles = cutAxis(positions, triangles, axis, spacing)
  return { positions, triangles }
}

function cutAxis(positions: number[], triangles: readonly number[], axis: 0 | 1 | 2, spacing: number): number[] {
  const made = new Map<number, number>()
  const out: number[] = []
  const at = (v: number): number => positions[3 * v + axis]!

  /** The vertex where the side between `u` and `v` meets the plane; a side is only ever asked for its first plane. */
  function crossing(u: number, v: number, plane: number): number {
    const low = at(u) < at(v) ? u : v
    const high = low === u ? v : u
    const side = low * 2 ** 26 + high
    const known = made.get(side)
    if (known !== undefined) return known
    const share = (plane - at(low)) / (at(high) - at(low))
    const vertex = positions.length / 3
    for (let a = 0; a < 3; a++) {
      const from = positions[3 * low + a]!
      positions.push(a === axis ? plane : from + share * (positions[3 * high + a]! - from))
    }
    made.set(side, vertex)
    return vertex
  }

  const todo: number[] = []
  for (let t = 0; t < triangles.length; t += 3) {
    todo.push(triangles[t]!, triangles[t + 1]!, triangles[t + 2]!)
    while (todo.length > 0) {
      const c = todo.pop()!
      const b = todo.pop()!
      const a = todo.pop()!
      const [p, q, r] = [at(a), at(b), at(c)]
      const plane = (Math.floor(Math.min(p, q, r) / spacing) + 1) * spacing
      if (Math.max(p, q, r) <= plane) out.push(a, b, c)
      else split([a, b, c], [p, q, r], plane, out, todo, crossing)
    }
  }
  return out
}

/** Cuts one triangle at a plane between its corners: what lies below goes to `below`, the rest to `above`. */
function split(
  corners: readonly [number, number, number],
  heights: readonly [number, number, number],
  plane: number,
  below: number[],
  above: number[],
  crossing: (u: number, v: number, plane: number) => number,
): void {
  const lower: number[] = []
  const upper: number[] = []
  for (let i = 0; i < 3; i++) {
    const [u, v] = [corners[i]!, corners[(i + 1) % 3]!]
    const [h, k] = [heights[i]!, heights[(i + 1) % 3]!]
    if (h <= plane) lower.push(u)
    if (h >= plane) upper.push(u)
    if (h < plane !== k < plane && h !== plane && k !== plane) {
      const middle = crossing(u, v, plane)
      lower.push(middle)
      upper.push(middle)
    }
  }
  for (let i = 2; i < lower.length; i++) below.push(lower[0]!, lower[i - 1]!, lower[i]!)
  for (let i = 2; i < upper.length; i++) above.push(upper[0]!, upper[i - 1]!, upper[i]!)
}
