// TEASAR: the skeletons of all connected pieces of all labels of a region, as trees of samples.
import { insideVolume, squaredDistances } from './distance.ts'
import { indices, turnOf } from './tip.ts'
import { longer } from '../arrays.ts'
import { cellGraph } from './cells.ts'
import { RadixQueue } from './queue.ts'
import type { Targets } from './border.ts'
import type { Samples, Sides } from '../surface-samples.ts'
import { around, map3 } from '../types.ts'
import { tick } from '../tick.ts'
import type { Vec3 } from '../types.ts'

export interface TeasarParameters {
  /** A path covers what lies within scale * distance to boundary + constantNm of its samples, on ways inside the piece. */
  readonly scale: number
  readonly constantNm: number
  /** Pieces of fewer samples that touch no neighbouring region are left out. */
  readonly minSamples: number
}

/** Vertex i lies at sample `samples[i]`; `parents[i]` is an earlier vertex, or -1 at the root of a tree. */
export interface Trees {
  readonly samples: number[]
  readonly parents: number[]
  /** Distance to the nearest other label in nm. */
  readonly radii: number[]
}

/** Lengths are integers in this part of the smallest sample spacing, so that searches are exact and fast. */
const UNITS = 8
/** Cost of a step along the boundary, relative to a step where the object is thickest. */
const PENALTY = 1 << 14
const UNREACHED = 0x7fffffff
const HIGHEST_COST = 0x3fffffff

/**
 * Traces each 26-connected piece (Sato et al. 2000, "TEASAR"; the penalty (1 - d / 1.01 d_max)^4 of kimimaro) on the graph
 * of its cells. Paths run to a root, a target or else an extremity, first from the other targets and then
 * from the farthest node not yet covered, until all are. Each takes the cheapest way to the tree so far,
 * not to the root, so paths do not run side by side: the costs of the ways are kept for all nodes and mended where a new path makes them
 * smaller. Balls are measured along ways inside the piece, so a path does not swallow a
 * neighbouring branch that is near only through other segments. A face of the volume is a boundary for the penalty, so
 * that no path runs along it, but not for radii.
 *
 * `ends` is the first sample on each axis that is not the region's own: ordinary paths start before it. A piece in the
 * margin that joins fewer than two shared targets is left to the neighbour.
 */
export function traceTrees(
  samples: Samples,
  spacing: Vec3,
  targets: Targets,
  sides: Sides,
  ends: readonly number[],
  { scale, constantNm, minSamples }: TeasarParameters,
): Trees {
  const out: Trees = { samples: [], parents: [], radii: [] }
  const { shape } = samples
  const queue = new RadixQueue()
  const unit = Math.min(...spacing) / UNITS
  const lengths = Int32Array.from(around, v => Math.round(Math.hypot(...map3(a => 2 * v[a] * spacing[a])) / unit))
  // A label that fills the region has no boundary: any finite depth will do.
  const widest = (shape[0] * spacing[0] + shape[1] * spacing[1] + shape[2] * spacing[2]) ** 2
  const distances = squaredDistances(samples.labels, shape, spacing)
  for (let i = 0; i < distances.length; i++) if (distances[i]! > widest) distances[i] = widest
  const depths = insideVolume(distances, shape, spacing, sides)
  const wanted = new Uint8Array(samples.labels.length)
  for (const target of targets.ends) wanted[target] = 1
  for (const target of targets.shared) wanted[target] = 2
  const graph = cellGraph(samples, depths, wanted, ends)
  const { first, offsets, cells, labels, links } = graph
  const count = links.length
  // Of the piece at hand, whose nodes are numbered from 0 on, breadth first.
  const order = new Int32Array(count)
  const numbers = new Int32Array(count).fill(-1)
  /** Neighbours of node i from `edgesAt[i]` on: number * 32 + direction. */
  let edges = new Uint32Array(1024)
  const edgesAt = new Uint32Array(count + 1)
  /** What the cheapest way of a node to the tree costs, how long it is and its next node. */
  const reach = new Int32Array(count)
  const length = new Int32Array(count)
  const parent = new Int32Array(count)
  const cost = new Int32Array(count)
  /** How much farther a ball reached beyond each node, plus 1; 0 = not covered yet. */
  const covered = new Int32Array(count)
  const vertex = new Int32Array(count)
  /** Samples of the tree that the ways of the other nodes do not know of yet. */
  let added: number[] = []
  const targetsAt = Map.groupBy([...targets.shared, ...targets.ends], graph.nodeOf)
  const sampleOf = (node: number): number => graph.samples[order[node]!]!
  const nodeOf = (sample: number): number => numbers[graph.nodeOf(sample)]!

  /** Numbers the nodes of a piece; gives how many they are. */
  function collect(from: number): number {
    let size = 0
    let edge = 0
    order[size] = from
    numbers[from] = size++
    for (let i = 0; i < size; i++) {
      const node = order[i]!
      const label = labels[node]!
      edgesAt[i] = edge
      if (edge + 26 > edges.length) edges = longer(edges)
      for (let bits = links[node]!; bits !== 0; bits &= bits - 1) {
        const k = 31 - Math.clz32(bits & -bits)
        let other = first[cells[node]! + offsets[k]!]!
        while (labels[other] !== label) other++
        if (numbers[other] === -1) {
          order[size] = other
          numbers[other] = size++
        }
        edges[edge++] = (numbers[other]! << 5) | k
      }
    }
    edgesAt[size] = edge
    return size
  }

  function tracePiece(count: number): void {
    let deepest = 0
    let ofRegion = false
    let size = 0
    const targets: number[] = []
    for (let i = 0; i < count; i++) {
      const node = order[i]!
      ofRegion ||= graph.own[node] === 1
      size += graph.sizes[node]!
      if (targetsAt.has(node)) for (const target of targetsAt.get(node)!) targets.push(target)
      deepest = Math.max(deepest, depths[graph.samples[node]!]!)
    }
    targets.sort((a, b) => wanted[b]! - wanted[a]! || a - b)
    const shared = targets.filter(target => wanted[target] === 2).length
    if (!ofRegion && shared < 2) return
    if (shared === 0 && size < minSamples) return
    penalise(count, deepest)
    reach.fill(UNREACHED, 0, count)
    covered.fill(0, 0, count)
    vertex.fill(-1, 0, count)
    const root = targets[0] ?? sampleOf(count - 1)
    added = [root]
    grow()
    const farthest = farthestFirst(count)
    if (targets.length > 0) addPath([root])
    else addPath(straightened(straightened(wayOf(farthest[0]!)).reverse()))
    for (const target of targets) addTarget(target)
    for (const node of farthest)
      if (covered[node] === 0 && graph.own[order[node]!] === 1) addPath(straightened(wayOf(node)))
  }

  /** The cost of leaving each node: 1 in the middle of the thickest part, PENALTY more at the boundary. */
  function penalise(count: number, deepest: number): void {
    const scale = 1 / (1.01 * Math.sqrt(deepest))
    for (let node = 0; node < count; node++) {
      const shallow = 1 - Math.sqrt(depths[sampleOf(node)]!) * scale
      cost[node] = 1 + Math.floor(PENALTY * shallow * shallow * (shallow * shallow))
    }
  }

  /** Dijkstra from `added`, as far as it makes ways cheaper. A step costs its length times the cost of the node that it leaves. */
  function grow(): void {
    tick()
    queue.restart()
    for (const sample of added) {
      const node = nodeOf(sample)
      reach[node] = 0
      length[node] = 0
      queue.put(node, 0)
    }
    added = []
    for (let node = queue.pop(); node >= 0; node = queue.pop()) {
      const here = queue.key
      if (here !== reach[node]) continue
      const walked = length[node]!
      for (let e = edgesAt[node]!; e < edgesAt[node + 1]!; e++) {
        const other = edges[e]! >>> 5
        const before = reach[other]!
        if (before <= here) continue
        const k = edges[e]! & 31
        const through = here + lengths[k]! * cost[other]!
        const key = through < HIGHEST_COST ? through : HIGHEST_COST
        if (key >= before) continue
        reach[other] = key
        length[other] = walked + lengths[k]!
        parent[other] = node
        queue.put(other, key)
      }
    }
  }

  /** The nodes by the length of their ways, to half a sample. */
  function farthestFirst(count: number): Int32Array {
    const step = (node: number) => ((2 * length[node]!) / UNITS) | 0
    let longest = 0
    for (let node = 0; node < count; node++) longest = Math.max(longest, step(node))
    const next = new Uint32Array(longest + 2)
    for (let node = 0; node < count; node++) next[longest - step(node) + 1]!++
    for (let i = 0; i < longest; i++) next[i + 1]! += next[i]!
    const sorted = new Int32Array(count)
    for (let node = 0; node < count; node++) sorted[next[longest - step(node)]!++] = node
    return sorted
  }

  /** The samples from a node to the tree, that of the vertex last. */
  function wayOf(node: number): number[] {
    if (added.length > 0) grow()
    const way = [sampleOf(node)]
    for (let at = node; reach[at]! > 0;) way.push(sampleOf((at = parent[at]!)))
    return way
  }

  /** A node has one sample: the further targets in it hang on that. */
  function addTarget(target: number): void {
    const node = nodeOf(target)
    if (vertex[node]! < 0) addPath(wayOf(node))
    if (out.samples[vertex[node]!] !== target) addVertex(target, vertex[node]!)
  }

  /**
   * The way of a tip without its hook: the farthest sample is in a corner of the end, so the way goes straight on from the middle
   * of the end as far as the piece does.
   */
  function straightened(way: number[]): number[] {
    const turn = turnOf(way, depths, shape, spacing)
    if (!turn || turn.rest > ball(way[turn.at]!) * unit) return way
    const straight: number[] = []
    for (const sample of turn.onward) {
      if (samples.labels[sample] !== samples.labels[way[0]!] || !isOwn(sample)) break
      const node = nodeOf(sample)
      if (node === nodeOf(straight[0] ?? way[turn.at]!)) straight.shift()
      else if (vertex[node]! >= 0) break
      straight.unshift(sample)
    }
    return [...straight, ...way.slice(turn.at)]
  }

  const isOwn = (sample: number): boolean => indices(sample, shape).every((v, axis) => v < ends[axis]!)

  /** Ways lead from cell to cell, which lies up to half a cell off. */
  const half = Math.hypot(...spacing)
  const ball = (sample: number): number =>
    Math.floor((scale * Math.sqrt(distances[sample]!) + constantNm + half) / unit)

  /** Adds a way to the tree that its last sample belongs to, or the root. */
  function addPath(way: readonly number[]): void {
    let previous = vertex[nodeOf(way.at(-1)!)]!
    const path = (previous < 0 ? way : way.slice(0, -1)).toReversed()
    for (const sample of path) previous = addVertex(sample, previous)
    cover(path)
    added.push(...path)
  }

  function addVertex(sample: number, parent: number): number {
    const node = nodeOf(sample)
    if (vertex[node]! < 0) vertex[node] = out.samples.length
    out.samples.push(sample)
    out.parents.push(parent)
    out.radii.push(Math.sqrt(distances[sample]!))
    return out.samples.length - 1
  }

  /** Covers what lies in the balls around new samples of the tree: a search outward, largest remainder first. */
  function cover(path: readonly number[]): void {
    const largest = Math.max(...path.map(ball))
    queue.restart()
    for (const sample of path) {
      const node = nodeOf(sample)
      if (ball(sample) + 1 <= covered[node]!) continue
      covered[node] = ball(sample) + 1
      queue.put(node, largest - ball(sample))
    }
    for (let node = queue.pop(); node >= 0; node = queue.pop()) {
      const left = covered[node]!
      if (left !== largest - queue.key + 1) continue
      for (let e = edgesAt[node]!; e < edgesAt[node + 1]!; e++) {
        const other = edges[e]! >>> 5
        const rest = left - lengths[edges[e]! & 31]!
        if (rest <= covered[other]!) continue
        covered[other] = rest
        queue.put(other, largest - (rest - 1))
      }
    }
  }

  for (let node = 0; node < count; node++) if (numbers[node] === -1) tracePiece(collect(node))
  return out
}
