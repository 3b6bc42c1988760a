// What volumes of others lack: chunks that are missing or damaged are named one by one, those that a format may omit are not.
import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { boxAt, voxels, type Box } from '../../../domain/geometry.ts'
import { crc32cBase64 } from '../../../storage/stores/crc32c.ts'
import { lacksOf } from '../../../storage/foreign/holes.ts'
import type { VolumeHole } from '../../../storage/foreign/types.ts'
import { openVolume } from '../../../storage/foreign/volume.ts'
import { freshFolder, useAgain } from '../fixtures.ts'
import { greyIn, n5, precomputed, put, zarr2 } from './fixtures.ts'

const box: Box = { min: [0, 0, 0], max: [16, 8, 8] }
const two = { size: box.max, chunk: [8, 8, 8] } as const
const [left, right] = [boxAt([0, 0, 0], [8, 8, 8]), boxAt([8, 0, 0], [8, 8, 8])]

/** Greys of the left half; the right half as given. */
const half = (fill: number): Uint8Array => {
  const out = greyIn(box)
  for (let i = 0; i < out.length; i++) if (i % 16 >= 8) out[i] = fill
  return out
}
async function read(root: string): Promise<{ data: Uint8Array; holes: VolumeHole[] }> {
  const holes: VolumeHole[] = []
  useAgain(voxels(box))
  return { data: (await (await openVolume(root)).read(0, box, holes)) as Uint8Array, holes }
}
const skipRight = (b: Uint8Array<ArrayBuffer>, [x]: readonly number[]): Uint8Array | null => (x === 1 ? null : b)

test.each([
  ['precomputed: a hole', (r: string) => precomputed(r, { ...two, coded: skipRight }), 0, 's/8-16_0-8_0-8'],
  [
    'Zarr with a fill value: that',
    (r: string) => zarr2(r, '', { ...two, coded: skipRight }, { fill_value: 9 }),
    9,
    null,
  ],
  ['Zarr with fill value 0: that', (r: string) => zarr2(r, '', { ...two, coded: skipRight }), 0, null],
  ['Zarr without: a hole', (r: string) => zarr2(r, '', { ...two, coded: skipRight }, { fill_value: null }), 0, '0/0/1'],
  ['N5: zeros, as its specification says', (r: string) => n5(r, '', { ...two, coded: skipRight }), 0, null],
])('a chunk that is not there is, in %s', async (_, make, fill, file) => {
  const root = await freshFolder()
  await make(root)
  const { data, holes } = await read(root)
  expect(Buffer.compare(data, half(fill))).toBe(0)
  expect(holes).toEqual(file ? [{ box: right, file, reason: 'missing' }] : [])
})

test('outside of the volume, and where a block of N5 is smaller than its place, there is 0', async () => {
  const root = await freshFolder()
  await n5(root, '', two)
  const block = await readFile(join(root, '1/0/0'))
  // Of its eight slices four.
  block.writeUInt32BE(4, 12)
  await writeFile(join(root, '1/0/0'), block.subarray(0, 16 + 256))
  const expected = greyIn(box)
  for (let i = 512; i < 1024; i++) if (i % 16 >= 8) expected[i] = 0
  expect(Buffer.compare((await read(root)).data, expected)).toBe(0)
  const wide: Box = { min: [0, 0, 0], max: [16, 8, 9] }
  useAgain(voxels(wide))
  const got = (await (await openVolume(root)).read(0, wide)) as Uint8Array
  expect(Buffer.compare(got, Buffer.concat([expected, new Uint8Array(16 * 8)]))).toBe(0)
})

const gzip = (b: Uint8Array): Uint8Array => gzipSync(b)
test.each([
  ['precomputed', (r: string) => precomputed(r, two), 's/8-16_0-8_0-8'],
  ['Zarr', (r: string) => zarr2(r, '', two), '0/0/1'],
  ['Zarr, gzip', (r: string) => zarr2(r, '', { ...two, coded: gzip }, { compressor: { id: 'gzip' } }), '0/0/1'],
  ['N5', (r: string) => n5(r, '', two), '1/0/0'],
  ['N5, gzip', (r: string) => n5(r, '', { ...two, coded: gzip }, { compression: { type: 'gzip' } }), '1/0/0'],
])('a chunk that was cut is set aside alone and named, in %s', async (_, make, file) => {
  const root = await freshFolder()
  await make(root)
  for (const length of [30, 3, 0]) {
    await truncate(join(root, file), length)
    const { data, holes } = await read(root)
    expect(Buffer.compare(data, half(0))).toBe(0)
    expect(holes).toEqual([{ box: right, file, reason: expect.stringMatching(/^damaged: ./) }])
    await expect((await openVolume(root)).read(0, box)).rejects.toMatchObject({
      type: 'BadTileError',
      message: expect.stringContaining(file),
    })
  }
  expect(await (await openVolume(root)).read(0, left)).toEqual(greyIn(left))
})

test('a checksum of Zarr v3 that is wrong is a damaged chunk', async () => {
  const root = await freshFolder()
  const grid = { name: 'regular', configuration: { chunk_shape: [8, 8, 8] } }
  const codecs = [{ name: 'bytes' }, { name: 'crc32c' }]
  const array = {
    zarr_format: 3,
    node_type: 'array',
    shape: [8, 8, 16],
    data_type: 'uint8',
    fill_value: 0,
    attributes: {},
  }
  await put(root, 'zarr.json', { ...array, chunk_grid: grid, chunk_key_encoding: { name: 'default' }, codecs })
  const sum = (b: Uint8Array): Buffer => Buffer.from(crc32cBase64(b), 'base64').reverse()
  for (const [path, part] of [
    ['c/0/0/0', left],
    ['c/0/0/1', right],
  ] as const)
    await put(root, path, Buffer.concat([greyIn(part), sum(greyIn(part))]))
  expect(await read(root)).toEqual({ data: greyIn(box), holes: [] })
  const bytes = await readFile(join(root, 'c/0/0/1'))
  bytes[100]! ^= 1
  await writeFile(join(root, 'c/0/0/1'), bytes)
  const { data, holes } = await read(root)
  expect(Buffer.compare(data, half(0))).toBe(0)
  expect(holes).toEqual([{ box: right, file: 'c/0/0/1', reason: 'damaged: its checksum is wrong' }])
})

test('stamps list the files under a box and follow what becomes of them; metadata have a digest', async () => {
  const root = await freshFolder()
  await precomputed(root, two)
  const stamps = async (b: Box): Promise<Map<string, string>> => new Map(await (await openVolume(root)).stamps(0, b))
  const before = await stamps(box)
  expect([...before.keys()]).toEqual(['s/0-8_0-8_0-8', 's/8-16_0-8_0-8'])
  expect([...(await stamps(left)).keys()]).toEqual(['s/0-8_0-8_0-8'])
  expect(await stamps(box)).toEqual(before)
  await utimes(join(root, 's/0-8_0-8_0-8'), 1, 1)
  await rm(join(root, 's/8-16_0-8_0-8'))
  const after = await stamps(box)
  expect(after.get('s/0-8_0-8_0-8')).not.toBe(before.get('s/0-8_0-8_0-8'))
  expect(after.get('s/8-16_0-8_0-8')).toBe('absent')
  const { metadata } = await openVolume(root)
  expect((await openVolume(root)).metadata).toBe(metadata)
  await writeFile(join(root, 'info'), `${await readFile(join(root, 'info'), 'utf8')} `)
  expect((await openVolume(root)).metadata).not.toBe(metadata)
})

test('holes side by side are told as one', () => {
  const hole = (x: number, y: number, z: number, reason = 'missing'): VolumeHole => ({
    box: boxAt([8 * x, 8 * y, 8 * z], [8, 8, 8]),
    file: `${x}_${y}_${z}`,
    reason,
  })
  const all = [0, 1].flatMap(x => [0, 1].flatMap(y => [0, 1].map(z => hole(x, y, z))))
  expect(lacksOf(all.toReversed())).toEqual([
    { box: boxAt([0, 0, 0], [16, 16, 16]), reason: expect.stringMatching(/^missing: \d_\d_\d and 7 more$/) },
  ])
  expect(lacksOf([hole(0, 0, 0), hole(1, 0, 0, 'damaged: cut'), hole(3, 0, 0)])).toEqual([
    { box: hole(0, 0, 0).box, reason: 'missing: 0_0_0' },
    { box: hole(1, 0, 0).box, reason: 'damaged: cut: 1_0_0' },
    { box: hole(3, 0, 0).box, reason: 'missing: 3_0_0' },
  ])
})

test('a chunk that is a pipe is refused, not waited for', async () => {
  const root = await freshFolder()
  await precomputed(root, { ...two, coded: skipRight })
  execFileSync('sh', ['-c', 'mkfifo "$0"', join(root, 's/8-16_0-8_0-8')])
  await expect(read(root)).rejects.toMatchObject({
    type: 'StoreRefused',
    message: expect.stringContaining('8-16_0-8_0-8 is a named pipe'),
  })
})
