// Cheapest ways in the graph of one connected piece of a segment, and what lies near them.
import { WasmKernel } from '../wasm.ts'
import { waysWasm } from '../wasm/ways.wasm.ts'

/** Edges of node i: `edges[edgesAt[i]] .. edges[edgesAt[i + 1]]`, each other node * 32 + direction; an edge has the length of its direction. */
export interface WayGraph {
  readonly edges: Uint32Array
  readonly edgesAt: Uint32Array
  readonly lengths: Uint32Array
}

/** Arrays with one number per node, good until the ways of the next piece are laid out. */
export interface Ways {
  /** What is to be paid, per length, for a step to a node; to be set. */
  readonly cost: Uint32Array
  /** Not negative where a search ends; -1 at first. */
  readonly ends: Int32Array
  /** Of the last search: length of the cheapest way to a node, and the node before (-1 at the start). */
  readonly length: Uint32Array
  readonly parent: Int32Array
  /** How much farther a ball reached beyond each node, plus 1; 0 = not covered yet. */
  readonly covered: Uint32Array
  /** Dijkstra from a node to the nearest where searches end: gives that, or -1 where there is none and the search went over the whole piece. */
  readonly search: (from: number) => number
  /** Covers the balls around nodes, of such radii along the edges: a search outward, largest remainder first. */
  readonly cover: (nodes: readonly number[], radii: readonly number[]) => void
}

type Step = (...addressesAndSizes: number[]) => number
let wasm: WasmKernel<Record<'lay' | 'search' | 'begin' | 'cover', Step>> | undefined

/** @param count of nodes */
export function waysIn({ edges, edgesAt, lengths }: WayGraph, count: number): Ways {
  wasm ??= new WasmKernel(waysWasm)
  const { lay, search, begin, cover } = wasm.call
  const n = 4 * count
  const places = wasm.place(4 * edgesAt[count]!, n + 4, 4 * lengths.length, n, n, n, n, n, n, 2 * n + 8, n)
  wasm.integers(places[0], edgesAt[count]!).set(edges.subarray(0, edgesAt[count]))
  wasm.integers(places[1], count + 1).set(edgesAt.subarray(0, count + 1))
  wasm.integers(places[2], lengths.length).set(lengths)
  lay(...places, count)
  const column = (i: 3 | 5 | 6 | 7 | 8): Uint32Array => wasm!.integers(places[i], count)
  const signed = (column: Uint32Array): Int32Array => new Int32Array(column.buffer, column.byteOffset, count)
  return {
    cost: column(3),
    length: column(5),
    parent: signed(column(6)),
    covered: column(7).fill(0),
    ends: signed(column(8)).fill(-1),
    search,
    cover(nodes, radii) {
      for (const [i, node] of nodes.entries()) begin(node, radii[i]! + 1)
      cover()
    },
  }
}
