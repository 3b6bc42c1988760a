// AssemblyScript of ../skeleton/ways.ts, which lays out the memory: searches in a graph of whole lengths. All arrays are of 32 bits, but the heap of 64.

let edges: usize = 0
let edgesAt: usize = 0
let lengths: usize = 0
let cost: usize = 0
let reach: usize = 0
let length: usize = 0
let parent: usize = 0
let covered: usize = 0
let ends: usize = 0
let heap: usize = 0
let places: usize = 0
let count: usize = 0

export function lay(
  edgesTo: usize,
  edgesAtTo: usize,
  lengthsTo: usize,
  costTo: usize,
  reachTo: usize,
  lengthTo: usize,
  parentTo: usize,
  coveredTo: usize,
  endsTo: usize,
  heapTo: usize,
  placesTo: usize,
  nodes: usize,
): void {
  edges = edgesTo
  edgesAt = edgesAtTo
  lengths = lengthsTo
  cost = costTo
  reach = reachTo
  length = lengthTo
  parent = parentTo
  covered = coveredTo
  ends = endsTo
  heap = heapTo
  places = placesTo
  count = nodes
  memory.fill(places, 0, 4 * count)
}

// What waits is in a heap whose places from 1 on have four others below each: key * 2^32 + node, so of equal keys the lower node comes first.
let waiting: u32 = 0

function set(at: u32, entry: u64): void {
  store<u64>(heap + 8 * at, entry)
  store<u32>(places + 4 * <u32>entry, at)
}

/** Lets a node wait, or one that waits already with a smaller key. */
function put(node: u32, key: u32): void {
  const entry = ((<u64>key) << 32) | node
  let at = load<u32>(places + 4 * node)
  if (at == 0) at = ++waiting
  while (at > 1) {
    const up = (at + 2) >> 2
    const above = load<u64>(heap + 8 * up)
    if (above < entry) break
    set(at, above)
    at = up
  }
  set(at, entry)
}

/** The first of what waits, which must be something. */
function pop(): u64 {
  const first = load<u64>(heap + 8)
  const last = load<u64>(heap + 8 * waiting--)
  let at: u32 = 1
  for (let below: u32 = 2; below <= waiting; below = 4 * at - 2) {
    let least = below
    let entry = load<u64>(heap + 8 * below)
    const end = min(below + 3, waiting)
    for (let i = below + 1; i <= end; i++) {
      const other = load<u64>(heap + 8 * i)
      if (other >= entry) continue
      entry = other
      least = i
    }
    if (entry > last) break
    set(at, entry)
    at = least
  }
  set(at, last)
  store<u32>(places + 4 * <u32>first, 0)
  return first
}

/** The highest key of a way: longer ones are not told apart. */
const FAR: u32 = 0x7fffffff

export function search(from: u32): i32 {
  memory.fill(reach, 0xff, 4 * count)
  store<u32>(reach + 4 * from, 0)
  store<u32>(length + 4 * from, 0)
  store<i32>(parent + 4 * from, -1)
  put(from, 0)
  while (waiting > 0) {
    const entry = pop()
    const node = <u32>entry
    const here = <u32>(entry >> 32)
    if (load<i32>(ends + 4 * node) >= 0) {
      for (; waiting > 0; waiting--) store<u32>(places + 4 * load<u32>(heap + 8 * waiting), 0)
      return node
    }
    const walked = load<u32>(length + 4 * node)
    const end = load<u32>(edgesAt + 4 * node + 4)
    for (let e = load<u32>(edgesAt + 4 * node); e < end; e++) {
      const edge = load<u32>(edges + 4 * e)
      const other = edge >> 5
      const before = load<u32>(reach + 4 * other)
      if (before <= here) continue
      const step = load<u32>(lengths + 4 * (edge & 31))
      const key = min(here + step * load<u32>(cost + 4 * other), FAR)
      if (key >= before) continue
      store<u32>(reach + 4 * other, key)
      store<u32>(length + 4 * other, walked + step)
      store<u32>(parent + 4 * other, node)
      put(other, key)
    }
  }
  return -1
}

export function begin(node: u32, left: u32): void {
  if (left <= load<u32>(covered + 4 * node)) return
  store<u32>(covered + 4 * node, left)
  put(node, u32.MAX_VALUE - left)
}

export function cover(): void {
  while (waiting > 0) {
    const node = <u32>pop()
    const left = load<i32>(covered + 4 * node)
    const end = load<u32>(edgesAt + 4 * node + 4)
    for (let e = load<u32>(edgesAt + 4 * node); e < end; e++) {
      const edge = load<u32>(edges + 4 * e)
      const other = edge >> 5
      const rest = left - load<i32>(lengths + 4 * (edge & 31))
      if (rest <= load<i32>(covered + 4 * other)) continue
      store<i32>(covered + 4 * other, rest)
      put(other, u32.MAX_VALUE - rest)
    }
  }
}
