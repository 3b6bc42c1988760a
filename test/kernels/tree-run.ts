// Runs agglomeration over random volumes for the tests: through a region tree, flat, and by a naive reference.
import { key, type Box, type Vec3 } from '../../domain/geometry.ts'
import { blockOf } from '../../domain/ids.ts'
import { childrenOf } from '../../domain/index/grid.ts'
import { nodeBox, openFaces, rootLevel, type Node } from '../../domain/index/tree.ts'
import { agglomerate, joinChildren } from '../../kernels/segmentation/agglomerate.ts'
import { edgeThresholds } from '../../kernels/segmentation/edge-table.ts'
import { regionGraph } from '../../kernels/segmentation/rag.ts'
import { globalIds, mergeTableSlice } from '../../kernels/segmentation/relabel.ts'
import type {
  AgglomerateResult,
  Merges,
  Nodes,
  ThresholdedEdges,
} from '../../kernels/segmentation/segmentation-types.ts'

export interface Specimen {
  readonly shape: Vec3
  readonly block: Vec3
  /** Supervoxel id and three affinities per voxel. */
  readonly ids: BigUint64Array
  readonly affinity: Uint8Array
}

/** Small deterministic generator (mulberry32), 0 <= r < 1. */
export function generator(seed: number): () => number {
  let s = seed >>> 0
  return () => {
    s = (s + 0x6d2b79f5) >>> 0
    let t = Math.imul(s ^ (s >>> 15), s | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Supervoxels of up to `perBlock` labels in each block, affinities from `values`. */
export function randomSpecimen(seed: number, shape: Vec3, block: Vec3, perBlock: number, values: number[]): Specimen {
  const random = generator(seed)
  const n = shape[0] * shape[1] * shape[2]
  const ids = new BigUint64Array(n)
  const affinity = Uint8Array.from({ length: 3 * n }, () => values[Math.floor(random() * values.length)]!)
  for (let z = 0, i = 0; z < shape[2]; z++)
    for (let y = 0; y < shape[1]; y++)
      for (let x = 0; x < shape[0]; x++, i++) {
        const at: Vec3 = [Math.floor(x / block[0]), Math.floor(y / block[1]), Math.floor(z / block[2])]
        ids[i] = globalIds(at, perBlock)[1 + Math.floor(random() * perBlock)]!
      }
  return { shape, block, ids, affinity }
}

/** What a region hands to regionGraph, cut out of the specimen with its low slabs. */
export function cutRegion({ shape, ids, affinity }: Specimen, box: Box): Parameters<typeof regionGraph>[0] {
  const low = box.min.map(v => (v > 0 ? 1 : 0)) as [0 | 1, 0 | 1, 0 | 1]
  const [ox, oy, oz] = [box.min[0] - low[0], box.min[1] - low[1], box.min[2] - low[2]]
  const size: Vec3 = [box.max[0] - ox, box.max[1] - oy, box.max[2] - oz]
  const [n, m] = [size[0] * size[1] * size[2], ids.length]
  const table = new Map<bigint, number>()
  const labels = new Uint32Array(n)
  const cut = new Uint8Array(3 * n)
  for (let z = 0, i = 0; z < size[2]; z++)
    for (let y = 0; y < size[1]; y++)
      for (let x = 0; x < size[0]; x++, i++) {
        const v = ox + x + shape[0] * (oy + y + shape[1] * (oz + z))
        const id = ids[v]!
        if (!table.has(id)) table.set(id, table.size + 1)
        labels[i] = table.get(id)!
        for (let c = 0; c < 3; c++) cut[c * n + i] = affinity[c * m + v]!
      }
  return { labels, ids: BigUint64Array.from([0n, ...table.keys()]), affinity: cut, shape: size, low }
}

export interface TreeRun {
  /** Supervoxel -> segment. */
  readonly segment: Map<bigint, bigint>
  /** Clusters that went up from each level. */
  readonly sentUp: number[]
}

/** The whole dataset through the tree of regions of `perRegion` blocks; `threshold` is that of the region at a coordinate. */
export function treeRun(s: Specimen, perRegion: Vec3, threshold: (region: Vec3) => number): TreeRun {
  const region: Vec3 = [s.block[0] * perRegion[0], s.block[1] * perRegion[1], s.block[2] * perRegion[2]]
  const bounds: Box = { min: [0, 0, 0], max: s.shape }
  const results = new Map<string, AgglomerateResult>()
  const supervoxels = new Map<string, BigUint64Array>()
  const sentUp: number[] = []
  const run = (node: Node): AgglomerateResult => {
    const open = openFaces(node, region, bounds)
    let result: AgglomerateResult
    if (node.level === 0) {
      const { edges, nodes } = regionGraph(cutRegion(s, nodeBox(node, region, bounds)))
      supervoxels.set(key(node.coord), nodes.id)
      const c = node.coord
      const first: Vec3 = [c[0] * perRegion[0], c[1] * perRegion[1], c[2] * perRegion[2]]
      const below = (a: number): number => (c[a]! > 0 ? threshold(c.map((v, i) => v - (i === a ? 1 : 0)) as never) : 0)
      const known = edgeThresholds({
        edges,
        firstBlock: first,
        threshold: threshold(c),
        low: [below(0), below(1), below(2)],
      })
      result = agglomerate({ edges: known, nodes, openFaces: open })
    } else {
      const children = childrenOf(node, region, bounds).map(child => ({
        ...run(child),
        octant: child.coord.map(v => v & 1) as never as Vec3,
      }))
      result = agglomerate({ ...joinChildren(children), openFaces: open })
    }
    sentUp[node.level] = (sentUp[node.level] ?? 0) + result.nodes.id.length
    results.set(`${node.level}/${key(node.coord)}`, result)
    return result
  }
  const top = rootLevel(bounds, region)
  const root = run({ level: top, coord: [0, 0, 0] })
  if (root.nodes.id.length + root.edges.a.length > 0) throw new Error('the root left something open')
  const segment = new Map<bigint, bigint>()
  for (const [at, ids] of supervoxels) {
    const coord = at.split(/\D+/).map(Number)
    const path: Merges[] = []
    for (let level = 0; level <= top; level++)
      path.push(results.get(`${level}/${key(coord.map(c => c >> level) as never)}`)!.merges)
    const slice = mergeTableSlice({ ids, path })
    slice.from.forEach((id, i) => segment.set(id, slice.to[i]!))
  }
  return { segment, sentUp }
}

/** The region adjacency graph of the whole specimen, counted voxel by voxel with maps; thresholds by region. */
export function naiveGraph(
  s: Specimen,
  perRegion: Vec3,
  threshold: (region: Vec3) => number,
): Map<string, [bigint, bigint, number, number, number]> {
  const edges = new Map<string, [bigint, bigint, number, number, number]>()
  const [sx, sy, sz] = s.shape
  const n = s.ids.length
  const level = (id: bigint): number => {
    const b = blockOf(id)
    return threshold([
      Math.floor(b[0] / perRegion[0]),
      Math.floor(b[1] / perRegion[1]),
      Math.floor(b[2] / perRegion[2]),
    ])
  }
  for (let z = 0; z < sz; z++)
    for (let y = 0; y < sy; y++)
      for (let x = 0; x < sx; x++) {
        const v = x + sx * (y + sy * z)
        const below = [z > 0 ? v - sx * sy : -1, y > 0 ? v - sx : -1, x > 0 ? v - 1 : -1]
        below.forEach((w, c) => {
          const [p, q] = [s.ids[v]!, s.ids[w]!]
          if (w < 0 || p === q) return
          const [a, b] = p < q ? [p, q] : [q, p]
          const e = edges.get(`${a} ${b}`) ?? [a, b, 0, 0, Math.max(level(a), level(b))]
          e[2] += s.affinity[c * n + v]!
          e[3]++
          edges.set(`${a} ${b}`, e)
        })
      }
  return edges
}

/** Best edge first, by brute force: the definition of what agglomeration means. */
export function naiveAgglomerate(
  ids: Iterable<bigint>,
  edges: Iterable<[bigint, bigint, number, number, number]>,
): Map<bigint, bigint> {
  const segment = new Map([...ids].map(id => [id, id]))
  let open = [...edges].map(e => [...e] as [bigint, bigint, number, number, number])
  for (;;) {
    let best: (typeof open)[number] | undefined
    for (const e of open) {
      if (e[2] / e[3] < 255 * e[4]) continue
      if (best) {
        const d = e[2] / e[3] - best[2] / best[3]
        if (d < 0 || (d === 0 && (e[0] < best[0] || (e[0] === best[0] && e[1] < best[1])))) continue
      }
      best = e
    }
    if (!best) return segment
    const [to, from] = [best[0], best[1]]
    for (const [id, seg] of segment) if (seg === from) segment.set(id, to)
    const joined = new Map<string, (typeof open)[number]>()
    for (const [p, q, sum, count, threshold] of open) {
      const [x, y] = [p === from ? to : p, q === from ? to : q]
      if (x === y) continue
      const [a, b] = x < y ? [x, y] : [y, x]
      const e = joined.get(`${a} ${b}`)
      joined.set(
        `${a} ${b}`,
        e ? [a, b, e[2] + sum, e[3] + count, Math.max(e[4], threshold)] : [a, b, sum, count, threshold],
      )
    }
    open = [...joined.values()]
  }
}

/** The naive edges as a table, in the order given. */
export function asEdges(list: [bigint, bigint, number, number, number][]): ThresholdedEdges {
  return {
    a: BigUint64Array.from(list, e => e[0]),
    b: BigUint64Array.from(list, e => e[1]),
    sum: Float64Array.from(list, e => e[2]),
    count: Float64Array.from(list, e => e[3]),
    threshold: Float64Array.from(list, e => e[4]),
  }
}

export const closedNodes = (ids: bigint[]): Nodes => ({
  id: BigUint64Array.from(ids),
  size: new Float64Array(ids.length).fill(1),
  faces: new Uint8Array(ids.length),
})
