// Joining the pieces of segments over regions and shards: nothing is lost, doubled or mixed up, whatever the number of shards and ranges.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { mergeDirectories } from '../../activities/objects/hashed-rows.ts'
import { joinSegments } from '../../activities/objects/join.ts'
import { piecesOf } from '../../activities/objects/packed-pieces.ts'
import type { Refs } from '../../domain/contract/artifacts.ts'
import type { Compute } from '../../activities/context.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { pack } from '../../storage/formats/pack.ts'
import { rangeOfFile } from '../../storage/formats/precomputed/by-id.ts'
import { shardReader, writeShard, type ShardingSpec } from '../../storage/formats/precomputed/sharding.ts'
import { attempt, memoryStore, recipeOf } from '../storage/fixtures.ts'

const id = fc.oneof(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 2n ** 53n, max: 2n ** 53n + 9n }))
const region = fc.uniqueArray(fc.record({ id, bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }) }), {
  selector: e => e.id,
  maxLength: 30,
})
type Region = readonly { readonly id: bigint; readonly bytes: Uint8Array }[]

const compute: Compute = async (kernel, args) => kernel(...args) as never

/** Packs of some regions, as `mesh` leaves them. */
async function packed(artifacts: ArtifactStore, all: readonly Region[]): Promise<Record<string, ArtifactRef>> {
  const regions: Record<string, ArtifactRef> = {}
  for (const [i, entries] of all.entries()) {
    const { data, index } = pack(entries.map(e => ({ key: String(e.id), bytes: e.bytes })))
    const writer = artifacts.write({ ...recipeOf(i), stage: 'mesh' })
    await writer.put('pack.data', data)
    await writer.put('pack.index', index)
    regions[`${i}_0_0`] = await writer.commit(attempt)
  }
  return regions
}

/** Directories of those, up to a level with few enough nodes; each joins some at random. */
async function merged(
  artifacts: ArtifactStore,
  regions: Refs,
  groups: readonly number[],
  partBytes: number,
): Promise<Refs> {
  let found: Record<string, Refs> = { mesh: regions }
  for (const [level, size] of groups.entries()) {
    const [[stage, below]] = Object.entries(found) as [[string, Refs]]
    const above: Record<string, ArtifactRef> = {}
    const cells = Object.entries(below)
    for (let i = 0; i * size < cells.length; i++) {
      const own = { [stage]: Object.fromEntries(cells.slice(i * size, (i + 1) * size)) }
      const writer = artifacts.write({ ...recipeOf(i), stage: 'mesh-directory', extent: { node: `${i}`, level } })
      const put = async (path: string, bytes: Uint8Array): Promise<void> => void (await writer.put(path, bytes))
      const made = await mergeDirectories(
        { artifacts, compute },
        'mesh-directory',
        own,
        piecesOf('mesh'),
        put,
        partBytes,
      )
      above[`${level + 1}/${i}_0_0`] = await writer.commit({ ...attempt, summary: made.summary as never })
    }
    found = { 'mesh-directory': above }
  }
  return found['mesh-directory']!
}

it('gives every segment its pieces in the order of the regions, and every shard its segments, whatever the directories in between', async () => {
  let most = 0
  const levels = [0, 0, 0, 0]
  await fc.assert(
    fc.asyncProperty(
      fc.array(region, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(8, 64, 4096),
      fc.constantFrom(1, 2, 8),
      fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 3 }),
      fc.constantFrom(256, 2 ** 20),
      async (all, shardBytes, of, groups, partBytes) => {
        const artifacts = artifactStore(memoryStore())
        const regions = await packed(artifacts, all)
        const found =
          groups.length > 0
            ? { 'mesh-directory': await merged(artifacts, regions, groups, partBytes) }
            : { mesh: regions }
        levels[groups.length]!++
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
            { artifacts, compute },
            'mesh',
            found,
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
        const inOrder = Object.keys(regions)
          .sort()
          .map(cell => all[Number.parseInt(cell)]!)
        for (const id of new Set(all.flat().map(e => e.id))) {
          const pieces = inOrder.flatMap(r => r.filter(e => e.id === id).map(e => e.bytes))
          const wanted = pieces[0]![0]! % 2 === 0 ? undefined : new Uint8Array(Buffer.concat(pieces))
          expect(await reader.get(id)).toEqual(wanted)
          if (wanted) whole.push({ id, bytes: wanted })
        }
        expect(segments).toBe(whole.length)
        // The same bytes as all of them written at once.
        expect(files).toEqual(writeShard(specs[0]!, whole))
      },
    ),
    { numRuns: 100 },
  )
  expect(Math.min(...levels)).toBeGreaterThan(5)
  expect(most).toBeGreaterThan(4)
})

/** A store that changes a byte of `pack.data` of one artifact, in reads of the kind. */
const damaging = (store: ObjectStore, recipe: string, kind: 'get' | 'getRange'): ObjectStore => {
  const flipped = (key: string, bytes: Uint8Array<ArrayBuffer> | undefined): typeof bytes => {
    if (bytes && key.endsWith(`${recipe}/pack.data`)) bytes[bytes.length >> 1]! ^= 1
    return bytes
  }
  return kind === 'get'
    ? { ...store, get: async (key, ...more) => flipped(key, await store.get(key, ...more)) }
    : { ...store, getRange: async (key, ...at) => flipped(key, await store.getRange(key, ...at)) }
}

it('a byte of a pack that is flipped is seen, when the pack is listed and when a piece of it is read', async () => {
  const all = Array.from({ length: 72 }, (_, r) =>
    Array.from({ length: 5 }, (_, i) => ({ id: BigInt(1 + ((7 * r + i) % 40)), bytes: Uint8Array.of(r, i, 9) })),
  )
  const store = memoryStore()
  const regions = await packed(artifactStore(store), all)
  const { recipe } = regions['50_0_0']!
  const join = (kind: 'get' | 'getRange'): Promise<unknown> =>
    Promise.all(
      [0, 1].map(range =>
        joinSegments(
          { artifacts: artifactStore(damaging(store, recipe, kind)), compute },
          'mesh',
          { mesh: regions },
          { range, of: 2 },
          'raw',
          async () => {},
          async pieces => ({ bytes: pieces[0]! }),
        ),
      ),
    )
  await expect(join('get')).rejects.toThrow(`pack.data of artifact mesh/${recipe}: is damaged`)
  await expect(join('getRange')).rejects.toThrow(
    new RegExp(`pack.data of artifact mesh/${recipe}: is damaged: the piece of segment \\d+ at byte 6`),
  )
})

it('a range reads its part of the directories, and its pieces: no region by name', async () => {
  const REGIONS = 512
  const all = Array.from({ length: REGIONS }, (_, r) =>
    Array.from({ length: 12 }, (_, i) => ({
      id: BigInt(1 + ((r >> 2) * 5 + i)),
      bytes: Uint8Array.of(r & 255, r >> 8, i),
    })),
  )
  const store = memoryStore()
  const regions = await packed(artifactStore(store), all)
  const directories = await merged(artifactStore(store), regions, [8], 2 ** 12)
  expect(Object.keys(directories)).toHaveLength(64)
  const flat = new Map<string, Uint8Array>()
  const files = new Map<string, Uint8Array>()
  for (let range = 0; range < 8; range++) {
    const reads: string[] = []
    const seen = {
      ...store,
      ...Object.fromEntries(
        (['get', 'getRange', 'size', 'readRef'] as const).map(read => [
          read,
          (key: string, ...more: never[]) => (
            reads.push(key),
            (store[read] as (key: string, ...more: never[]) => unknown)(key, ...more)
          ),
        ]),
      ),
    }
    let pieces = 0
    const join = (found: Record<string, Refs>, from: ObjectStore, to: Map<string, Uint8Array>): Promise<unknown> =>
      joinSegments(
        { artifacts: artifactStore(from), compute },
        'mesh',
        found,
        { range, of: 8 },
        'raw',
        async (path, bytes) => void to.set(path, bytes),
        async parts => ((pieces += parts.length), { bytes: Buffer.concat(parts) }),
      )
    await join({ 'mesh-directory': directories }, seen, files)
    const ofDirectories = reads.filter(key => key.includes('mesh-directory/'))
    // Of each its record, whether it is marked, and a part.
    expect(ofDirectories.length).toBeLessThanOrEqual(3 * 64)
    const others = reads.filter(key => !key.includes('mesh-directory/'))
    expect(others.every(key => key.endsWith('/pack.data'))).toBe(true)
    expect(others.length).toBeLessThanOrEqual(pieces)
    await join({ mesh: regions }, store, flat)
  }
  expect(files).toEqual(flat)
}, 60_000)
