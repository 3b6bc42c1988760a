// Shards of Neuroglancer precomputed: many small objects, keyed by uint64, in few files that are read by byte ranges.
//
// Source: google/neuroglancer src/datasource/precomputed/sharded.rst (neuroglancer_uint64_sharded_v1).
import { gzipSync } from 'node:zlib'
import { z } from 'zod'
import { cached } from '../../cached.ts'
import { gunzip } from '../unpack.ts'

const bits = (max: number): z.ZodDefault<z.ZodNumber> => z.number().int().min(0).max(max).default(0)
const coding = z.enum(['raw', 'gzip']).default('raw')

/** The `sharding` member of an info file. */
export const ShardingSpec = z.object({
  '@type': z.literal('neuroglancer_uint64_sharded_v1'),
  preshift_bits: bits(64),
  hash: z.enum(['identity', 'murmurhash3_x86_128']),
  minishard_bits: bits(32),
  shard_bits: bits(64),
  minishard_index_encoding: coding,
  data_encoding: coding,
})
export type ShardingSpec = z.infer<typeof ShardingSpec>

export interface ShardEntry {
  readonly id: bigint
  readonly bytes: Uint8Array
  /** Put immediately before `bytes`, never compressed: the fragments of a multi-resolution mesh stand so before their manifest. */
  readonly before?: Uint8Array
}

/** Where the value of a key lies: `bytes` of `file` from `offset`, as they are stored. */
export interface Stored {
  readonly file: string
  readonly offset: number
  readonly length: number
}

const M64 = (1n << 64n) - 1n
const rotl = (x: number, n: number): number => (x << n) | (x >>> (32 - n))
const fmix = (x: number): number => {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/** Low 8 bytes of MurmurHash3_x86_128, seed 0, of `key` as 8 little-endian bytes. */
export function murmur64(key: bigint): bigint {
  let h1 = Math.imul(rotl(Math.imul(Number(key & 0xffffffffn), 0x239b961b), 15), 0xab0e9789) ^ 8
  let h2 = Math.imul(rotl(Math.imul(Number(key >> 32n), 0xab0e9789), 16), 0x38b34ae5) ^ 8
  // The other two of the four words start alike: there is no third and fourth word of input.
  h1 = (h1 + h2 + 16) | 0
  h2 = (h2 + h1) | 0
  const h34 = fmix((8 + h1) | 0)
  h1 = fmix(h1)
  h2 = fmix(h2)
  h1 = (h1 + h2 + 2 * h34) | 0
  h2 = (h2 + h1) | 0
  return (BigInt(h2 >>> 0) << 32n) | BigInt(h1 >>> 0)
}

/** Minishard and file that hold a key. */
function placeOf(spec: ShardingSpec, id: bigint): { minishard: number; file: string } {
  const shifted = id >> BigInt(spec.preshift_bits)
  const hash = spec.hash === 'identity' ? shifted : murmur64(shifted)
  const minishard = Number(hash & ((1n << BigInt(spec.minishard_bits)) - 1n))
  const shard = (hash >> BigInt(spec.minishard_bits)) & ((1n << BigInt(spec.shard_bits)) - 1n)
  return { minishard, file: shardFile(spec, shard) }
}

/** Name of the file of a shard. */
export const shardFile = (spec: ShardingSpec, shard: bigint): string =>
  `${shard.toString(16).padStart(Math.ceil(spec.shard_bits / 4), '0')}.shard`

/** File that holds a key. */
export const shardOf = (spec: ShardingSpec, id: bigint): string => placeOf(spec, id).file

/**
 * Every shard that holds one of `entries`, whole, by file name. Equal entries in any order give equal bytes: minishards in
 * ascending order, each with its values in the order of their keys, and its index behind them.
 * @throws RangeError when a key comes twice.
 */
export function writeShard(spec: ShardingSpec, entries: Iterable<ShardEntry>): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map<string, Map<number, ShardEntry[]>>()
  for (const entry of entries) {
    const { minishard, file } = placeOf(spec, entry.id)
    const shard = files.get(file) ?? new Map<number, ShardEntry[]>()
    files.set(file, shard)
    const list = shard.get(minishard)
    if (list) list.push(entry)
    else shard.set(minishard, [entry])
  }
  return new Map([...files].map(([file, minishards]) => [file, oneShard(spec, minishards)]))
}

function oneShard(spec: ShardingSpec, minishards: ReadonlyMap<number, ShardEntry[]>): Uint8Array<ArrayBuffer> {
  const head = 2 ** spec.minishard_bits * 16
  const index = new BigUint64Array(head / 8)
  const parts: Uint8Array[] = []
  let at = 0
  const add = (bytes: Uint8Array): void => {
    parts.push(bytes)
    at += bytes.length
  }
  for (const m of [...minishards.keys()].sort((a, b) => a - b)) {
    const list = minishards.get(m)!.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    const n = list.length
    const table = new BigUint64Array(3 * n)
    let last = 0n
    let end = 0
    list.forEach(({ id, bytes, before }, i) => {
      if (i > 0 && id === last) throw new RangeError(`key ${id} comes twice`)
      if (before) add(before)
      const value = spec.data_encoding === 'gzip' ? gzipSync(bytes) : bytes
      table[i] = id - last
      table[n + i] = BigInt(at - end)
      table[2 * n + i] = BigInt(value.length)
      add(value)
      last = id
      end = at
    })
    const coded = new Uint8Array(table.buffer)
    index[2 * m] = BigInt(at)
    add(spec.minishard_index_encoding === 'gzip' ? gzipSync(coded) : coded)
    index[2 * m + 1] = BigInt(at)
  }
  const out = new Uint8Array(head + at)
  out.set(new Uint8Array(index.buffer))
  let to = head
  for (const p of parts) {
    out.set(p, to)
    to += p.length
  }
  return out
}

/** A range of a file; undefined when there is no such file. */
export type ReadRange = (file: string, offset: number, length: number) => Promise<Uint8Array | undefined>

export interface ShardReader {
  /** The value of a key; undefined where the shards have none. @throws RangeError when a shard is damaged. */
  get(id: bigint): Promise<Uint8Array<ArrayBuffer> | undefined>
  find(id: bigint): Promise<Stored | undefined>
}

/** Indexes of shards, and of minishards, that are kept in memory. */
const KEPT = 1024

/** Reads values by key. Indexes are read once and kept; files are taken to be immutable. */
export function shardReader(spec: ShardingSpec, readRange: ReadRange): ShardReader {
  const heads = new Map<unknown, Promise<Uint8Array<ArrayBuffer> | undefined>>()
  const indexes = new Map<unknown, Promise<Map<bigint, Stored>>>()
  const head = 2 ** spec.minishard_bits * 16

  const exactly = async (
    file: string,
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const bytes = await readRange(file, offset, length)
    if (bytes && bytes.length !== length) throw new RangeError(`shard ${file} ends before byte ${offset + length}`)
    // Aligned, and of no larger buffer.
    const own = bytes?.length === bytes?.buffer.byteLength
    return own ? (bytes as Uint8Array<ArrayBuffer> | undefined) : new Uint8Array(bytes!)
  }

  const minishardIndex = (file: string, minishard: number): Promise<Map<bigint, Stored>> =>
    cached(indexes, `${file} ${minishard}`, KEPT, async () => {
      const shard = await cached(heads, file, KEPT, () => exactly(file, 0, head))
      const [from, to] = [0, 1].map(i => Number(shard ? new BigUint64Array(shard.buffer)[2 * minishard + i]! : 0n))
      const found = new Map<bigint, Stored>()
      if (to! <= from!) return found
      const coded = await exactly(file, head + from!, to! - from!)
      if (!coded) return found
      const bytes = spec.minishard_index_encoding === 'gzip' ? gunzip(coded) : coded
      if (bytes.length % 24 !== 0) throw new RangeError(`index of minishard ${minishard} in ${file} is damaged`)
      const table = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)
      const n = table.length / 3
      let id = 0n
      let end = BigInt(head)
      for (let i = 0; i < n; i++) {
        id = (id + table[i]!) & M64
        const offset = end + table[n + i]!
        end = offset + table[2 * n + i]!
        found.set(id, { file, offset: Number(offset), length: Number(table[2 * n + i]!) })
      }
      return found
    })

  const find = async (id: bigint): Promise<Stored | undefined> => {
    const { minishard, file } = placeOf(spec, id)
    return (await minishardIndex(file, minishard)).get(id)
  }
  return {
    find,
    async get(id) {
      const at = await find(id)
      const bytes = at && (await exactly(at.file, at.offset, at.length))
      return bytes && spec.data_encoding === 'gzip' ? gunzip(bytes) : bytes
    },
  }
}
