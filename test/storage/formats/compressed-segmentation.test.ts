// The compressed_segmentation codec against Neuroglancer's own, both ways and byte for byte.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { decodeChannels } from 'neuroglancer/unstable/sliceview/compressed_segmentation/decode_uint64.js'
import { encodeChannels } from 'neuroglancer/unstable/sliceview/compressed_segmentation/encode_uint64.js'
import { TypedArrayBuilder } from 'neuroglancer/unstable/util/array.js'
import { describe, expect, test } from 'vitest'
import { boxAt, voxels } from '../../../domain/geometry.ts'
import { encodeCompressedSegmentation } from '../../../storage/formats/compressed-segmentation.ts'
import { decodeCompressedSegmentation } from '../../../storage/formats/decode-segmentation.ts'
import { copyOverlap } from '../../../storage/formats/volume.ts'
import { dataFolder, hasData, random } from '../fixtures.ts'

type Shape = readonly [number, number, number]
const BLOCK = [8, 8, 8]

function theirs(labels: BigUint64Array, shape: Shape, channels: number): Uint8Array {
  const out = new TypedArrayBuilder(Uint32Array)
  encodeChannels(out, BLOCK, labels, [...shape, channels])
  return new Uint8Array(out.view.slice().buffer)
}
const read = (bytes: Uint8Array<ArrayBuffer>, shape: Shape, channels: number): BigUint64Array =>
  decodeChannels(
    new BigUint64Array(shape[0] * shape[1] * shape[2] * channels),
    new Uint32Array(bytes.buffer),
    0,
    [...shape, channels],
    BLOCK,
  )

/** Labels with up to `kinds` values over the whole range of uint64, in runs of mean length `run`. */
function labelsOf(
  shape: Shape,
  channels: number,
  kinds: number,
  run: number,
  seed: number,
): BigUint64Array<ArrayBuffer> {
  const next = random(seed)
  const word = (): bigint => BigInt(Math.floor(next() * 2 ** 32))
  const values = Array.from({ length: kinds }, (_, i) =>
    i === 0 ? 0n : next() < 0.3 ? word() : (word() << 32n) | word(),
  )
  const out = new BigUint64Array(shape[0] * shape[1] * shape[2] * channels)
  let value = values[0]!
  for (let i = 0; i < out.length; i++) {
    if (next() < 1 / run) value = values[Math.floor(next() * kinds)]!
    out[i] = value
  }
  return out
}

function check(labels: BigUint64Array<ArrayBuffer>, shape: Shape, channels: number): void {
  const ours = encodeCompressedSegmentation(labels, shape, channels)
  expect(Buffer.compare(ours, theirs(labels, shape, channels))).toBe(0)
  expect(decodeCompressedSegmentation(ours, shape, channels)).toEqual(labels)
  expect(read(ours, shape, channels)).toEqual(labels)
}

test('what of a chunk lies in a box is decoded straight into it, and nothing beside it', () => {
  const side = fc.integer({ min: 1, max: 20 })
  const corner = fc.integer({ min: -9, max: 19 })
  fc.assert(
    fc.property(
      fc.tuple(side, side, side),
      fc.constantFrom(1, 2),
      fc.constantFrom(1, 3, 17, 300),
      fc.nat(),
      fc.tuple(corner, corner, corner),
      fc.tuple(side, side, side),
      (shape, channels, kinds, seed, min, size) => {
        const labels = labelsOf(shape, channels, kinds, 3, seed)
        const box = boxAt(min, size)
        const [expected, got] = [0, 1].map(() => new BigUint64Array(voxels(box) * channels).fill(7n))
        copyOverlap(labels, boxAt([0, 0, 0], shape), expected!, box, channels)
        decodeCompressedSegmentation(encodeCompressedSegmentation(labels, shape, channels), shape, channels, got, box)
        expect(got).toEqual(expected)
      },
    ),
    { numRuns: 150 },
  )
})

test('a chunk is encoded straight from the volume that it lies in', () => {
  const box = boxAt([-3, -8, -2], [25, 19, 17])
  for (const channels of [1, 2]) {
    const labels = labelsOf([25, 19, 17], channels, 40, 3, 5)
    const shape = [17, 9, 12] as const
    const chunk = new BigUint64Array(17 * 9 * 12 * channels)
    copyOverlap(labels, box, chunk, boxAt([0, 0, 0], shape), channels)
    expect(encodeCompressedSegmentation(labels, shape, channels, box)).toEqual(theirs(chunk, shape, channels))
  }
})

test('any shape, number of labels and channels', () => {
  const side = fc.integer({ min: 1, max: 20 })
  fc.assert(
    fc.property(
      fc.tuple(side, side, side),
      fc.constantFrom(1, 1, 2),
      fc.constantFrom(1, 2, 3, 5, 17, 300, 5000),
      fc.constantFrom(1, 3, 50),
      fc.nat(),
      (s, c, kinds, run, seed) => check(labelsOf(s, c, kinds, run, seed), s, c),
    ),
    { numRuns: 80 },
  )
})

describe('edges', () => {
  test('512 labels in one block, the largest id, equal tables shared', () => {
    check(
      BigUint64Array.from({ length: 512 }, (_, i) => 2n ** 64n - 1n - BigInt((i * 37) % 512)),
      [8, 8, 8],
      1,
    )
    check(new BigUint64Array(64 ** 3).fill(2n ** 63n + 1n), [64, 64, 64], 1)
    check(
      BigUint64Array.from({ length: 32 ** 3 }, (_, i) => BigInt((i >> 2) % 3) << 40n),
      [32, 32, 32],
      1,
    )
  })

  test('labels that differ in one word only are told apart', () =>
    check(BigUint64Array.from([1n, 1n << 32n, (1n << 32n) | 1n, 0n]), [4, 1, 1], 1))

  test('a chunk of the worst case, every voxel its own label', () =>
    check(
      BigUint64Array.from({ length: 64 ** 3 }, (_, i) => BigInt(i) * 0x9e3779b97f4a7n),
      [64, 64, 64],
      1,
    ))

  test('damaged chunks are refused or decode to something, but never crash otherwise', () => {
    const labels = labelsOf([16, 16, 16], 1, 20, 3, 1)
    const bytes = encodeCompressedSegmentation(labels, [16, 16, 16])
    for (const n of [0, 3, 4, 40, bytes.length - 4])
      expect(() => decodeCompressedSegmentation(bytes.slice(0, n), [16, 16, 16])).toThrow(RangeError)
    const next = random(5)
    for (let i = 0; i < 300; i++) {
      const broken = bytes.slice()
      broken[Math.floor(next() * broken.length)]! ^= 1 << Math.floor(next() * 8)
      try {
        decodeCompressedSegmentation(broken, [16, 16, 16])
      } catch (e) {
        expect(e).toBeInstanceOf(RangeError)
      }
    }
  })
})

test.skipIf(!hasData)('real labels of a FIB-SEM volume', () => {
  const file = readFileSync(
    join(dataFolder, 'format-fixtures/neuroglancer/codec/compressed_segmentation/64x64x64-raw-uint64-segmentation.dat'),
  )
  const labels = new BigUint64Array(new Uint8Array(file).buffer)
  check(labels, [64, 64, 64], 1)
  expect(encodeCompressedSegmentation(labels, [64, 64, 64]).length).toBeLessThan(labels.byteLength / 25)
})
