// The compressed_segmentation chunk encoding of Neuroglancer for uint64 labels: the encoder.
//
// Source: google/neuroglancer src/sliceview/compressed_segmentation/README.md. Words are u32 little-endian: one offset per channel; then per channel and
// block of 8^3 voxels a header (table offset, 24 bits; index width, 8 bits; offset of the indices), the packed indices, and the table of the block's labels.
// Choices that the format leaves open follow Neuroglancer's encoder: tables ascending, a table that equals an earlier one is shared.

import { boxAt, shapeOf, type Box, type Vec3 } from '../../domain/geometry.ts'

/** Shape of the blocks, as the info file has to state it. */
export const BLOCK_SHAPE = [8, 8, 8] as const
const B = 8
const BLOCK_VOXELS = B * B * B
const HASH_SIZE = 1024
const HASH_MASK = HASH_SIZE - 1

// Scratch of the encoder; encoding never yields, so one set per thread is enough.
const slotStamp = new Uint32Array(HASH_SIZE)
const slotEntry = new Uint16Array(HASH_SIZE)
let stamp = 0
// Signed, as all words the encoder reads: V8 keeps int32 in registers, uint32 above 2^31 as doubles.
const entryLow = new Int32Array(BLOCK_VOXELS)
const entryHigh = new Int32Array(BLOCK_VOXELS)
const entryRank = new Int32Array(BLOCK_VOXELS)
const order = new Uint16Array(BLOCK_VOXELS)
const voxelEntry = new Uint16Array(BLOCK_VOXELS)
/** Where a chunk is put together: it grows to the largest. */
let scratch = new Int32Array(1 << 16)

const asWords = (a: BigUint64Array): Int32Array => new Int32Array(a.buffer, a.byteOffset, a.byteLength >> 2)
const unsigned = (word: number): number => word >>> 0

/** Entries that are searched one by one; the hash table holds those after them. */
const FEW = 8

/** Entry of a label in the block's table of `count` labels; `count` itself when it is new, which it then no longer is. */
function enter(low: number, high: number, count: number): number {
  const few = count < FEW ? count : FEW
  for (let e = 0; e < few; e++) if (entryLow[e] === low && entryHigh[e] === high) return e
  if (count >= FEW) {
    let slot = (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> 22
    while (slotStamp[slot] === stamp) {
      const e = slotEntry[slot]!
      if (entryLow[e] === low && entryHigh[e] === high) return e
      slot = (slot + 1) & HASH_MASK
    }
    slotStamp[slot] = stamp
    slotEntry[slot] = count
  }
  entryLow[count] = low
  entryHigh[count] = high
  return count
}

/**
 * Distinct labels of one block into the entry tables, their numbers per voxel into voxelEntry. `first` is the word of its first voxel, `row` and `slice`
 * the words from one row and one slice to the next.
 */
function gather(
  words: Int32Array,
  first: number,
  row: number,
  slice: number,
  nx: number,
  ny: number,
  nz: number,
): number {
  stamp = (stamp + 1) >>> 0
  if (stamp === 0) {
    slotStamp.fill(0)
    stamp = 1
  }
  let lastLow = words[first]!
  let lastHigh = words[first + 1]!
  let last = enter(lastLow, lastHigh, 0)
  let count = 1
  for (let z = 0; z < nz; z++)
    for (let y = 0; y < ny; y++) {
      let at = first + y * row + z * slice
      const v = B * (y + B * z)
      for (let x = 0; x < nx; x++, at += 2) {
        const low = words[at]!
        const high = words[at + 1]!
        if (((low ^ lastLow) | (high ^ lastHigh)) !== 0) {
          last = enter(low, high, count)
          if (last === count) count++
          lastLow = low
          lastHigh = high
        }
        voxelEntry[v + x] = last
      }
    }
  return count
}

/** Order of two entries by label. */
const compare = (a: number, b: number): number =>
  unsigned(entryHigh[a]!) - unsigned(entryHigh[b]!) || unsigned(entryLow[a]!) - unsigned(entryLow[b]!)

/** Ranks of the entries in ascending order of label: order[rank] = entry, entryRank[entry] = rank. */
function rank(count: number): void {
  for (let i = 0; i < count; i++) order[i] = i
  if (count > 32) order.subarray(0, count).sort(compare)
  else
    for (let i = 1; i < count; i++) {
      const e = order[i]!
      let j = i
      for (; j > 0 && compare(order[j - 1]!, e) > 0; j--) order[j] = order[j - 1]!
      order[j] = e
    }
  for (let r = 0; r < count; r++) entryRank[order[r]!] = r
}

const widthFor = (count: number): number => {
  if (count === 1) return 0
  let bits = 1
  while (1 << bits < count) bits *= 2
  return bits
}

class Tables {
  /** Offsets of the tables written so far, by hash of their labels. */
  private readonly byHash = new Map<number, number[]>()
  private readonly counts = new Map<number, number>()

  /** Offset (in words of `out`) of an equal table, or -1; then it is entered as lying at `fresh`. */
  share(out: Int32Array, count: number, fresh: number): number {
    let hash = count
    for (let r = 0; r < count; r++)
      hash = Math.imul(hash ^ entryLow[order[r]!]!, 0x01000193) ^ Math.imul(entryHigh[order[r]!]!, 0x85ebca6b)
    const known = this.byHash.get(hash)
    if (!known) this.byHash.set(hash, [fresh])
    else {
      for (const at of known) if (this.counts.get(at) === count && equalTable(out, at, count)) return at
      known.push(fresh)
    }
    this.counts.set(fresh, count)
    return -1
  }
}

function equalTable(out: Int32Array, at: number, count: number): boolean {
  for (let r = 0; r < count; r++) {
    const e = order[r]!
    if (out[at + 2 * r] !== entryLow[e] || out[at + 2 * r + 1] !== entryHigh[e]) return false
  }
  return true
}

/** Packs the ranks of the block's 512 voxels, lowest bits first. */
function packRanks(out: Int32Array, at: number, bits: number): void {
  const perWord = 32 / bits
  for (let v = 0; v < BLOCK_VOXELS; at++) {
    let word = 0
    for (let i = 0; i < perWord; i++, v++) word |= entryRank[voxelEntry[v]!]! << (i * bits)
    out[at] = word
  }
}

/**
 * Encodes labels, flat with x fastest, channel slowest.
 * @param box what `labels` holds, in the coordinates of the chunk, which lies in it
 * @throws RangeError when a chunk is so large that a table offset does not fit in 24 bits (64^3 always fits).
 */
export function encodeCompressedSegmentation(
  labels: BigUint64Array,
  shape: Vec3,
  channels = 1,
  box: Box = boxAt([0, 0, 0], shape),
): Uint8Array<ArrayBuffer> {
  const words = asWords(labels)
  const [sx, sy, sz] = shape
  const [lx, ly, lz] = shapeOf(box)
  const [mx, my, mz] = box.min
  const grid = [Math.ceil(sx / B), Math.ceil(sy / B), Math.ceil(sz / B)] as const
  const blocks = grid[0] * grid[1] * grid[2]
  let out = scratch
  let size = channels
  const reserve = (n: number): void => {
    if (size + n <= out.length) return
    const larger = new Int32Array(Math.max(2 * out.length, size + n))
    larger.set(out)
    out = scratch = larger
  }
  for (let c = 0; c < channels; c++) {
    const base = size
    let header = base
    reserve(2 * blocks)
    out[c] = base
    size += 2 * blocks
    const tables = new Tables()
    for (let bz = 0; bz < sz; bz += B)
      for (let by = 0; by < sy; by += B)
        for (let bx = 0; bx < sx; bx += B) {
          const nx = Math.min(B, sx - bx)
          const ny = Math.min(B, sy - by)
          const nz = Math.min(B, sz - bz)
          const partial = nx * ny * nz < BLOCK_VOXELS
          const first = 2 * (bx - mx + lx * (by - my + ly * (bz - mz + lz * c)))
          const count = gather(words, first, 2 * lx, 2 * lx * ly, nx, ny, nz)
          rank(count)
          if (partial) padBlock(nx, ny, nz)
          const bits = widthFor(count)
          const indices = size
          reserve(bits * 16 + 2 * count)
          if (bits > 0) packRanks(out, indices, bits)
          size += bits * 16
          let table = tables.share(out, count, size)
          if (table < 0) {
            table = size
            for (let r = 0; r < count; r++) {
              out[size++] = entryLow[order[r]!]!
              out[size++] = entryHigh[order[r]!]!
            }
          }
          if (table - base > 0xffffff)
            throw new RangeError(`chunk of shape ${shape.join('x')} is too large for compressed_segmentation`)
          out[header++] = (table - base) | (bits << 24)
          out[header++] = indices - base
        }
  }
  return new Uint8Array(out.slice(0, size).buffer)
}

/** Voxels beyond the volume's edge take the label of rank 0, as in Neuroglancer's encoder. */
function padBlock(nx: number, ny: number, nz: number): void {
  const zero = order[0]!
  for (let z = 0; z < B; z++)
    for (let y = 0; y < B; y++) {
      const row = B * (y + B * z)
      if (z >= nz || y >= ny) voxelEntry.fill(zero, row, row + B)
      else if (nx < B) voxelEntry.fill(zero, row + nx, row + B)
    }
}
