// The graph that skeletons are traced on: one node for each label in each 2 x 2 x 2 samples, an eighth to a fourth of the samples, connected as they are.
import { longer } from '../arrays.ts'
import { indices } from './tip.ts'
import type { Samples } from '../surface-samples.ts'
import { around, map3, type Vec3 } from '../types.ts'

/**
 * The nodes are in raster order of their cells; those of cell c are `first[c] .. first[c + 1]`. Samples of one label in a cell
 * all touch each other, so nodes have an edge where their samples have one (26 neighbours): bit k of `links` says that there
 * is one in the neighbouring cell `around[k]`.
 */
export interface CellGraph {
  readonly first: Uint32Array
  /** What leads to each of the 26 neighbours of a cell. */
  readonly offsets: Int32Array
  readonly cells: Uint32Array
  readonly labels: Uint32Array
  readonly links: Uint32Array
  /** The sample that stands for a node: the deepest, or the first that a skeleton must run to. */
  readonly samples: Uint32Array
  /** How many samples a node has. */
  readonly sizes: Uint8Array
  /** 1 where one of them is the region's own. */
  readonly own: Uint8Array
  readonly nodeOf: (sample: number) => number
}

/** The samples of a cell (bits x + 2 y + 4 z) that touch its neighbour in each direction. */
const facing = around.map(direction => {
  const touches = (bit: number): boolean => direction.every((d, axis) => d === 0 || ((bit >> axis) & 1) === (d + 1) / 2)
  return Array.from({ length: 8 }, (_, bit) => (touches(bit) ? 1 << bit : 0)).reduce((a, b) => a | b)
})

/** `ends` is the first sample on each axis that is not the region's own; where `wanted` is higher a sample goes before deeper ones. */
export function cellGraph(
  { labels, shape }: Samples,
  depths: Float32Array,
  wanted: Uint8Array,
  ends: readonly number[],
): CellGraph {
  // The outermost samples are background: cells begin at the second, with one layer of empty ones around.
  const grid = map3(axis => Math.ceil((shape[axis] - 2) / 2) + 2)
  const strides: Vec3 = [1, grid[0], grid[0] * grid[1]]
  const offsets = Int32Array.from(around, ([x, y, z]) => x + strides[1] * y + strides[2] * z)
  const corners = Int32Array.from({ length: 8 }, (_, b) => (b & 1) + shape[0] * (((b >> 1) & 1) + shape[1] * (b >> 2)))
  /** The samples of a cell that lie before an end of each axis. */
  const before = (end: readonly number[], x: number, y: number, z: number): number =>
    (2 * x < end[0]! ? 0xff : 2 * x - 1 < end[0]! ? 0x55 : 0) &
    (2 * y < end[1]! ? 0xff : 2 * y - 1 < end[1]! ? 0x33 : 0) &
    (2 * z < end[2]! ? 0xff : 2 * z - 1 < end[2]! ? 0x0f : 0)
  const all = shape.map(size => size - 1)

  const first = new Uint32Array(strides[2] * grid[2] + 1)
  let nodes = { cells: new Uint32Array(8), labels: new Uint32Array(8), samples: new Uint32Array(8) }
  let masks = new Uint8Array(8)
  let sizes = new Uint8Array(8)
  let own = new Uint8Array(8)
  let count = 0
  for (let z = 1; z < grid[2] - 1; z++)
    for (let y = 0; y < grid[1]; y++)
      for (let x = 0; x < grid[0]; x++) {
        const cell = x + strides[1] * y + strides[2] * z
        first[cell] = count
        if (x === 0 || y === 0 || x === grid[0] - 1 || y === grid[1] - 1) continue
        if (count + 8 > masks.length) {
          nodes = { cells: longer(nodes.cells), labels: longer(nodes.labels), samples: longer(nodes.samples) }
          masks = longer(masks)
          sizes = longer(sizes)
          own = longer(own)
        }
        const at = 2 * x - 1 + shape[0] * (2 * y - 1 + shape[1] * (2 * z - 1))
        const inside = before(all, x, y, z)
        const ofRegion = before(ends, x, y, z)
        for (let b = 0; b < 8; b++) {
          const sample = at + corners[b]!
          if (((inside >> b) & 1) === 0 || labels[sample] === 0) continue
          let node = first[cell]!
          while (node < count && nodes.labels[node] !== labels[sample]) node++
          if (node === count) {
            count++
            nodes.cells[node] = cell
            nodes.labels[node] = labels[sample]!
            nodes.samples[node] = sample
          }
          masks[node]! |= 1 << b
          sizes[node]!++
          own[node]! |= (ofRegion >> b) & 1
          const chosen = nodes.samples[node]!
          const more = wanted[sample]! - wanted[chosen]!
          if (more > 0 || (more === 0 && depths[sample]! > depths[chosen]!)) nodes.samples[node] = sample
        }
      }
  first.fill(count, strides[2] * (grid[2] - 1))

  const links = new Uint32Array(count)
  for (let node = 0; node < count; node++)
    for (let k = 0; k < 13; k++) {
      if ((masks[node]! & facing[k]!) === 0) continue
      const cell = nodes.cells[node]! + offsets[k]!
      for (let other = first[cell]!; other < first[cell + 1]!; other++) {
        if (nodes.labels[other] !== nodes.labels[node] || (masks[other]! & facing[25 - k]!) === 0) continue
        links[node]! |= 1 << k
        links[other]! |= 1 << (25 - k)
      }
    }

  function nodeOf(sample: number): number {
    const [x, y, z] = indices(sample, shape)
    let node = first[((x + 1) >> 1) + strides[1] * ((y + 1) >> 1) + strides[2] * ((z + 1) >> 1)]!
    while (nodes.labels[node] !== labels[sample]) node++
    return node
  }
  return { ...nodes, first, offsets, links, sizes, own, nodeOf }
}
