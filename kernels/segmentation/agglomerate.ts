// Mean-affinity agglomeration of one tree node: what its children left open joined, then all merges that no other node can change.
import { concat, rowsAt } from '../arrays.ts'
import { ClusterGraph } from './cluster-graph.ts'
import { combineEdges } from './edge-table.ts'
import { halves, indexIds, rankIds } from './pair-index.ts'
import { tick } from '../tick.ts'
import type { PairIndex } from './pair-index.ts'
import type { AgglomerateResult, ChildGraph, Merges, OpenGraph, ThresholdedEdges } from './segmentation-types.ts'

/**
 * The open graph of a tree node from those of its children. Faces on which children meet are no longer faces. An edge
 * across such a face was carried up by the child that owns it, with the other end named by its supervoxel id: no mapping
 * is needed, because a supervoxel that touches an open face has not been merged by anyone below (docs/agglomeration.md).
 * @throws RangeError if a cluster stands in two children
 */
export function joinChildren(children: readonly ChildGraph[]): OpenGraph {
  if (children.length === 0) throw new RangeError('a tree node without children')
  const { sorted, rank } = rankIds(concat(children.map(c => c.nodes.id)))
  if (sorted.length !== rank.length) throw new RangeError('a cluster stands in two children')
  const size = new Float64Array(rank.length)
  const faces = new Uint8Array(rank.length)
  let at = 0
  for (const { nodes, octant } of children) {
    // A child at the low place keeps its low faces, one at the high place its high faces.
    const outer = octant.reduce((bits, place, axis) => bits | ((place === 0 ? 1 : 2) << (2 * axis)), 0)
    for (let i = 0; i < nodes.id.length; i++, at++) {
      size[rank[at]!] = nodes.size[i]!
      faces[rank[at]!] = nodes.faces[i]! & outer
    }
  }
  return { nodes: { id: sorted, size, faces }, edges: combineEdges(children.map(c => c.edges)) }
}

export interface AgglomerateRequest extends OpenGraph {
  /** Bit mask (-x, +x, -y, +y, -z, +z from bit 0) of the faces of the tree node beyond which the dataset goes on. */
  readonly openFaces: number
}

/** Ends of the edges as places in the node table (-1: outside). */
function placeEnds(ids: BigUint64Array, index: PairIndex): Int32Array {
  const h = halves(ids)
  return Int32Array.from({ length: ids.length }, (_, i) => index.get(h[2 * i]!, h[2 * i + 1]!))
}

/**
 * Merges all pairs of clusters that are each other's best partner and whose edges are all known, until none is left; what
 * touches an open face, or waits for something that does, goes up to the parent. Ids are those of the smallest supervoxel.
 * Equal to one run over the whole dataset whatever the tree (docs/agglomeration.md). Order of edges and nodes is free.
 * @throws RangeError if an edge leads out of the node from a supervoxel that touches no open face
 */
export function agglomerate({ edges, nodes, openFaces }: AgglomerateRequest): AgglomerateResult {
  const n = nodes.id.length
  const id = nodes.id.slice().sort()
  const index = indexIds(id)
  const place = placeEnds(nodes.id, index)
  const size = new Float64Array(n)
  const faces = new Uint8Array(n)
  for (let i = 0; i < n; i++) {
    size[place[i]!] = nodes.size[i]!
    faces[place[i]!] = nodes.faces[i]!
  }
  const a = placeEnds(edges.a, index)
  const b = placeEnds(edges.b, index)
  const inner: number[] = []
  const outer: number[] = []
  for (let e = 0; e < a.length; e++) {
    const end = Math.max(a[e]!, b[e]!)
    if (a[e]! >= 0 && b[e]! >= 0) inner.push(e)
    else if (end >= 0 && (faces[end]! & openFaces) !== 0) outer.push(e)
    else throw new RangeError(`edge ${edges.a[e]} - ${edges.b[e]} leads out of the node, but not through an open face`)
  }
  const { sum, count, threshold } = edges
  const graph = new ClusterGraph(n, {
    u: Uint32Array.from(inner, e => a[e]!),
    v: Uint32Array.from(inner, e => b[e]!),
    ...rowsAt({ sum, count, threshold }, inner),
  })
  // What touches an open face has edges that are not known here; what has such a cluster for its best partner has to wait.
  const waits = faces.map(f => ((f & openFaces) === 0 ? 0 : 1))
  for (let e = graph.pop(); e >= 0; e = graph.pop()) {
    tick()
    const [p, q] = [graph.find(graph.u[e]!), graph.find(graph.v[e]!)]
    if (waits[p] === 0 && waits[q] === 0) graph.merge(e)
    else waits[p] = waits[q] = 1
  }
  return {
    merges: mergeList(graph, id),
    nodes: openNodes(graph, { id, size, faces }, waits),
    edges: combineEdges([openEdges(graph, id, waits), rowsAt(edges, outer)]),
  }
}

/** Nothing merged in place of a node that cannot be: what touches an open face goes up, with the edges that lead through it. */
export function mergeNothing({ edges, nodes, openFaces }: AgglomerateRequest): AgglomerateResult {
  const own = new Set(nodes.id)
  const open = [...nodes.id.keys()].filter(i => (nodes.faces[i]! & openFaces) !== 0)
  const outer = [...edges.a.keys()].filter(e => !own.has(edges.a[e]!) || !own.has(edges.b[e]!))
  const none = new BigUint64Array()
  return { merges: { from: none, to: none }, nodes: rowsAt(nodes, open), edges: rowsAt(edges, outer) }
}

function mergeList(graph: ClusterGraph, id: BigUint64Array): Merges {
  const smallest = Uint32Array.from(id, (_, i) => graph.smallest[graph.find(i)]!)
  const moved = smallest.map((_, i) => i).filter(i => smallest[i] !== i)
  return { from: rowsAt({ id }, moved).id, to: BigUint64Array.from(moved, i => id[smallest[i]!]!) }
}

/** A cluster that does not wait has no edge left that may merge, nor can it ever get one: it is finished. */
function openNodes(graph: ClusterGraph, { id, ...nodes }: OpenGraph['nodes'], waits: Uint8Array): OpenGraph['nodes'] {
  const size = new Float64Array(graph.n)
  const faces = new Uint8Array(graph.n)
  const open: number[] = []
  for (let i = 0; i < graph.n; i++) {
    const root = graph.find(i)
    const c = graph.smallest[root]!
    size[c]! += nodes.size[i]!
    faces[c]! |= nodes.faces[i]!
    if (c === i && waits[root] !== 0) open.push(i)
  }
  return rowsAt({ id, size, faces }, open)
}

/** The edges between waiting clusters. */
function openEdges(graph: ClusterGraph, id: BigUint64Array, waits: Uint8Array): ThresholdedEdges {
  const open: number[] = []
  for (let e = 0; e < graph.u.length; e++)
    if (graph.alive[e] !== 0 && waits[graph.find(graph.u[e]!)] !== 0 && waits[graph.find(graph.v[e]!)] !== 0)
      open.push(e)
  const { u, v, sum, count, threshold } = graph
  return {
    a: BigUint64Array.from(open, e => id[graph.smallest[graph.find(u[e]!)]!]!),
    b: BigUint64Array.from(open, e => id[graph.smallest[graph.find(v[e]!)]!]!),
    ...rowsAt({ sum, count, threshold }, open),
  }
}
