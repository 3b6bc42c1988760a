// .npy files: what NumPy writes is read, what is broken is named.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readNpy, writeNpy } from '../../../storage/formats/npy.ts'
import { dataFolder, hasData } from '../fixtures.ts'

const header = (text: string, data: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const padded = `${text}\n`
  return Buffer.concat([
    Buffer.from(`\x93NUMPY\x01\x00`, 'latin1'),
    Buffer.from(Uint16Array.of(padded.length).buffer),
    Buffer.from(padded),
    data,
  ])
}
const dict = (descr: string, shape: string, fortran = false): string =>
  `{'descr': ${descr}, 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`

test('what is written is read, plain and gzipped, and starts its data at a multiple of 64', () => {
  const types = fc.constantFrom(
    Uint8Array,
    Uint16Array,
    Uint32Array,
    Int8Array,
    Int16Array,
    Int32Array,
    Float32Array,
    Float64Array,
  )
  fc.assert(
    fc.property(
      types,
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      (Type, shape, seed) => {
        const data = new Type(shape.reduce((a, b) => a * b, 1))
        for (let i = 0; i < data.length; i++) data[i] = (i * 37 + seed) % 120
        const file = writeNpy(data, shape)
        expect((file.length - data.byteLength) % 64).toBe(0)
        for (const bytes of [file, gzipSync(file), new Uint8Array([1, ...file]).subarray(1)]) {
          const read = readNpy(bytes, 'x')
          expect(read.shape).toEqual(shape)
          expect(read.data).toEqual(data)
        }
      },
    ),
  )
  const ids = BigUint64Array.of(2n ** 64n - 1n, 2n ** 53n + 1n)
  expect(readNpy(writeNpy(ids, [2]), 'x')).toEqual({ data: ids, shape: [2], dtype: 'u8' })
})

test('Fortran order is transposed to C order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), shape => {
      const n = shape.reduce((a, b) => a * b, 1)
      const c = Uint16Array.from({ length: n }, (_, i) => i)
      const f = new Uint16Array(n)
      for (let i = 0; i < n; i++) {
        let rest = i
        let at = 0
        const index = shape
          .toReversed()
          .map(s => [rest % s, (rest = Math.floor(rest / s))][0]!)
          .reverse()
        shape.reduce((stride, s, a) => ((at += index[a]! * stride), stride * s), 1)
        f[at] = c[i]!
      }
      const file = header(dict("'<u2'", `(${shape.join(', ')},)`, true), new Uint8Array(f.buffer))
      expect(readNpy(file, 'x').data).toEqual(c)
    }),
  )
})

describe('what is wrong is said, with the name of the file', () => {
  const good = Buffer.from(writeNpy(Uint16Array.of(1, 2, 3, 4), [2, 2]))
  test.each<[string, Uint8Array, RegExp]>([
    ['empty', new Uint8Array(0), /empty/],
    ['another format', Buffer.from('this is not an array'), /not a \.npy/],
    ['cut in the header', good.subarray(0, 30), /truncated in its header/],
    ['cut in the data', good.subarray(0, good.length - 1), /truncated: 7 bytes of data instead of 8/],
    ['too long', Buffer.concat([good, Buffer.from('x')]), /9 bytes of data, its header says 8/],
    ['gzip that is cut', gzipSync(good).subarray(0, 40), /truncated or damaged gzip/],
    ['version', Buffer.from(good).fill(9, 6, 7), /version 9/],
    ['pickle', header(dict("'|O'", '(2,)'), new Uint8Array(16)), /pickled Python objects/],
    ['records', header(dict("[('a', '<u2')]", '(2,)'), new Uint8Array(4)), /records/],
    ['complex', header(dict("'<c8'", '(2,)'), new Uint8Array(16)), /data type <c8/],
    ['half floats', header(dict("'<f2'", '(2,)'), new Uint8Array(4)), /data type <f2/],
    ['strings', header(dict("'<U7'", '(1,)'), new Uint8Array(28)), /data type <U7/],
    ['no shape', header("{'descr': '<u2', 'fortran_order': False}"), /cannot be read/],
    ['no order', header("{'descr': '<u2', 'shape': (1,)}"), /cannot be read/],
  ])('%s', (_, bytes, message) => {
    const error: { type?: string; message?: string } = (() => {
      try {
        return readNpy(bytes, 'labels.npy') as object
      } catch (e) {
        return e as Error
      }
    })()
    expect(error.type).toBe('BadTileError')
    expect(error.message).toMatch(/^labels\.npy: /)
    expect(error.message).toMatch(message)
  })
})

test.skipIf(!hasData)('files that NumPy wrote, of both byte orders', () => {
  const folder = join(dataFolder, 'format-fixtures/neuroglancer/codec/npy')
  const files = readdirSync(folder).filter(f => f.endsWith('.npy'))
  expect(files.length).toBeGreaterThan(5)
  for (const f of files) {
    const expected = JSON.parse(readFileSync(join(folder, f.replace(/(-[bl]e)?\.npy$/, '.json')), 'utf8')) as {
      shape: number[]
      data: (number | string)[]
    }
    const { data, shape } = readNpy(readFileSync(join(folder, f)), f)
    expect(shape).toEqual(expected.shape)
    expect(Array.from<number | bigint, string>(data as Uint8Array, String)).toEqual(
      expected.data.map(v =>
        typeof v === 'number' && data instanceof Float32Array ? String(Math.fround(v)) : String(v),
      ),
    )
  }
})
