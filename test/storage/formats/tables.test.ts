// Parquet tables, packs and containers of arrays: what goes in comes out, equal content gives equal bytes, damage is noticed.
import * as fc from 'fast-check'
import { parquetMetadata } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { decodeArrays, encodeArrays, type NamedArray } from '../../../storage/formats/arrays.ts'
import { pack, packIndex } from '../../../storage/formats/pack.ts'
import { readParquet, writeParquet } from '../../../storage/formats/parquet.ts'

const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
)

describe('Parquet', () => {
  test('every column type, ids over the whole range of uint64', async () => {
    const row = fc.record({
      id: u64,
      u: fc.nat({ max: 2 ** 32 - 1 }),
      d: fc.double(),
      f: fc.float(),
      s: fc.string({ unit: 'grapheme' }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 60 }), async rows => {
        const columns = [
          { name: 'id', data: BigUint64Array.from(rows, r => r.id) },
          { name: 'u', data: Uint32Array.from(rows, r => r.u) },
          { name: 'd', data: Float64Array.from(rows, r => r.d) },
          { name: 'f', data: Float32Array.from(rows, r => r.f) },
          { name: 's', data: rows.map(r => r.s) },
        ]
        const bytes = writeParquet(columns)
        expect(await readParquet(bytes)).toEqual(columns)
        expect(await readParquet(Buffer.concat([Buffer.from('x'), bytes]).subarray(1))).toEqual(columns)
        expect(Buffer.compare(writeParquet(columns), bytes)).toBe(0)
      }),
    )
  })

  test('more rows than one group, and many rows of one id', async () => {
    const n = 150_000
    const id = BigUint64Array.from({ length: n }, (_, i) => 2n ** 63n + BigInt(Math.floor(i / 7)))
    const same = new BigUint64Array(n).fill(2n ** 64n - 1n)
    const bytes = writeParquet([
      { name: 'id', data: id },
      { name: 'same', data: same },
    ])
    expect(await readParquet(bytes)).toEqual([
      { name: 'id', data: id },
      { name: 'same', data: same },
    ])
    const metadata = parquetMetadata(bytes.buffer)
    expect(metadata.row_groups).toHaveLength(3)
    // What other readers prune row groups by: unsigned bounds.
    const { min_value, max_value } = metadata.row_groups[0]!.columns[0]!.meta_data!.statistics!
    expect([min_value, max_value].map(v => BigInt.asUintN(64, v as bigint))).toEqual([id[0], id[65_535]])
    expect(metadata.schema.slice(1).map(e => [e.converted_type, e.repetition_type])).toEqual([
      ['UINT_64', 'REQUIRED'],
      ['UINT_64', 'REQUIRED'],
    ])
    expect(metadata.created_by).toBe('hillock')
  })

  test('bounds leave NaN out, and zeros of either sign lie between them', () => {
    const bytes = writeParquet([
      { name: 'd', data: Float64Array.of(NaN, 3, -0.5, NaN) },
      { name: 'zero', data: Float32Array.of(0, -0, 0, 0) },
      { name: 'nan', data: Float64Array.of(NaN, NaN, NaN, NaN) },
      { name: 'u', data: Uint32Array.of(2 ** 31, 7, 2 ** 32 - 1, 9) },
    ])
    const bounds = parquetMetadata(bytes.buffer).row_groups[0]!.columns.map(c => c.meta_data!.statistics!)
    expect(bounds.map(s => [s.min_value, s.max_value])).toEqual([
      [-0.5, 3],
      [-0, 0],
      [undefined, undefined],
      [7, 2 ** 32 - 1],
    ])
  })

  test('tables of before, packed by Snappy, with dictionaries of ids', async () => {
    const id = BigUint64Array.from({ length: 1000 }, (_, i) => 2n ** 64n - 1n - BigInt(i % 3))
    const s = Array.from(id, String)
    const columnData = [
      { name: 'id', data: id },
      { name: 's', data: s },
    ]
    const bytes = parquetWriteBuffer({
      columnData,
      schema: [
        { name: 'table', num_children: 2 },
        { name: 'id', type: 'INT64', converted_type: 'UINT_64', repetition_type: 'REQUIRED' },
        { name: 's', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      ],
    })
    expect(await readParquet(new Uint8Array(bytes))).toEqual(columnData)
  })

  test('columns of different length are refused', () => {
    expect(() =>
      writeParquet([
        { name: 'a', data: new Uint32Array(2) },
        { name: 'b', data: ['x'] },
      ]),
    ).toThrow(/b has 1 rows instead of 2/)
  })
})

describe('packs', () => {
  const entry = fc.record({ key: fc.string(), bytes: fc.uint8Array({ maxLength: 20 }) })
  test('every entry is found by key, in whatever order it was given', () => {
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: e => e.key, maxLength: 30 }), entries => {
        const { data, index } = pack(entries)
        const shuffled = pack(entries.toReversed())
        expect(Buffer.compare(shuffled.data, data)).toBe(0)
        expect(Buffer.compare(shuffled.index, index)).toBe(0)
        const found = packIndex(index)
        expect(found.map(f => f.key)).toEqual(entries.map(e => e.key).toSorted((a, b) => (a < b ? -1 : 1)))
        for (const { key, offset, length } of found)
          expect(data.slice(offset, offset + length)).toEqual(entries.find(e => e.key === key)!.bytes)
      }),
    )
  })
  test('a key given twice, and what is no index, are refused', () => {
    expect(() =>
      pack([
        { key: 'a', bytes: new Uint8Array(1) },
        { key: 'a', bytes: new Uint8Array(2) },
      ]),
    ).toThrow(/a is packed twice/)
    for (const bad of ['{}', '[]', '{"keys":["a"],"ends":[]}', 'x', ''])
      expect(() => packIndex(Buffer.from(bad))).toThrow(RangeError)
  })
})

describe('containers of arrays', () => {
  const array: fc.Arbitrary<NamedArray> = fc.oneof(
    fc.uint8Array(),
    fc.uint16Array(),
    fc.uint32Array(),
    fc.int8Array(),
    fc.int16Array(),
    fc.int32Array(),
    fc.float32Array(),
    fc.float64Array(),
    fc.array(u64).map(v => BigUint64Array.from(v)),
    fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map(v => BigInt64Array.from(v)),
  )
  const named = fc.dictionary(fc.string(), array, { maxKeys: 6, noNullPrototype: true })
  test('every array comes back, from any alignment, and the order of naming does not matter', () => {
    fc.assert(
      fc.property(named, arrays => {
        const bytes = encodeArrays(arrays)
        expect(decodeArrays(bytes)).toEqual(arrays)
        for (const a of Object.values(decodeArrays(bytes))) expect(a.byteOffset % 8).toBe(0)
        expect(decodeArrays(Buffer.concat([Buffer.from('x'), bytes]).subarray(1))).toEqual(arrays)
        expect(Buffer.compare(encodeArrays(Object.fromEntries(Object.entries(arrays).toReversed())), bytes)).toBe(0)
      }),
    )
  })
  test('a container that is cut anywhere, or is none, is refused', () => {
    const bytes = encodeArrays({ a: Uint32Array.of(1, 2), b: Float64Array.of(3), c: BigUint64Array.of(4n) })
    for (let n = 0; n < bytes.length; n++) expect(() => decodeArrays(bytes.subarray(0, n))).toThrow(RangeError)
    expect(() => decodeArrays(Buffer.from('{"not": "a container"}'))).toThrow(RangeError)
  })
})
