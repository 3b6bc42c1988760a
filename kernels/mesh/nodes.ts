// The nodes of an octree with the triangles that lie in them.
import { cutAtPlanes } from './cut.ts'
import type { IntegerMesh } from './draco.ts'
import type { Mesh } from './simplify.ts'
import { map3 } from '../types.ts'
import type { Vec3 } from '../types.ts'

/** One level of an octree: triangles by node. */
export type Nodes = Map<number, IntegerMesh>

const WIDTH = 2 ** 17
const nameOf = ([x, y, z]: Vec3): number => x + WIDTH * (y + WIDTH * z)
/** Coordinates of the node that `Nodes` calls so. */
export const nodeAt = (name: number): Vec3 => [
  name % WIDTH,
  Math.floor(name / WIDTH) % WIDTH,
  Math.floor(name / WIDTH / WIDTH),
]

/**
 * The triangles of a mesh (coordinates from 0 upwards) by the node of level `level` that they lie in, cut where they cross a
 * face of a node or the planes between its eight children. Positions are in steps of the node's side / (2^bits - 1); vertices that
 * fall together are one, triangles that lose a side by it are dropped. @param side of a node of level 0
 */
export function nodesOf(mesh: Mesh, side: number, level: number, bits: number): Nodes {
  const scaled = { positions: Array.from(mesh.positions, p => p / side), triangles: Array.from(mesh.triangles) }
  const { positions, triangles } = cutAtPlanes(scaled, level === 0 ? 1 : 2 ** (level - 1))
  const corners = new Map<number, number[]>()
  const along = (t: number, axis: number): number => {
    const p = positions[3 * triangles[t]! + axis]!
    const q = positions[3 * triangles[t + 1]! + axis]!
    const r = positions[3 * triangles[t + 2]! + axis]!
    return Math.floor((Math.min(p, q, r) + Math.max(p, q, r)) / 2 ** (level + 1))
  }
  for (let t = 0; t < triangles.length; t += 3) {
    const name = nameOf(map3(axis => along(t, axis)))
    const list = corners.get(name) ?? []
    if (list.length === 0) corners.set(name, list)
    list.push(triangles[t]!, triangles[t + 1]!, triangles[t + 2]!)
  }
  const out: Nodes = new Map()
  for (const [name, list] of corners) {
    const found = quantise(positions, list, nodeAt(name), 2 ** level, 2 ** bits - 1)
    if (found.triangles.length > 0) out.set(name, found)
  }
  return out
}

function quantise(
  positions: readonly number[],
  corners: readonly number[],
  node: Vec3,
  size: number,
  steps: number,
): IntegerMesh {
  const known = new Map<number, number>()
  const places = new Map<number, number>()
  const vertices: number[] = []
  const triangles: number[] = []
  // A plane between children lies at half a step, which rounds up: where readers expect it.
  const step = (v: number, axis: 0 | 1 | 2): number =>
    Math.round((positions[3 * v + axis]! / size - node[axis]) * steps)
  const vertexOf = (v: number): number => {
    let vertex = known.get(v)
    if (vertex !== undefined) return vertex
    const [x, y, z] = [step(v, 0), step(v, 1), step(v, 2)]
    const place = x + (steps + 1) * (y + (steps + 1) * z)
    vertex = places.get(place)
    if (vertex === undefined) {
      vertex = places.size
      places.set(place, vertex)
      vertices.push(x, y, z)
    }
    known.set(v, vertex)
    return vertex
  }
  for (let t = 0; t < corners.length; t += 3) {
    const [a, b, c] = [vertexOf(corners[t]!), vertexOf(corners[t + 1]!), vertexOf(corners[t + 2]!)]
    if (a !== b && b !== c && c !== a) triangles.push(a, b, c)
  }
  return { positions: Uint32Array.from(vertices), triangles: Uint32Array.from(triangles) }
}

const EMPTY: IntegerMesh = { positions: new Uint32Array(), triangles: new Uint32Array() }

/**
 * Adds empty nodes: the parents of nodes, and children in those parts of nodes that have triangles. Then a reader that has
 * loaded a level can draw it in place of the coarser one everywhere. @param levels from fine to coarse
 */
export function complete(levels: readonly Nodes[], bits: number): void {
  for (let level = 1; level < levels.length; level++)
    for (const child of levels[level - 1]!.keys()) {
      const [x, y, z] = nodeAt(child)
      const parent = nameOf([x >> 1, y >> 1, z >> 1])
      if (!levels[level]!.has(parent)) levels[level]!.set(parent, EMPTY)
    }
  for (let level = levels.length - 1; level > 0; level--)
    for (const [name, mesh] of levels[level]!) {
      const [x, y, z] = nodeAt(name)
      for (const octant of octants(mesh, 2 ** (bits - 1))) {
        const child = nameOf([2 * x + (octant & 1), 2 * y + ((octant >> 1) & 1), 2 * z + (octant >> 2)])
        if (!levels[level - 1]!.has(child)) levels[level - 1]!.set(child, EMPTY)
      }
    }
}

function octants({ positions, triangles }: IntegerMesh, middle: number): Set<number> {
  const used = new Set<number>()
  for (let t = 0; t < triangles.length; t += 3) {
    let octant = 0
    for (let i = t; i < t + 3; i++)
      for (let a = 0; a < 3; a++) if (positions[3 * triangles[i]! + a]! > middle) octant |= 1 << a
    used.add(octant)
  }
  return used
}

/** Order along the Z-curve with x in the lowest bits: the axis whose coordinates differ in the highest bit decides. */
export function zOrder(p: Vec3, q: Vec3): number {
  let axis: 0 | 1 | 2 = 2
  let highest = p[2] ^ q[2]
  for (const a of [1, 0] as const) {
    const differs = p[a] ^ q[a]
    if (highest < differs && highest < (highest ^ differs)) {
      axis = a
      highest = differs
    }
  }
  return p[axis] - q[axis]
}
