// Mean-affinity agglomeration of one tree node: exact, because it merges only what no other node can change.
import { ClusterGraph } from './cluster-graph.ts'
import { combineEdges } from './edge-table.ts'
import { type PairIndex, halves, indexIds } from './pair-index.ts'
import type { AgglomerateResult, Merges, OpenGraph, ThresholdedEdges } from './segmentation-types.ts'

/** Merge while the mean affinity, as a probability, reaches this. */
export const agglomerateDefaults = Object.freeze({ threshold: 0.4 })

export interface AgglomerateRequest extends OpenGraph {
  /** Bit mask (-x, +x, -y, +y, -z, +z from bit 0) of the faces of the tree node beyond which the dataset goes on. */
  readonly openFaces: number
}

/** Ends of the edges as places in the node table (-1: outside). */
function placeEnds(ids: BigUint64Array, index: PairIndex): Int32Array {
  const h = halves(ids)
  const out = new Int32Array(ids.length)
  for (let i = 0; i < ids.length; i++) out[i] = index.get(h[2 * i]!, h[2 * i + 1]!)
  return out
}

function select<T extends Float64Array | Uint32Array>(values: T, at: Uint32Array): T {
  const out = new (values.constructor as new (n: number) => T)(at.length)
  for (let i = 0; i < at.length; i++) out[i] = values[at[i]!]!
  return out
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
  const inner = new Uint32Array(a.length)
  const outer = new Uint32Array(a.length)
  let [inside, outside] = [0, 0]
  for (let e = 0; e < a.length; e++) {
    if (a[e]! >= 0 && b[e]! >= 0) {
      inner[inside++] = e
      continue
    }
    const end = Math.max(a[e]!, b[e]!)
    if (end < 0 || (faces[end]! & openFaces) === 0)
      throw new RangeError(`edge ${edges.a[e]} - ${edges.b[e]} leads out of the node, but not through an open face`)
    outer[outside++] = e
  }
  const at = inner.subarray(0, inside)
  const graph = new ClusterGraph(n, {
    u: Uint32Array.from(at, e => a[e]!),
    v: Uint32Array.from(at, e => b[e]!),
    sum: select(edges.sum, at),
    count: select(edges.count, at),
    threshold: select(edges.threshold, at),
  })
  // What touches an open face has edges that are not known here; what has such a cluster for its best partner has to wait.
  const waits = new Uint8Array(n)
  for (let i = 0; i < n; i++) waits[i] = (faces[i]! & openFaces) === 0 ? 0 : 1
  for (let e = graph.pop(); e >= 0; e = graph.pop()) {
    const [p, q] = [graph.find(graph.u[e]!), graph.find(graph.v[e]!)]
    if (waits[p] === 0 && waits[q] === 0) graph.merge(e)
    else waits[p] = waits[q] = 1
  }
  return {
    merges: mergeList(graph, id),
    nodes: openNodes(graph, { id, size, faces }, waits),
    edges: openEdges(graph, edges, outer.subarray(0, outside), id, waits),
  }
}

function mergeList(graph: ClusterGraph, id: BigUint64Array): Merges {
  const moved = new Uint32Array(graph.n)
  let k = 0
  for (let i = 0; i < graph.n; i++) if (graph.smallest[graph.find(i)]! !== i) moved[k++] = i
  const from = moved.subarray(0, k)
  return {
    from: BigUint64Array.from(from, i => id[i]!),
    to: BigUint64Array.from(from, i => id[graph.smallest[graph.find(i)]!]!),
  }
}

/** A cluster that does not wait has no edge left that may merge, nor can it ever get one: it is finished. */
function openNodes(graph: ClusterGraph, nodes: OpenGraph['nodes'], waits: Uint8Array): OpenGraph['nodes'] {
  const size = new Float64Array(graph.n)
  const faces = new Uint8Array(graph.n)
  const open = new Uint32Array(graph.n)
  let k = 0
  for (let i = 0; i < graph.n; i++) {
    const c = graph.smallest[graph.find(i)]!
    size[c]! += nodes.size[i]!
    faces[c]! |= nodes.faces[i]!
    if (c === i && waits[graph.find(i)] !== 0) open[k++] = i
  }
  const at = open.subarray(0, k)
  return {
    id: BigUint64Array.from(at, i => nodes.id[i]!),
    size: select(size, at),
    faces: Uint8Array.from(at, i => faces[i]!),
  }
}

/** Edges between waiting clusters, and those that lead out. */
function openEdges(
  graph: ClusterGraph,
  edges: ThresholdedEdges,
  outer: Uint32Array,
  id: BigUint64Array,
  waits: Uint8Array,
): ThresholdedEdges {
  const open = new Uint32Array(graph.u.length)
  let k = 0
  for (let e = 0; e < open.length; e++)
    if (graph.alive[e] !== 0 && waits[graph.find(graph.u[e]!)] !== 0 && waits[graph.find(graph.v[e]!)] !== 0)
      open[k++] = e
  const at = open.subarray(0, k)
  const within = {
    a: BigUint64Array.from(at, e => id[graph.smallest[graph.find(graph.u[e]!)]!]!),
    b: BigUint64Array.from(at, e => id[graph.smallest[graph.find(graph.v[e]!)]!]!),
    sum: select(graph.sum, at),
    count: select(graph.count, at),
    threshold: select(graph.threshold, at),
  }
  const leading = {
    a: BigUint64Array.from(outer, e => edges.a[e]!),
    b: BigUint64Array.from(outer, e => edges.b[e]!),
    sum: select(edges.sum, outer),
    count: select(edges.count, outer),
    threshold: select(edges.threshold, outer),
  }
  return combineEdges([within, leading])
}
