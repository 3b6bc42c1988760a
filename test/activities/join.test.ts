// Joining the pieces of segments over regions and shards: nothing is lost, doubled or mixed up, whatever the number of shards and ranges.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { joinSegments } from '../../activities/objects/join.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { pack } from '../../storage/formats/pack.ts'
import { rangeOfFile } from '../../storage/formats/precomputed/by-id.ts'
import { shardReader, writeShard, type ShardingSpec } from '../../storage/formats/precomputed/sharding.ts'
import { attempt, memoryStore, recipeOf } from '../storage/fixtures.ts'

const id = fc.oneof(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 2n ** 53n, max: 2n ** 53n + 9n }))
const region = fc.uniqueArray(fc.record({ id, bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }) }), {
  selector: e => e.id,
  maxLength: 30,
})

it('gives every segment its pieces in the order of the regions, and every shard its segments', async () => {
  let most = 0
  let parts = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(region, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(8, 64, 4096),
      fc.constantFrom(1, 2, 8),
      async (all, shardBytes, of) => {
        const store = memoryStore()
        const ranged = {
          ...store,
          getRange: (...a: Parameters<typeof store.getRange>) => (parts++, store.getRange(...a)),
        }
        const artifacts = artifactStore(ranged)
        const regions: Record<string, ArtifactRef> = {}
        for (const [i, entries] of all.entries()) {
          const { data, index } = pack(entries.map(e => ({ key: String(e.id), bytes: e.bytes })))
          const writer = artifacts.write(recipeOf(i))
          await writer.put('pack.data', data)
          await writer.put('pack.index', index)
          regions[`${i}_0_0`] = await writer.commit(attempt)
        }
        const files = new Map<string, Uint8Array>()
        const specs: ShardingSpec[] = []
        let segments = 0
        for (let range = 0; range < of; range++) {
          const put = async (path: string, bytes: Uint8Array): Promise<void> => {
            expect(files.has(path)).toBe(false)
            expect(rangeOfFile(path, of)).toBe(range)
            files.set(path, bytes)
          }
          // A segment whose pieces begin with an even byte has no object.
          const made = await joinSegments(
            { artifacts },
            regions,
            { range, of },
            'gzip',
            put,
            async pieces => (pieces[0]![0]! % 2 === 0 ? undefined : { bytes: Buffer.concat(pieces) }),
            shardBytes,
          )
          specs.push(made.sharding)
          segments += made.segments
        }
        most = Math.max(most, files.size)
        expect(new Set(specs.map(s => JSON.stringify(s))).size).toBe(1)
        const reader = shardReader(specs[0]!, async (file, offset, length) =>
          files.get(file)?.slice(offset, offset + length),
        )
        const whole: { id: bigint; bytes: Uint8Array }[] = []
        for (const id of new Set(all.flat().map(e => e.id))) {
          const pieces = all.flatMap(r => r.filter(e => e.id === id).map(e => e.bytes))
          const wanted = pieces[0]![0]! % 2 === 0 ? undefined : new Uint8Array(Buffer.concat(pieces))
          expect(await reader.get(id)).toEqual(wanted)
          if (wanted) whole.push({ id, bytes: wanted })
        }
        expect(segments).toBe(whole.length)
        // The same bytes as all of them written at once.
        expect(files).toEqual(writeShard(specs[0]!, whole))
      },
    ),
    { numRuns: 60 },
  )
  expect(most).toBeGreaterThan(4)
  expect(parts).toBeGreaterThan(20)
})
