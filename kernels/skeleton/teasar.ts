// TEASAR: the skeletons of all connected pieces of all labels of a region, as trees of samples.
import { insideVolume, squaredDistances } from './distance.ts'
import { indices, turnOf } from './tip.ts'
import { longer } from '../arrays.ts'
import { cellGraph } from './cells.ts'
import { waysIn } from './ways.ts'
import type { Ways } from './ways.ts'
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
/** Bits of a length below half a sample. */
const HALF = 2
/** Cost of a step along the boundary, relative to a step where the object is thickest. */
const PENALTY = 1 << 14

/**
 * Traces each 26-connected piece (Sato et al. 2000, "TEASAR"; the penalty (1 - d / 1.01 d_max)^4 of kimimaro) on the graph
 * of its cells. Paths run to a root, a target or else an extremity, first from the other targets and then
 * from the farthest node not yet covered, until all are. Each takes the cheapest way to the tree so far,
 * not to the root, so paths do not run side by side: a search from its tip ends where it meets the tree. Balls are measured
 * along ways inside the piece, so a path does not swallow a neighbouring branch that is near only through other segments. A face of the volume is a boundary for the penalty, so
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
  const unit = Math.min(...spacing) / UNITS
  const lengths = Uint32Array.from(around, v => Math.round(Math.hypot(...map3(a => 2 * v[a] * spacing[a])) / unit))
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
  const nodes = links.length
  // Of the piece at hand, whose nodes are numbered from 0 on, breadth first.
  const order = new Int32Array(nodes)
  const numbers = new Int32Array(nodes).fill(-1)
  /** Neighbours of node i from `edgesAt[i]` on: number * 32 + direction. */
  let edges = new Uint32Array(1024)
  const edgesAt = new Uint32Array(nodes + 1)
  let ways!: Ways
  /** How many nodes the piece at hand has, and the vertex that is the root of its tree. */
  let count = 0
  let root = 0
  const targetsAt = Map.groupBy([...targets.shared, ...targets.ends], graph.nodeOf)
  const sampleOf = (node: number): number => graph.samples[order[node]!]!
  const nodeOf = (sample: number): number => numbers[graph.nodeOf(sample)]!

  /** Numbers the nodes of the piece of a node. */
  function collect(from: number): void {
    let edge = 0
    order[0] = from
    numbers[from] = 0
    count = 1
    for (let i = 0; i < count; i++) {
      const node = order[i]!
      const cell = cells[node]!
      const label = labels[node]!
      edgesAt[i] = edge
      if (edge + 26 > edges.length) edges = longer(edges)
      for (let bits = links[node]!; bits !== 0; bits &= bits - 1) {
        const k = 31 - Math.clz32(bits & -bits)
        let other = first[cell + offsets[k]!]!
        while (labels[other] !== label) other++
        if (numbers[other] === -1) {
          order[count] = other
          numbers[other] = count++
        }
        edges[edge++] = (numbers[other]! << 5) | k
      }
    }
    edgesAt[count] = edge
  }

  function tracePiece(from: number): void {
    collect(from)
    let deepest = 0
    let ofRegion = false
    let size = 0
    const targets: number[] = []
    for (let i = 0; i < count; i++) {
      const node = order[i]!
      ofRegion ||= graph.own[node] === 1
      size += graph.sizes[node]!
      const sample = graph.samples[node]!
      if (wanted[sample]! > 0) targets.push(...targetsAt.get(node)!)
      if (depths[sample]! > deepest) deepest = depths[sample]!
    }
    targets.sort((a, b) => wanted[b]! - wanted[a]! || a - b)
    const shared = targets.filter(target => wanted[target] === 2).length
    if (!ofRegion && shared < 2) return
    if (shared === 0 && size < minSamples) return
    ways = waysIn({ edges, edgesAt, lengths }, count)
    penalise(deepest)
    root = out.samples.length
    tick()
    ways.search(targets.length > 0 ? nodeOf(targets[0]!) : count - 1)
    const farthest = farthestFirst()
    if (targets.length > 0) addPath([targets[0]!])
    else addPath(straightened(straightened(wayOf(farthest[0]!)).reverse()))
    for (const target of targets) addTarget(target)
    const { covered } = ways
    for (let i = 0; i < count; i++) {
      const node = farthest[i]!
      if (covered[node] === 0 && graph.own[order[node]!] === 1) addPath(straightened(wayOf(node)))
    }
  }

  /** The cost of each node: 1 in the middle of the thickest part, PENALTY more at the boundary. */
  function penalise(deepest: number): void {
    const scale = 1 / (1.01 * Math.sqrt(deepest))
    for (let node = 0; node < count; node++) {
      const shallow = 1 - Math.sqrt(depths[sampleOf(node)]!) * scale
      ways.cost[node] = 1 + Math.floor(PENALTY * shallow * shallow * (shallow * shallow))
    }
  }

  /** The nodes by the length of their ways, to half a sample. */
  function farthestFirst(): Int32Array {
    const { length } = ways
    let longest = 0
    for (let node = 0; node < count; node++) if (length[node]! > longest) longest = length[node]!
    longest >>= HALF
    const next = new Uint32Array(longest + 2)
    for (let node = 0; node < count; node++) next[longest - (length[node]! >> HALF) + 1]!++
    for (let i = 0; i < longest; i++) next[i + 1]! += next[i]!
    const sorted = new Int32Array(count)
    for (let node = 0; node < count; node++) sorted[next[longest - (length[node]! >> HALF)]!++] = node
    return sorted
  }

  /** The samples from a node to the tree. A tree that is its root alone is where the ways of the whole piece lead. */
  function wayOf(node: number): number[] {
    tick()
    const alone = out.samples.length <= root + 1
    const way: number[] = []
    for (let at = alone ? node : ways.search(node); at >= 0; at = ways.parent[at]!) way.push(sampleOf(at))
    return alone ? way : way.reverse()
  }

  /** A node has one sample: the further targets in it hang on that. */
  function addTarget(target: number): void {
    const node = nodeOf(target)
    if (ways.ends[node]! < 0) addPath(wayOf(node))
    if (out.samples[ways.ends[node]!] !== target) addVertex(target, ways.ends[node]!)
  }

  /**
   * The way of a tip without its hook: the farthest sample is in a corner of the end, so the way goes straight on from the middle
   * of the end as far as the piece does.
   */
  function straightened(way: number[]): number[] {
    const turn = turnOf(way, depths, shape, spacing, sample => ball(sample) * unit)
    if (!turn) return way
    const straight: number[] = []
    for (const sample of turn.onward) {
      if (samples.labels[sample] !== samples.labels[way[0]!] || !isOwn(sample)) break
      const node = nodeOf(sample)
      if (node === nodeOf(straight[0] ?? way[turn.at]!)) straight.shift()
      else if (ways.ends[node]! >= 0) break
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
    let previous = ways.ends[nodeOf(way.at(-1)!)]!
    const path = (previous < 0 ? way : way.slice(0, -1)).toReversed()
    for (const sample of path) previous = addVertex(sample, previous)
    ways.cover(path.map(nodeOf), path.map(ball))
  }

  function addVertex(sample: number, parent: number): number {
    const node = nodeOf(sample)
    if (ways.ends[node]! < 0) ways.ends[node] = out.samples.length
    out.samples.push(sample)
    out.parents.push(parent)
    out.radii.push(Math.sqrt(distances[sample]!))
    return out.samples.length - 1
  }

  for (let node = 0; node < nodes; node++) if (numbers[node] === -1) tracePiece(node)
  return out
}
