// Joining what the children of a tree node left open into what the node starts from.
import { combineEdges } from './edge-table.ts'
import { rankIds } from './pair-index.ts'
import type { ChildGraph, OpenGraph } from './segmentation-types.ts'

/**
 * The open graph of a tree node from those of its children. Faces on which children meet are no longer faces. An edge
 * across such a face was carried up by the child that owns it, with the other end named by its supervoxel id: no mapping
 * is needed, because a supervoxel that touches an open face has not been merged by anyone below (docs/agglomeration.md).
 * @throws RangeError if a cluster stands in two children
 */
export function joinChildren(children: readonly ChildGraph[]): OpenGraph {
  if (children.length === 0) throw new RangeError('a tree node without children')
  const total = children.reduce((n, c) => n + c.nodes.id.length, 0)
  const all = new BigUint64Array(total)
  let at = 0
  for (const { nodes } of children) {
    all.set(nodes.id, at)
    at += nodes.id.length
  }
  const { sorted, rank } = rankIds(all)
  if (sorted.length !== total) throw new RangeError('a cluster stands in two children')
  const size = new Float64Array(total)
  const faces = new Uint8Array(total)
  at = 0
  for (const { nodes, octant } of children) {
    // A child at the low place keeps its low faces, one at the high place its high faces.
    let outer = 0
    for (let axis = 0; axis < 3; axis++) outer |= (octant[axis] === 0 ? 1 : 2) << (2 * axis)
    for (let i = 0; i < nodes.id.length; i++, at++) {
      size[rank[at]!] = nodes.size[i]!
      faces[rank[at]!] = nodes.faces[i]! & outer
    }
  }
  return { nodes: { id: sorted, size, faces }, edges: combineEdges(children.map(c => c.edges)) }
}
