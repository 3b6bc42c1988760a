// How objects that are keyed by ids of any pattern are spread over shards, and shards over ranges of them.
import { murmur64, ShardingSpec } from './sharding.ts'

/** Objects per minishard, whose index a reader fetches before any of them. */
const MINISHARD = 64
const bitsFor = (n: number): number => Math.ceil(Math.log2(Math.max(1, n)))

/** Which of `of` ranges (a power of two) an output belongs to: a shard by its number; what there is once, to the first. */
export const rangeOfFile = (path: string, of: number): number => (Number.parseInt(path, 16) || 0) % of

/** Whether a key is one of about 1/`of` of all, taken evenly: from so many all can be counted. */
export const isSample = (id: bigint, of: number): boolean => murmur64(id) < 2n ** 64n / BigInt(of)

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
    minishard_bits: bitsFor(count / 2 ** shardBits / MINISHARD),
    shard_bits: shardBits,
    minishard_index_encoding: 'gzip',
    data_encoding: coding,
  })
}
