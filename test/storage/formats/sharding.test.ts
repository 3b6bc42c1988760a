// Shards against Neuroglancer's own hash and chunk order, and every key read back through byte ranges.
import * as fc from 'fast-check'
import { murmurHash3_x86_128Hash64Bits_Bigint } from 'neuroglancer/unstable/util/hash.js'
import { encodeZIndexCompressed } from 'neuroglancer/unstable/util/zorder.js'
import { expect, test } from 'vitest'
import { map3, type Vec3 } from '../../../domain/geometry.ts'
import { mortonAxes, mortonCell, mortonCode } from '../../../storage/formats/precomputed/morton.ts'
import {
  murmur64,
  shardOf,
  shardReader,
  ShardingSpec,
  writeShard,
} from '../../../storage/formats/precomputed/sharding.ts'

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const coding = fc.constantFrom('raw' as const, 'gzip' as const)
const specs = fc.record({
  '@type': fc.constant('neuroglancer_uint64_sharded_v1' as const),
  preshift_bits: fc.nat(8),
  hash: fc.constantFrom('identity' as const, 'murmurhash3_x86_128' as const),
  minishard_bits: fc.nat(4),
  shard_bits: fc.nat(5),
  minishard_index_encoding: coding,
  data_encoding: coding,
})

test("the hash is Neuroglancer's", () => {
  fc.assert(
    fc.property(u64, key => {
      expect(murmur64(key)).toBe(murmurHash3_x86_128Hash64Bits_Bigint(0, key))
    }),
  )
})

test("the order of chunks is Neuroglancer's, and every chunk has a code of its own", () => {
  const side = fc.integer({ min: 1, max: 40 })
  fc.assert(
    fc.property(fc.tuple(side, side, side), fc.array(fc.nat(1000), { minLength: 3, maxLength: 3 }), (grid, p) => {
      const axes = mortonAxes(grid)
      const at: Vec3 = map3(a => p[a]! % grid[a])
      const code = mortonCode(axes, at)
      expect(code).toBe(encodeZIndexCompressed(Uint32Array.from(at), Uint32Array.from(grid)))
      expect(mortonCell(axes, code)).toEqual(at)
      expect(code).toBeLessThan(1n << BigInt(axes.length))
    }),
  )
})

test('what is written is read, key by key, and nothing else; the order of writing does not matter', async () => {
  const entry = fc.record({
    id: fc.oneof(u64, fc.bigInt({ min: 0n, max: 40n })),
    bytes: fc.uint8Array({ maxLength: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(
      specs,
      fc.uniqueArray(entry, { selector: e => e.id, maxLength: 40 }),
      fc.uint8Array({ maxLength: 9 }),
      u64,
      async (spec, entries, before, other) => {
        const files = writeShard(
          spec,
          entries.map((e, i) => (i % 3 === 0 ? { ...e, before } : e)),
        )
        const again = writeShard(spec, entries.map((e, i) => (i % 3 === 0 ? { ...e, before } : e)).reverse())
        expect(again).toEqual(files)
        const reader = shardReader(spec, async (file, offset, length) =>
          files.get(file)?.subarray(offset, offset + length),
        )
        for (const [i, { id, bytes }] of entries.entries()) {
          expect(files.has(shardOf(spec, id))).toBe(true)
          expect(await reader.get(id)).toEqual(bytes)
          const at = (await reader.find(id))!
          if (i % 3 === 0) expect(files.get(at.file)!.slice(at.offset - before.length, at.offset)).toEqual(before)
        }
        if (!entries.some(e => e.id === other)) expect(await reader.get(other)).toBeUndefined()
      },
    ),
  )
})

test('a shard that is cut short is an error, and a key given twice is refused', async () => {
  const spec = ShardingSpec.parse({ '@type': 'neuroglancer_uint64_sharded_v1', hash: 'identity' })
  const one = { id: 2n ** 63n + 1n, bytes: new Uint8Array(100) }
  const [file, bytes] = [...writeShard(spec, [one])][0]!
  expect(file).toBe('0.shard')
  const reader = shardReader(spec, async (_, offset, length) =>
    bytes.subarray(0, 120).subarray(offset, offset + length),
  )
  await expect(reader.get(one.id)).rejects.toThrow(/ends before/)
  expect(() => writeShard(spec, [one, one])).toThrow(/twice/)
})
