// Seeded watershed: floods a volume from marked voxels in descending order of a uint8 map.
import type { Vec3 } from './types.ts'

/** Keeps the flood inside the volume without asking for coordinates: a border of one voxel that is nobody's. */
const WALL = 0xffffffff

/**
 * Labels every voxel with the seed that floods it first (Meyer's flooding with a queue per level). Touching seed voxels
 * (26 neighbours) are one seed; seeds are numbered from 1 in raster order; equal levels flood first come, first served.
 * A volume without seeds is one basin.
 * @returns labels of the volume with a border of one voxel around it, in which labels mean nothing
 */
export function flood(map: Uint8Array, seeds: Uint8Array, [sx, sy, sz]: Vec3): { padded: Uint32Array; count: number } {
  const [px, py] = [sx + 2, sy + 2]
  const plane = px * py
  const n = plane * (sz + 2)
  const padded = new Uint32Array(n).fill(WALL)
  const level = new Uint8Array(n)
  for (let z = 0, from = 0; z < sz; z++)
    for (let y = 0; y < sy; y++, from += sx) {
      const to = 1 + px * (y + 1 + py * (z + 1))
      padded.fill(0, to, to + sx)
      level.set(map.subarray(from, from + sx), to)
    }
  // Every voxel is queued once, at its own level: the queues lie one after another in one array.
  const queue = new Int32Array(n)
  const count = numberSeeds(seeds, padded, [sx, sy, sz], queue)
  if (count === 0) return { padded: padded.fill(1), count: 1 }
  const first = new Int32Array(257)
  for (let i = 0; i < map.length; i++) first[map[i]! + 1]!++
  for (let l = 0; l < 256; l++) first[l + 1]! += first[l]!
  const last = first.slice()
  let top = 0
  for (let z = 0, from = 0; z < sz; z++)
    for (let y = 0; y < sy; y++) {
      const to = 1 + px * (y + 1 + py * (z + 1))
      for (let x = 0; x < sx; x++, from++)
        if (seeds[from] !== 0) {
          const at = map[from]!
          queue[last[at]!++] = to + x
          if (at > top) top = at
        }
    }
  const offsets = Int32Array.of(-1, 1, -px, px, -plane, plane)
  while (top >= 0) {
    const head = first[top]!
    if (head === last[top]!) {
      top--
      continue
    }
    first[top] = head + 1
    const v = queue[head]!
    const label = padded[v]!
    for (let k = 0; k < 6; k++) {
      const w = v + offsets[k]!
      if (padded[w] !== 0) continue
      padded[w] = label
      const at = level[w]!
      queue[last[at]!++] = w
      if (at > top) top = at
    }
  }
  return { padded, count }
}

/** Numbers the connected components (26 neighbours) of the seed voxels; `stack` is scratch as long as the volume. */
function numberSeeds(seeds: Uint8Array, padded: Uint32Array, [sx, sy, sz]: Vec3, stack: Int32Array): number {
  const [px, py] = [sx + 2, sy + 2]
  const around = new Int32Array(26)
  let k = 0
  for (let z = -1; z <= 1; z++)
    for (let y = -1; y <= 1; y++)
      for (let x = -1; x <= 1; x++) if (x !== 0 || y !== 0 || z !== 0) around[k++] = x + px * (y + py * z)
  const seed = new Uint8Array(padded.length)
  for (let z = 0, from = 0; z < sz; z++)
    for (let y = 0; y < sy; y++, from += sx) seed.set(seeds.subarray(from, from + sx), 1 + px * (y + 1 + py * (z + 1)))
  let count = 0
  for (let first = 0; first < seed.length; first++) {
    if (seed[first] === 0 || padded[first] !== 0) continue
    padded[first] = ++count
    let depth = 0
    stack[depth++] = first
    while (depth > 0) {
      const v = stack[--depth]!
      for (k = 0; k < 26; k++) {
        const w = v + around[k]!
        if (seed[w] === 0 || padded[w] !== 0) continue
        padded[w] = count
        stack[depth++] = w
      }
    }
  }
  return count
}
