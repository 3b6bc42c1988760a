// Joining the pieces of segments over regions and shards: nothing is lost, doubled or mixed up, whatever the number of shards.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { joinSegments } from '../../activities/objects/join.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { pack } from '../../storage/formats/pack.ts'
import { shardReader } from '../../storage/formats/precomputed/sharding.ts'
import { attempt, memoryStore, recipeOf } from '../storage/fixtures.ts'

const id = fc.oneof(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 2n ** 53n, max: 2n ** 53n + 9n }))
const region = fc.uniqueArray(fc.record({ id, bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }) }), {
  selector: e => e.id,
  maxLength: 30,
})

it('gives every segment its pieces in the order of the regions, and every shard its segments', async () => {
  let most = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(region, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(8, 64, 4096),
      async (all, shardBytes) => {
        const artifacts = artifactStore(memoryStore())
        const regions: Record<string, ArtifactRef> = {}
        for (const [i, entries] of all.entries()) {
          const { data, index } = pack(entries.map(e => ({ key: String(e.id), bytes: e.bytes })))
          const writer = artifacts.write(recipeOf(i))
          await writer.put('pack.data', data)
          await writer.put('pack.index', index)
          regions[`${i}_0_0`] = await writer.commit(attempt)
        }
        const files = new Map<string, Uint8Array>()
        const put = async (path: string, bytes: Uint8Array): Promise<void> => {
          expect(files.has(path)).toBe(false)
          files.set(path, bytes)
        }
        // A segment whose pieces begin with an even byte has no object.
        const { sharding, segments } = await joinSegments(
          { artifacts },
          regions,
          'gzip',
          put,
          async pieces => (pieces[0]![0]! % 2 === 0 ? undefined : { bytes: Buffer.concat(pieces) }),
          shardBytes,
        )
        most = Math.max(most, files.size)
        const reader = shardReader(sharding, async (file, offset, length) =>
          files.get(file)?.slice(offset, offset + length),
        )
        let found = 0
        for (const id of new Set(all.flat().map(e => e.id))) {
          const pieces = all.flatMap(r => r.filter(e => e.id === id).map(e => e.bytes))
          const wanted = pieces[0]![0]! % 2 === 0 ? undefined : new Uint8Array(Buffer.concat(pieces))
          expect(await reader.get(id)).toEqual(wanted)
          if (wanted) found++
        }
        expect(segments).toBe(found)
      },
    ),
    { numRuns: 40 },
  )
  expect(most).toBeGreaterThan(4)
})
