// What the stages that join the pieces of segments share: all pieces of a segment from all regions, one shard of segments at a time.
import type { Refs } from '../domain/contract.ts'
import { mapBounded } from '../storage/bounded.ts'
import { packIndex } from '../storage/formats/pack.ts'
import { shardingById } from '../storage/formats/precomputed/by-id.ts'
import { shardOf, writeShard, type ShardEntry, type ShardingSpec } from '../storage/formats/precomputed/sharding.ts'
import type { Deps } from './context.ts'
import { progress } from './meter.ts'
import type { Put } from './produce.ts'

/** Bytes, as regions hold them, of the segments of one shard: so many are in memory at once. */
const SHARD_BYTES = 2 ** 29
/** Segments that are joined at once. */
const WIDTH = 8

/**
 * Calls `join` for every segment with its pieces, in the order of the regions, and writes what it returns into shards; a
 * segment for which it returns nothing has no object. Every pack of a region is read, and verified, once per shard.
 */
export async function joinSegments(
  deps: Pick<Deps, 'artifacts'>,
  regions: Refs,
  coding: 'raw' | 'gzip',
  put: Put,
  join: (pieces: readonly Uint8Array[], id: bigint) => Promise<Omit<ShardEntry, 'id'> | undefined>,
  shardBytes = SHARD_BYTES,
): Promise<{ readonly sharding: ShardingSpec; readonly segments: number }> {
  const cells = Object.keys(regions).sort()
  const packs = await mapBounded(cells, WIDTH, async cell => {
    const reader = await deps.artifacts.open(regions[cell]!)
    return { reader, index: packIndex(await reader.get('pack.index')) }
  })
  const ids = [...new Set(packs.flatMap(p => p.index.keys))].map(BigInt).sort((a, b) => (a < b ? -1 : 1))
  const bytes = packs.reduce((n, { reader }) => n + reader.output('pack.data')!.bytes, 0)
  const sharding = shardingById(ids.length, bytes, shardBytes, coding)
  const shards = Map.groupBy(ids, id => shardOf(sharding, id))
  let done = 0
  let segments = 0
  for (const own of shards.values()) {
    const pieces = new Map(own.map((id): [string, Uint8Array[]] => [String(id), []]))
    for (const { reader, index } of packs) {
      const here = index.keys.filter(key => pieces.has(key))
      if (here.length === 0) continue
      const data = await reader.get('pack.data')
      for (const key of here) {
        const { offset, length } = index.find(key)!
        pieces.get(key)!.push(data.slice(offset, offset + length))
      }
    }
    const joined = await mapBounded(own, WIDTH, async (id): Promise<ShardEntry[]> => {
      const made = await join(pieces.get(String(id))!, id)
      progress(++done, ids.length)
      return made ? [{ id, ...made }] : []
    })
    segments += joined.flat().length
    for (const [file, shard] of writeShard(sharding, joined.flat())) await put(file, shard)
  }
  return { sharding, segments }
}
