// How objects that are keyed by ids of any pattern are spread over shards, and shards over ranges of them.
import { murmur64, ShardingSpec } from './sharding.ts'

/** Objects per minishard, whose index a reader fetches before any of them. */
const MINISHARD = 64
/** Bits of the number of minishards where there are several ranges: what belongs to one is then known before anything is counted. */
const RANGED_BITS = 10
const bitsFor = (n: number): number => Math.ceil(Math.log2(Math.max(1, n)))

/** Which of `of` ranges (a power of two) an id belongs to: the same for shards, where there are several ranges, and for tables. */
export const rangeOfId = (id: bigint, of: number): number =>
  of === 1 ? 0 : Number((murmur64(id) >> BigInt(RANGED_BITS)) % BigInt(of))

/** Name of the file of a table that holds one of `of` ranges. */
export const tableFile = (name: string, range: number, of: number): string => {
  const [r, n] = [range, of].map(i => String(i).padStart(5, '0'))
  return of === 1 ? `${name}.parquet` : `${name}-${r}-of-${n}.parquet`
}

/** The table that a file holds a part of, or all. */
export const tableOf = (file: string): string | undefined => /^([^/]+?)(?:-\d+-of-\d+)?\.parquet$/.exec(file)?.[1]

/** Which of `of` ranges an output belongs to: a shard by its number, a part of a table by its name; what there is once, to the first. */
export const rangeOfFile = (path: string, of: number): number => {
  const [, shard, part] = /(?:^|\/)(?:([\da-f]+)\.shard|[^/]+-(\d+)-of-\d+\.parquet)$/.exec(path) ?? []
  return (shard === undefined ? Number(part ?? 0) : Number.parseInt(shard, 16)) % of
}

function reversed(n: number): number {
  let out = 0
  for (let i = 0; i < 32; i++) out |= ((n >>> i) & 1) << (31 - i)
  return out >>> 0
}

/** Place of an id in an order, from 0 below 2^32, in which every range lies together, however many there are. */
export const placeOfId = (id: bigint): number => reversed(Number((murmur64(id) >> BigInt(RANGED_BITS)) & 0xffffffffn))

/** First place of a range, and the first behind it. */
export const placesOfRange = (range: number, of: number): readonly [from: number, to: number] => [
  reversed(range),
  reversed(range) + 2 ** 32 / of,
]

/** Sharding of `count` objects of `bytes` in all, of which a shard gets about `shardBytes`; at least one for each of so many ranges. */
export const shardingById = (
  count: number,
  bytes: number,
  shardBytes: number,
  coding: 'raw' | 'gzip',
  ranges = 1,
): ShardingSpec => {
  const shardBits = Math.max(bitsFor(bytes / shardBytes), bitsFor(ranges))
  return ShardingSpec.parse({
    '@type': 'neuroglancer_uint64_sharded_v1',
    preshift_bits: 0,
    hash: 'murmurhash3_x86_128',
    minishard_bits: ranges > 1 ? RANGED_BITS : bitsFor(count / 2 ** shardBits / MINISHARD),
    shard_bits: shardBits,
    minishard_index_encoding: 'gzip',
    data_encoding: coding,
  })
}
