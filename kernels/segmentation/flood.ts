// Seeded watershed: floods a volume from marked voxels in descending order of a uint8 map.
import { tick } from '../tick.ts'
import { around, sizeOf } from '../types.ts'
import type { Box, Vec3 } from '../types.ts'

// What is known of a voxel lies in one word, so that a neighbour costs one look at memory: its level in the lowest 8 bits, its
// label above them. 0..255 is a voxel without label.
/** Keeps the flood inside the volume without asking for coordinates: a border of one voxel that is nobody's. */
const WALL = -1 << 31
/** A voxel of a seed that has no number yet. */
const SEED = 1 << 30
const MOST_LABELS = 1 << 22

/**
 * Labels every voxel with the seed that floods it first (Meyer's flooding with a queue per level). Touching seed voxels
 * (26 neighbours) are one seed; seeds are numbered from 1 in raster order; equal levels flood first come, first served.
 * A volume without seeds is one basin.
 * @returns labels of the core, x fastest
 */
export function flood(map: Uint8Array, seeds: Uint8Array, [sx, sy, sz]: Vec3, core: Box): Uint32Array {
  const [px, py] = [sx + 2, sy + 2]
  const plane = px * py
  const n = plane * (sz + 2)
  const state = new Int32Array(n).fill(WALL)
  // Every voxel is queued once, at its own level: the queues lie one after another in one array.
  const queue = new Int32Array(n)
  const first = new Int32Array(257)
  for (let z = 0, i = 0; z < sz; z++)
    for (let y = 0; y < sy; y++)
      for (let x = 0, to = 1 + px * (y + 1 + py * (z + 1)); x < sx; x++, i++, to++) {
        const level = map[i]!
        first[level + 1]!++
        state[to] = seeds[i] === 0 ? level : level | SEED
      }
  for (let l = 0; l < 256; l++) first[l + 1]! += first[l]!
  const last = first.slice()
  const offsets = around.map(([x, y, z]) => x + px * (y + py * z))
  const [cx, cy, cz] = sizeOf(core)
  const out = new Uint32Array(cx * cy * cz)
  if (numberSeeds(state, offsets, queue) === 0) return out.fill(1)
  let top = -1
  for (let v = 0; v < n; v++)
    if (state[v]! > 255) {
      const level = state[v]! & 255
      queue[last[level]!++] = v
      if (level > top) top = level
    }
  /** Labels a voxel that has no label yet; the highest level that waits. */
  const reach = (w: number, label: number, top: number): number => {
    const level = state[w]!
    if (level >>> 8 !== 0) return top
    state[w] = label | level
    queue[last[level]!++] = w
    return level > top ? level : top
  }
  while (top >= 0) {
    const head = first[top]!
    if (head === last[top]!) {
      top--
      continue
    }
    first[top] = head + 1
    if ((head & 0xffff) === 0) tick()
    const v = queue[head]!
    const label = state[v]! & ~255
    top = reach(v - 1, label, top)
    top = reach(v + 1, label, top)
    top = reach(v - px, label, top)
    top = reach(v + px, label, top)
    top = reach(v - plane, label, top)
    top = reach(v + plane, label, top)
  }
  for (let z = 0, to = 0; z < cz; z++)
    for (let y = 0; y < cy; y++)
      for (let x = 0, v = core.min[0] + 1 + px * (core.min[1] + y + 1 + py * (core.min[2] + z + 1)); x < cx; x++)
        out[to++] = state[v++]! >>> 8
  return out
}

/** Numbers the connected components of the seed voxels; `stack` is scratch as long as the volume. */
function numberSeeds(state: Int32Array, offsets: readonly number[], stack: Int32Array): number {
  let count = 0
  for (let first = 0; first < state.length; first++) {
    if ((state[first]! & SEED) === 0) continue
    if (++count === MOST_LABELS) throw new RangeError(`a block of more than ${MOST_LABELS - 1} seeds`)
    const label = count << 8
    state[first] = label | (state[first]! & 255)
    let depth = 0
    stack[depth++] = first
    while (depth > 0) {
      const v = stack[--depth]!
      for (let k = 0; k < 26; k++) {
        const w = v + offsets[k]!
        if ((state[w]! & SEED) === 0) continue
        state[w] = label | (state[w]! & 255)
        stack[depth++] = w
      }
    }
  }
  return count
}
