// Shards of Zarr v3 (sharding_indexed): inner chunks in zstd, and behind them their index with its CRC32C.
//
// Source: zarr-specs v3 codecs/sharding-indexed. The index holds offset and size of every inner chunk in C order, both all
// ones where there is none; crc32c is four bytes, little-endian, behind the index.
import { crc32c } from '@node-rs/crc32'
import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import { add, boxAt, cellsIn, intersect, isEmpty, map3, multiply, type Box, type Vec3 } from '../../domain/geometry.ts'
import { mapBounded } from '../bounded.ts'
import type { VolumeArray } from './chunk.ts'
import { unzstd } from './unpack.ts'
import { cut, decodeOverlap } from './volume.ts'

/** Level of zstd. */
export const LEVEL = 3
const compress = promisify(zstdCompress)
/** Chunks compressed at a time. */
const IN_FLIGHT = 4
/** Bytes of room for what comes out: of Node's default, the least, it would go through its threads again each time that they are full. */
const [LEAST, MOST] = [1 << 14, 1 << 18]
const NONE = 2n ** 64n - 1n

/** Shape of the shards of a mip: what one artifact owns, halved along an axis as long as it is larger than `most` there and whole chunks remain. */
export function zarrShardShape({ cell, chunk, shard }: { cell: Vec3; chunk: Vec3; shard: Vec3 }): Vec3 {
  return map3(a => {
    let n = Math.ceil(cell[a] / chunk[a])
    while (n * chunk[a] > shard[a] && n % 2 === 0) n /= 2
    return n * chunk[a]
  })
}

/** Chunks of a shard, in C order: z slowest. */
const chunksOf = (shard: Vec3, chunk: Vec3): Vec3[] => cellsIn(boxAt([0, 0, 0], shard), chunk)

/**
 * One shard, from `data` of shape box x channels; what lies outside the box is 0, and a chunk wholly outside is left out.
 * @param at lower corner of the shard, in the coordinates of the box
 */
export async function encodeZarrShard(
  data: VolumeArray,
  box: Box,
  at: Vec3,
  { shard, chunk, channels }: { readonly shard: Vec3; readonly chunk: Vec3; readonly channels: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const parts = await mapBounded(chunksOf(shard, chunk), IN_FLIGHT, async coord => {
    const own = boxAt(add(at, multiply(coord, chunk)), chunk)
    if (isEmpty(intersect(own, box))) return undefined
    const raw = new Uint8Array(cut(data, box, own, channels).buffer)
    // Readers size their buffer by the content size of the frame, which is written where it is known beforehand.
    const packed = await compress(raw, {
      params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
      pledgedSrcSize: raw.length,
      chunkSize: Math.min(Math.max(raw.length, LEAST), MOST),
    })
    raw.buffer.transfer(0)
    return packed
  })
  const index = new BigUint64Array(2 * parts.length)
  const body = parts.reduce((n, p) => n + (p?.length ?? 0), 0)
  const out = new Uint8Array(body + index.byteLength + 4)
  let to = 0
  parts.forEach((p, i) => {
    index[2 * i] = p ? BigInt(to) : NONE
    index[2 * i + 1] = p ? BigInt(p.length) : NONE
    if (!p) return
    out.set(p, to)
    to += p.length
  })
  const table = new Uint8Array(index.buffer)
  out.set(table, body)
  new DataView(out.buffer).setUint32(body + table.length, crc32c(table), true)
  return out
}

/**
 * Decodes what of a shard lies in `box` straight into `out`, which holds it; where the shard has no chunk, `out` stays as it is.
 * @param at lower corner of the shard, in the coordinates of the box
 * @throws RangeError when the bytes are not such a shard
 */
export function decodeZarrShard(
  bytes: Uint8Array,
  at: Vec3,
  { shard, chunk, channels }: { readonly shard: Vec3; readonly chunk: Vec3; readonly channels: number },
  out: VolumeArray,
  box: Box,
): void {
  const coords = chunksOf(shard, chunk)
  const table = new Uint8Array(bytes.subarray(bytes.length - 16 * coords.length - 4, bytes.length - 4))
  const sum = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true)
  if (table.length !== 16 * coords.length || crc32c(table) !== sum)
    throw new RangeError('the index of a Zarr shard is damaged')
  const index = new BigUint64Array(table.buffer)
  coords.forEach((coord, i) => {
    const own = boxAt(add(at, multiply(coord, chunk)), chunk)
    if (index[2 * i] === NONE || isEmpty(intersect(own, box))) return
    const from = Number(index[2 * i])
    decodeOverlap(unzstd(bytes.subarray(from, from + Number(index[2 * i + 1]))), own, 'raw', out, box, channels)
  })
}
