// The compressed_segmentation chunk encoding of Neuroglancer for uint64 labels: the decoder, straight into a larger volume where that is wanted.
import { boxAt, intersect, shapeOf, type Box, type Vec3 } from '../../domain/geometry.ts'
import { BLOCK_SHAPE } from './compressed-segmentation.ts'

const [B] = BLOCK_SHAPE

/** A block's labels, of at most four bits of index: in words as its table has them, and whole. */
const label = new BigUint64Array(16)
const labelWords = new Int32Array(label.buffer)

/**
 * @param box what `out` holds, in the coordinates of the chunk: what of the chunk lies in it is decoded straight into it
 * @throws RangeError when `bytes` is not a chunk of that shape.
 */
export function decodeCompressedSegmentation(
  bytes: Uint8Array,
  shape: Vec3,
  channels = 1,
  out = new BigUint64Array(shape[0] * shape[1] * shape[2] * channels),
  box: Box = boxAt([0, 0, 0], shape),
): BigUint64Array<ArrayBuffer> {
  if (bytes.length % 4 !== 0)
    throw new RangeError(`compressed_segmentation chunk of ${bytes.length} bytes is not whole words`)
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
  const data = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2)
  const [sx, sy, sz] = shape
  const [ox, oy, oz] = shapeOf(box)
  const {
    min: [left, top, upper],
    max: [right, bottom, lower],
  } = intersect(box, boxAt([0, 0, 0], shape))
  const [mx, my, mz] = box.min
  const end = data.length
  const bad = (): never => {
    throw new RangeError(`compressed_segmentation chunk of shape ${shape.join('x')} is damaged or of another shape`)
  }
  for (let c = 0; c < channels; c++) {
    const base = c < end && data[c]! >= channels ? data[c]! : bad()
    let header = base
    for (let bz = 0; bz < sz; bz += B)
      for (let by = 0; by < sy; by += B)
        for (let bx = 0; bx < sx; bx += B, header += 2) {
          if (header + 1 >= end) bad()
          const bits = data[header]! >>> 24
          const table = base + (data[header]! & 0xffffff)
          const indices = base + data[header + 1]!
          // Entries that the table can have before the bytes end.
          const entries = (end - table) >> 1
          if (bits > 32 || (bits & (bits - 1)) !== 0 || indices < base || indices + 16 * bits > end || entries < 1)
            bad()
          const x0 = Math.max(left, bx)
          const x1 = Math.min(right, bx + B)
          const y0 = Math.max(top, by)
          const y1 = Math.min(bottom, by + B)
          const z0 = Math.max(upper, bz)
          const z1 = Math.min(lower, bz + B)
          const few = bits <= 4
          if (few) {
            const count = Math.min(1 << bits, entries)
            if (count < 1 << bits && largestIndex(data, indices, bits) >= count) bad()
            for (let i = 0; i < 2 * count; i++) labelWords[i] = data[table + i]!
          }
          const mask = (1 << bits) - 1
          for (let z = z0; z < z1; z++)
            for (let y = y0; y < y1; y++) {
              const at = ox * (y - my + oy * (z - mz + oz * c)) - mx
              let bit = (x0 - bx + B * (y - by + B * (z - bz))) * bits
              if (few) {
                // A row of them lies in one word. Most are whole, and eight stores are faster than a loop.
                const to = at + x0
                const word = bits === 0 ? 0 : data[indices + (bit >>> 5)]! >>> (bit & 31)
                if (x1 - x0 === B) {
                  out[to] = label[word & mask]!
                  out[to + 1] = label[(word >>> bits) & mask]!
                  out[to + 2] = label[(word >>> (2 * bits)) & mask]!
                  out[to + 3] = label[(word >>> (3 * bits)) & mask]!
                  out[to + 4] = label[(word >>> (4 * bits)) & mask]!
                  out[to + 5] = label[(word >>> (5 * bits)) & mask]!
                  out[to + 6] = label[(word >>> (6 * bits)) & mask]!
                  out[to + 7] = label[(word >>> (7 * bits)) & mask]!
                } else for (let i = 0; i < x1 - x0; i++) out[to + i] = label[(word >>> (i * bits)) & mask]!
                continue
              }
              for (let x = x0; x < x1; x++, bit += bits) {
                const index = indexAt(data, indices, bits, bit)
                if (index >= entries) bad()
                labelWords[0] = data[table + 2 * index]!
                labelWords[1] = data[table + 2 * index + 1]!
                out[at + x] = label[0]!
              }
            }
        }
  }
  return out
}

const indexAt = (data: Int32Array, indices: number, bits: number, bit: number): number =>
  ((data[indices + (bit >>> 5)]! >>> (bit & 31)) & (bits === 32 ? -1 : (1 << bits) - 1)) >>> 0

function largestIndex(data: Int32Array, indices: number, bits: number): number {
  let largest = 0
  for (let bit = 0; bit < B ** 3 * bits; bit += bits) largest = Math.max(largest, indexAt(data, indices, bits, bit))
  return largest
}
