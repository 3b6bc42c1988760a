// The marching-cubes table: for each of the 256 ways to fill the corners of a cell, the triangles of the surface.

/*
 * Corner i of a cell lies at x = i & 1, y = i >> 1 & 1, z = i >> 2 & 1. Edge e runs along axis e >> 2 and starts at
 * corner EDGE_START[e]. The surface follows Lorensen & Cline (1987), computed instead of typed in: on each face of the
 * cell every run of inside corners is cut off by one line, so inside corners that meet only diagonally stay apart
 * and surfaces of two labels never cross; the lines join into loops, and the loops are cut into triangles.
 *
 * Both cells at a face draw the same lines on it. A cut between two vertices of one face is refused, because the
 * neighbour could make the same one: so each edge of the surface belongs to exactly two triangles.
 */

export const EDGE_START = [0, 2, 4, 6, 0, 1, 4, 5, 0, 1, 2, 3] as const

/** Corners of the six faces in turn, counter-clockwise seen from outside. */
const FACES = [
  [0, 4, 6, 2],
  [1, 3, 7, 5],
  [0, 1, 5, 4],
  [2, 6, 7, 3],
  [0, 2, 3, 1],
  [4, 5, 7, 6],
] as const

function edgeBetween(a: number, b: number): number {
  const axis = Math.log2(a ^ b)
  return axis * 4 + EDGE_START.slice(axis * 4, axis * 4 + 4).indexOf(Math.min(a, b) as 0)
}

const FACE_EDGES = FACES.map(face => face.map((corner, i) => edgeBetween(corner, face[(i + 1) % 4]!)))

function shareFace(a: number, b: number): boolean {
  return FACE_EDGES.some(face => face.includes(a) && face.includes(b))
}

/** The loops in which the surface crosses the cell's edges, anticlockwise seen from outside the solid. */
function loops(mask: number): number[][] {
  const next = new Map<number, number>()
  for (const [f, face] of FACES.entries()) {
    for (let i = 0; i < 4; i++) {
      const inside = (corner: number) => ((mask >> face[corner % 4]!) & 1) === 1
      if (!inside(i + 4) || inside(i + 3)) continue
      let last = i
      while (inside(last + 1)) last++
      next.set(FACE_EDGES[f]![(i + 3) % 4]!, FACE_EDGES[f]![last % 4]!)
    }
  }
  const found: number[][] = []
  while (next.size > 0) {
    const loop: number[] = []
    for (let edge = next.keys().next().value; edge !== undefined && next.has(edge);) {
      loop.push(edge)
      const follower: number = next.get(edge)!
      next.delete(edge)
      edge = follower
    }
    found.push(loop)
  }
  return found
}

/** Twice the middle of a cell edge. */
function middle(edge: number): number[] {
  const corner = EDGE_START[edge]!
  return [0, 1, 2].map(axis => (edge >> 2 === axis ? 1 : 2 * ((corner >> axis) & 1)))
}

function lengthOf(a: number, b: number): number {
  const [p, q] = [middle(a), middle(b)]
  return Math.sqrt((p[0]! - q[0]!) ** 2 + (p[1]! - q[1]!) ** 2 + (p[2]! - q[2]!) ** 2)
}

/** The triangles of a loop with the shortest cuts, none of them between two vertices of one face. */
function cutLoop(loop: number[]): { triangles: number[]; length: number } {
  if (loop.length < 3) return { triangles: [], length: 0 }
  const first = loop[0]!
  const last = loop.at(-1)!
  let best = { triangles: [] as number[], length: Infinity }
  for (let apex = 1; apex < loop.length - 1; apex++) {
    let length = 0
    for (const [side, neighbour] of [
      [first, apex === 1],
      [last, apex === loop.length - 2],
    ] as const) {
      if (!neighbour) length += shareFace(side, loop[apex]!) ? Infinity : lengthOf(side, loop[apex]!)
    }
    if (length >= best.length) continue
    const before = cutLoop(loop.slice(0, apex + 1))
    const after = cutLoop(loop.slice(apex))
    length += before.length + after.length
    if (length >= best.length) continue
    best = { triangles: [...before.triangles, first, loop[apex]!, last, ...after.triangles], length }
  }
  return best
}

function buildTable() {
  const start = new Uint16Array(257)
  const crossings: number[] = []
  for (let mask = 0; mask < 256; mask++) {
    for (const loop of loops(mask)) {
      const cut = cutLoop(loop)
      if (cut.length === Infinity) throw new Error(`no cut of the surface for corners ${mask}`)
      for (const edge of cut.triangles) crossings.push(edge * 2 + (((mask >> EDGE_START[edge]!) & 1) === 1 ? 0 : 1))
    }
    start[mask + 1] = crossings.length
  }
  return { start, crossings: Uint8Array.from(crossings) }
}

/**
 * `crossings[start[mask] .. start[mask + 1])`: three per triangle, anticlockwise seen from outside. A crossing is
 * 2 * edge + (0 if the inside is at the edge's start, 1 if at its end). Bit i of mask: corner i is inside.
 */
export const TRIANGLE_TABLE: { readonly start: Uint16Array; readonly crossings: Uint8Array } = buildTable()
