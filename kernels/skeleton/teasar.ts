// TEASAR: the skeletons of all connected pieces of all labels of a region, as trees of samples.
import { squaredDistances } from './distance.ts'
import { RadixQueue } from './queue.ts'
import type { Samples } from '../surface-samples.ts'
import { around } from '../types.ts'
import { tick } from '../tick.ts'
import type { Vec3 } from '../types.ts'

export interface TeasarParameters {
  /** The ball that a path makes invalid around each of its samples has the radius scale * distance to boundary + constantNm. */
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
const UNITS = 16
/** Cost of a step along the boundary, relative to a step where the object is thickest. */
const PENALTY = 1 << 14
const UNREACHED = 0x7fffffff
/** In `reach` and `invalid`: not of the piece at hand. No search can improve on it, so none has to look at labels. */
const REACHED = -1
const INVALID = 0x7fffffff
const HIGHEST_COST = 0x3fffffff

/**
 * Traces each 26-connected piece (Sato et al. 2000, "TEASAR"; the penalty (1 - d / 1.01 d_max)^4 of kimimaro):
 * paths run from a root, a border target or else an extremity, first to the other border targets and then
 * to the farthest sample not yet invalid, until all samples are invalid. Each takes the cheapest way to the tree so far,
 * not to the root, so paths do not run side by side. Balls are measured along ways inside the piece, so a path does not swallow a
 * neighbouring branch that is near only through other segments.
 *
 * `isTarget` marks border targets, `isOwn` the samples that ordinary paths may start from (the region's own, without the
 * margins). A piece in the margin that joins fewer than two targets is left to the neighbour.
 */
export function traceTrees(
  { labels, shape }: Samples,
  spacing: Vec3,
  targets: Int32Array,
  isOwn: (sample: number) => boolean,
  { scale, constantNm, minSamples }: TeasarParameters,
): Trees {
  const out: Trees = { samples: [], parents: [], radii: [] }
  const queue = new RadixQueue()
  const unit = Math.min(...spacing) / UNITS
  const offsets = Int32Array.from(around, ([x, y, z]) => x + shape[0] * (y + shape[1] * z))
  const lengths = Int32Array.from(around, ([x, y, z]) =>
    Math.round(Math.sqrt((x * spacing[0]) ** 2 + (y * spacing[1]) ** 2 + (z * spacing[2]) ** 2) / unit),
  )
  // A label that fills the region has no boundary: any finite depth will do.
  const widest = (shape[0] * spacing[0] + shape[1] * spacing[1] + shape[2] * spacing[2]) ** 2
  const distances = squaredDistances(labels, shape, spacing).map(d => Math.min(d, widest))
  const reach = new Int32Array(labels.length).fill(REACHED)
  const cost = new Int32Array(labels.length)
  const parent = new Int32Array(labels.length).fill(-1)
  /** How much farther a ball reached beyond each sample, plus 1; 0 = not invalid yet. */
  const invalid = new Int32Array(labels.length).fill(INVALID)
  const vertex = new Int32Array(labels.length).fill(-1)
  /** The samples of the pieces one after the other, within a piece in the order of the last search. */
  const order = new Int32Array(labels.length)
  const isTarget = new Uint8Array(labels.length)
  for (const target of targets) isTarget[target] = 1

  /** Lists the 26-connected piece of `first` in `order` from `start` on, breadth first; gives its end. */
  function collect(first: number, start: number, seen: Uint8Array): number {
    const label = labels[first]!
    let end = start
    order[end++] = first
    seen[first] = 1
    for (let i = start; i < end; i++) {
      const sample = order[i]!
      for (let k = 0; k < 26; k++) {
        const neighbour = sample + offsets[k]!
        if (labels[neighbour] !== label || seen[neighbour] === 1) continue
        seen[neighbour] = 1
        order[end++] = neighbour
      }
    }
    return end
  }

  function traceComponent(start: number, end: number): void {
    const targets: number[] = []
    let own = false
    for (let i = start; i < end; i++) {
      const sample = order[i]!
      if (isTarget[sample] === 1) targets.push(sample)
      if (!own && isOwn(sample)) own = true
    }
    if (!own && targets.length < 2) return
    if (targets.length === 0 && end - start < minSamples) return
    targets.sort((a, b) => a - b)
    const root = targets[0] ?? order[end - 1]!
    search(root, start, end)
    penalise(start, end)
    addVertex(root, -1)
    for (let i = start; i < end; i++) invalid[order[i]!] = 0
    if (targets.length > 0) invalidate(out.samples.length - 1)
    // Farthest first: the search has left the samples in the order of their distance from the root.
    const farthest = order.slice(start, end).reverse()
    for (const sample of farthest) reach[sample] = UNREACHED
    for (const target of targets) if (vertex[target]! < 0) addPath(target, start)
    for (const sample of farthest)
      if (invalid[sample] === 0 && isOwn(sample) && vertex[sample]! < 0) addPath(sample, start)
    for (const sample of farthest) {
      reach[sample] = REACHED
      invalid[sample] = INVALID
    }
  }

  /** Dijkstra from `root` over its piece by length. Leaves the piece's samples in `order`, nearest first. */
  function search(root: number, start: number, end: number): void {
    for (let i = start; i < end; i++) reach[order[i]!] = UNREACHED
    queue.restart()
    reach[root] = 0
    queue.put(root, 0)
    let settled = start
    for (let sample = queue.pop(); sample >= 0; sample = queue.pop()) {
      const here = queue.key
      if (here !== reach[sample]) continue
      order[settled++] = sample
      for (let k = 0; k < 26; k++) {
        const neighbour = sample + offsets[k]!
        const through = here + lengths[k]!
        if (through >= reach[neighbour]!) continue
        reach[neighbour] = through
        queue.put(neighbour, through)
      }
    }
  }

  /** The cost of leaving each sample: 1 in the middle of the thickest part, PENALTY more at the boundary. */
  function penalise(start: number, end: number): void {
    let deepest = 0
    for (let i = start; i < end; i++) if (distances[order[i]!]! > deepest) deepest = distances[order[i]!]!
    const scale = 1 / (1.01 * Math.sqrt(deepest))
    for (let i = start; i < end; i++) {
      const shallow = 1 - Math.sqrt(distances[order[i]!]!) * scale
      cost[order[i]!] = 1 + Math.floor(PENALTY * shallow * shallow * (shallow * shallow))
    }
  }

  /** Adds the cheapest way from the tree so far to a sample. */
  function addPath(target: number, start: number): void {
    tick()
    const first = out.samples.length
    const joint = findTree(target, start)
    let previous = vertex[joint]!
    for (let sample = joint; sample !== target;) {
      sample = parent[sample]!
      previous = addVertex(sample, previous)
    }
    invalidate(first)
  }

  /**
   * Dijkstra from `target` up to the first vertex of the tree, with step lengths times the cost of the sample left.
   * Gives that vertex's sample; the way back to `target` is in `parent`.
   */
  function findTree(target: number, start: number): number {
    queue.restart()
    reach[target] = 0
    let touched = start
    order[touched++] = target
    queue.put(target, 0)
    let sample = queue.pop()
    for (; vertex[sample]! < 0; sample = queue.pop()) {
      const here = queue.key
      if (here !== reach[sample]) continue
      const price = cost[sample]!
      for (let k = 0; k < 26; k++) {
        const neighbour = sample + offsets[k]!
        const before = reach[neighbour]!
        if (before <= here) continue
        const through = here + lengths[k]! * price
        const key = through < HIGHEST_COST ? through : HIGHEST_COST
        if (key >= before) continue
        if (before === UNREACHED) order[touched++] = neighbour
        reach[neighbour] = key
        parent[neighbour] = sample
        queue.put(neighbour, key)
      }
    }
    for (let i = start; i < touched; i++) reach[order[i]!] = UNREACHED
    return sample
  }

  function addVertex(sample: number, parent: number): number {
    const { samples, parents, radii } = out
    vertex[sample] = samples.length
    samples.push(sample)
    parents.push(parent)
    radii.push(Math.sqrt(distances[sample]!))
    return samples.length - 1
  }

  /** Makes invalid what lies in the balls around the vertices from `first` on: a search outward, largest remainder first. */
  function invalidate(first: number): void {
    const { samples, radii } = out
    if (first === samples.length) return
    const ball = (vertex: number) => Math.floor((scale * radii[vertex]! + constantNm) / unit)
    let largest = 0
    for (let i = first; i < samples.length; i++) if (ball(i) > largest) largest = ball(i)
    queue.restart()
    for (let i = first; i < samples.length; i++) {
      const sample = samples[i]!
      if (ball(i) + 1 <= invalid[sample]!) continue
      invalid[sample] = ball(i) + 1
      queue.put(sample, largest - ball(i))
    }
    for (let sample = queue.pop(); sample >= 0; sample = queue.pop()) {
      const left = invalid[sample]!
      if (left !== largest - queue.key + 1) continue
      for (let k = 0; k < 26; k++) {
        const neighbour = sample + offsets[k]!
        const rest = left - lengths[k]!
        if (rest <= invalid[neighbour]!) continue
        invalid[neighbour] = rest
        queue.put(neighbour, largest - (rest - 1))
      }
    }
  }

  const seen = new Uint8Array(labels.length)
  let end = 0
  for (let first = 0; first < labels.length; first++) {
    if (labels[first] === 0 || seen[first] === 1) continue
    const start = end
    end = collect(first, start, seen)
    traceComponent(start, end)
  }
  return out
}
