// The surface of one segment at several levels of detail, cut into the nodes of an octree and compressed.
import { concat } from '../arrays.ts'
import { dracoEncoder } from './draco.ts'
import { complete, nodeAt, nodesOf, zOrder, type Nodes } from './nodes.ts'
import { simplifierReady, simplifyMesh, type Mesh } from './simplify.ts'
import { weld } from './weld.ts'
import { tick } from '../tick.ts'
import type { Vec3 } from '../types.ts'

export interface LevelParameters {
  /** Side of the finest nodes of the octree, in nm. */
  readonly cellNm: number
  /** Share of the triangles that each level keeps of the one below. */
  readonly ratio: number
  /** How far the surface may move from level 0 to 1, in nm; twice as far for each further level. */
  readonly errorNm: number
}

export interface MeshLevel {
  /** x y z of the nodes, in Z-curve order; a node of level l has the side cellNm * 2^l. */
  readonly nodes: Uint32Array
  /** Bytes of each node's triangles; 0 = none. */
  readonly sizes: Uint32Array
  readonly triangles: number
}

export interface MeshLevels {
  /** Lowest corner of the octree in nm. */
  readonly origin: Vec3
  /** From fine to coarse; none when there is no triangle. */
  readonly levels: readonly MeshLevel[]
  /** The encoded nodes of all levels, in order. */
  readonly data: Uint8Array
}

/** Levels are made until the mesh reaches over so many nodes along each axis. */
const FEW = 2
const MOST_LEVELS = 16

/**
 * Level 0 is the union of the pieces (of all regions, in nm); each further level is the one before it, simplified as a
 * whole, so that no level has seams. @param bits of a coordinate within a node
 */
export async function meshLevels(pieces: readonly Mesh[], params: LevelParameters, bits: 10 | 16): Promise<MeshLevels> {
  const { cellNm, ratio, errorNm } = params
  const [encode] = await Promise.all([dracoEncoder(bits), simplifierReady])
  const origin = lowestCorner(pieces)
  let mesh = weld(pieces, origin)
  const octree: Nodes[] = []
  const triangles: number[] = []
  const extent = mesh.positions.reduce((most, p) => Math.max(most, p), 0)
  for (let level = 0; mesh.triangles.length > 0; level++) {
    tick()
    octree.push(nodesOf(mesh, cellNm, level, bits))
    triangles.push(mesh.triangles.length / 3)
    if (extent <= FEW * cellNm * 2 ** level || level + 1 === MOST_LEVELS) break
    mesh = simplifyMesh(mesh, ratio, errorNm * 2 ** level, 'free')
  }
  complete(octree, bits)
  const parts: Uint8Array[] = []
  const levels = octree.map((nodes, level): MeshLevel => {
    const names = [...nodes.keys()].sort((a, b) => zOrder(nodeAt(a), nodeAt(b)))
    const encoded = names.map(name => {
      tick()
      return encode(nodes.get(name)!)
    })
    parts.push(...encoded)
    return {
      nodes: Uint32Array.from(names.flatMap(nodeAt)),
      sizes: Uint32Array.from(encoded, e => e.length),
      triangles: triangles[level]!,
    }
  })
  return { origin, levels, data: concat([new Uint8Array(), ...parts]) }
}

function lowestCorner(pieces: readonly Mesh[]): Vec3 {
  const least: [number, number, number] = [Infinity, Infinity, Infinity]
  for (const { positions } of pieces)
    for (let i = 0; i < positions.length; i++) if (positions[i]! < least[i % 3]!) least[i % 3] = positions[i]!
  return least[0] === Infinity ? [0, 0, 0] : least
}
