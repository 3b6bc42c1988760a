// A graph of clusters that merge best edge first: union-find, edge lists per cluster, one heap; the core of agglomeration.
import { longer, rootOf } from '../arrays.ts'
import { PairIndex } from './pair-index.ts'

/**
 * Order of edges, best first: higher mean affinity; then the edge whose lower end is larger; then the one whose higher
 * end is larger. A cluster is named by its smallest member, so merging never improves the rank of an edge: neither its
 * mean nor its ends can grow. That is what makes the linkage reducible even with ties (docs/agglomeration.md).
 */
export class ClusterGraph {
  /** Number of nodes, named 0..n-1 in ascending order of id. */
  readonly n: number
  /** Ends of every edge as they were given; `find` says in which cluster an end lies now. */
  readonly u: Uint32Array
  readonly v: Uint32Array
  readonly sum: Float64Array
  readonly count: Float64Array
  /** Least mean affinity at which the edge may merge, as a probability. */
  readonly threshold: Float64Array
  readonly alive: Uint8Array
  /** Smallest node of the cluster that is rooted at a node. */
  readonly smallest: Uint32Array
  private readonly parent: Uint32Array
  private readonly degree: Uint32Array
  // Half-edge 2e belongs to u[e], 2e+1 to v[e]; each cluster has a list of its half-edges.
  private readonly head: Int32Array
  private readonly tail: Int32Array
  private readonly next: Int32Array
  // Pairs of clusters that are no more stay in the table: measured, that doubles it.
  private readonly pairs: PairIndex
  private edgeOfPair: Int32Array
  private readonly heap: Uint32Array
  private heapSize = 0
  // Rank of an edge when it was last placed in the heap; -1 for an edge that cannot merge. Ranks only fall.
  private readonly mean: Float64Array
  private readonly lo: Uint32Array
  private readonly hi: Uint32Array

  constructor(
    n: number,
    edges: { u: Uint32Array; v: Uint32Array; sum: Float64Array; count: Float64Array; threshold: Float64Array },
  ) {
    this.n = n
    const m = edges.u.length
    this.u = edges.u
    this.v = edges.v
    this.sum = edges.sum.slice()
    this.count = edges.count.slice()
    this.threshold = edges.threshold.slice()
    this.alive = new Uint8Array(m).fill(1)
    this.smallest = Uint32Array.from({ length: n }, (_, i) => i)
    this.parent = this.smallest.slice()
    this.degree = new Uint32Array(n)
    this.head = new Int32Array(n).fill(-1)
    this.tail = new Int32Array(n).fill(-1)
    this.next = new Int32Array(2 * m).fill(-1)
    this.pairs = new PairIndex(2 * m)
    this.edgeOfPair = new Int32Array(this.pairs.first.length)
    this.heap = new Uint32Array(m)
    this.mean = new Float64Array(m)
    this.lo = new Uint32Array(m)
    this.hi = new Uint32Array(m)
    for (let e = 0; e < m; e++) {
      this.push(this.u[e]!, 2 * e)
      this.push(this.v[e]!, 2 * e + 1)
      this.setEdge(this.u[e]!, this.v[e]!, e)
      if (this.rank(e)) this.heap[this.heapSize++] = e
    }
    for (let i = (this.heapSize >> 1) - 1; i >= 0; i--) this.sink(i)
  }

  /** Root of the cluster that a node lies in. */
  find(node: number): number {
    return rootOf(this.parent, node)
  }

  /** Takes the best edge that may merge; -1 when there is none. Its ends are then the best partners of each other. */
  pop(): number {
    while (this.heapSize > 0) {
      const e = this.heap[0]!
      const [mean, lo, hi] = [this.mean[e]!, this.lo[e]!, this.hi[e]!]
      const able = this.alive[e] !== 0 && this.rank(e)
      const fell = able && (mean !== this.mean[e]! || lo !== this.lo[e]! || hi !== this.hi[e]!)
      if (!fell) this.heap[0] = this.heap[--this.heapSize]!
      this.sink(0)
      if (able && !fell) return e
    }
    return -1
  }

  /** Joins the clusters at the ends of edge `e` and adds up the edges that become parallel. */
  merge(e: number): void {
    let [a, b] = [this.find(this.u[e]!), this.find(this.v[e]!)]
    if (this.degree[a]! < this.degree[b]!) [a, b] = [b, a]
    this.parent[b] = a
    if (this.smallest[b]! < this.smallest[a]!) this.smallest[a] = this.smallest[b]!
    this.alive[e] = 0
    for (let h = this.head[b]!; h >= 0;) {
      const after = this.next[h]!
      const f = h >> 1
      const x = this.find((h & 1) === 0 ? this.v[f]! : this.u[f]!)
      if (this.alive[f] !== 0 && this.addUp(f, this.getEdge(a, x)) === f) {
        this.setEdge(a, x, f)
        this.push(a, h)
      }
      h = after
    }
  }

  /** Adds a parallel edge (-1: there is none) up with `f`. Stays the one higher in the heap: their sum ranks no higher than it does. */
  private addUp(f: number, parallel: number): number {
    if (parallel < 0) return f
    const [keep, drop] = this.above(f, parallel) ? [f, parallel] : [parallel, f]
    this.sum[keep]! += this.sum[drop]!
    this.count[keep]! += this.count[drop]!
    if (this.threshold[drop]! > this.threshold[keep]!) this.threshold[keep] = this.threshold[drop]!
    this.alive[drop] = 0
    return keep
  }

  private push(cluster: number, half: number): void {
    this.next[half] = -1
    if (this.tail[cluster]! < 0) this.head[cluster] = half
    else this.next[this.tail[cluster]!] = half
    this.tail[cluster] = half
    this.degree[cluster]!++
  }

  private getEdge(a: number, b: number): number {
    const p = a < b ? this.pairs.get(a, b) : this.pairs.get(b, a)
    if (p < 0) return -1
    const e = this.edgeOfPair[p]!
    return this.alive[e] === 0 ? -1 : e
  }

  private setEdge(a: number, b: number, e: number): void {
    const p = a < b ? this.pairs.add(a, b) : this.pairs.add(b, a)
    if (p >= this.edgeOfPair.length) this.edgeOfPair = longer(this.edgeOfPair)
    this.edgeOfPair[p] = e
  }

  /** Brings the rank of an edge up to date; false if it cannot merge, now or ever. */
  private rank(e: number): boolean {
    const mean = this.sum[e]! / this.count[e]!
    const able = mean >= 255 * this.threshold[e]!
    const a = this.smallest[this.find(this.u[e]!)]!
    const b = this.smallest[this.find(this.v[e]!)]!
    this.mean[e] = able ? mean : -1
    this.lo[e] = a < b ? a : b
    this.hi[e] = a < b ? b : a
    return able
  }

  private above(e: number, f: number): boolean {
    const d = this.mean[e]! - this.mean[f]!
    if (d !== 0) return d > 0
    const l = this.lo[e]! - this.lo[f]!
    return l !== 0 ? l > 0 : this.hi[e]! > this.hi[f]!
  }

  private sink(i: number): void {
    const { heap, heapSize } = this
    if (i >= heapSize) return
    const e = heap[i]!
    for (;;) {
      let child = 2 * i + 1
      if (child >= heapSize) break
      if (child + 1 < heapSize && this.above(heap[child + 1]!, heap[child]!)) child++
      if (!this.above(heap[child]!, e)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = e
  }
}
