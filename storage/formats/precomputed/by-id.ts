// How objects that are keyed by ids of any pattern are spread over shards.
import { ShardingSpec } from './sharding.ts'

/** Objects per minishard, whose index a reader fetches before any of them. */
const MINISHARD = 64
const bitsFor = (n: number): number => Math.ceil(Math.log2(Math.max(1, n)))

/** Sharding of `count` objects of `bytes` in all, of which a shard gets about `shardBytes`. */
export const shardingById = (
  count: number,
  bytes: number,
  shardBytes: number,
  coding: 'raw' | 'gzip',
): ShardingSpec => {
  const shardBits = bitsFor(bytes / shardBytes)
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
