// N5 as its many writers leave it: compressions, where levels lie, how large voxels are, and what is refused by name.
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { boxAt } from '../../../domain/geometry.ts'
import { openVolume } from '../../../storage/foreign/volume.ts'
import { freshFolder } from '../fixtures.ts'
import { greyIn, n5, put } from './fixtures.ts'

const one = { size: [9, 8, 7], chunk: [4, 4, 4] } as const
const bounds = boxAt([0, 0, 0], one.size)

/** A blosc frame that stores its bytes as they are. */
function blosc(bytes: Uint8Array): Uint8Array {
  const head = Buffer.alloc(16)
  head.set([2, 1, 0x02, 1])
  head.writeUInt32LE(bytes.length, 4)
  head.writeUInt32LE(bytes.length, 8)
  head.writeUInt32LE(bytes.length + 16, 12)
  return Buffer.concat([head, bytes])
}

test.each([
  ['raw', undefined],
  ['gzip', (b: Uint8Array) => gzipSync(b)],
  ['gzip, useZlib', (b: Uint8Array) => deflateSync(b)],
  ['zstd', (b: Uint8Array) => zstdCompressSync(b)],
  ['blosc', blosc],
])('blocks in %s', async (name, coded) => {
  const root = await freshFolder()
  const [type, useZlib] = name.split(', ')
  await n5(root, '', { ...one, ...(coded && { coded }) }, { compression: { type, ...(useZlib && { useZlib: true }) } })
  const volume = await openVolume(root)
  expect(volume.mips[0]!.unread).toBeUndefined()
  expect(Buffer.compare((await volume.read(0, bounds)) as Uint8Array, greyIn(bounds))).toBe(0)
})

test.each(['lz4', 'xz', 'bzip2', 'jpeg'])('blocks in %s are refused when the volume is opened', async type => {
  const root = await freshFolder()
  await n5(root, '', one, { compression: { type } })
  expect((await openVolume(root)).mips[0]!.unread).toContain(type)
})

test.each([
  [{ isLabelMultiset: true }, /label multisets/],
  [{ axes: ['z', 'y', 'x'] }, /axes x, y, z are read, not z, y, x/],
])('%j is refused when the volume is opened', async (more, why) => {
  const root = await freshFolder()
  await n5(root, '', one, more)
  expect((await openVolume(root)).mips[0]!.unread).toMatch(why)
})

const nm = (x: number, y: number, z: number): [number, number, number] => [x, y, z]
describe('levels and voxel sizes', () => {
  test.each<{ name: string; groups?: Record<string, object>; levels: Record<string, object>; sizes: unknown[] }>([
    { name: 'no attributes but those of the levels', levels: { s0: {}, s1: {} }, sizes: [null, null] },
    {
      name: 'n5-viewer: factors at the levels, resolution at the group',
      groups: { '': { resolution: [4, 4, 40], units: ['nm', 'nm', 'nm'] } },
      levels: { s0: { downsamplingFactors: [1, 1, 1] }, s1: { downsamplingFactors: [2, 2, 1] } },
      sizes: [nm(4, 4, 40), nm(8, 8, 40)],
    },
    {
      name: 'n5-viewer of old: scales at the group',
      groups: {
        '': {
          pixelResolution: { dimensions: [0.004, 0.004, 0.04], unit: 'um' },
          scales: [
            [1, 1, 1],
            [2, 2, 1],
          ],
        },
      },
      levels: { s0: {}, s1: {} },
      sizes: [nm(4, 4, 40), nm(8, 8, 40)],
    },
    {
      name: 'a compact factor',
      groups: { '': { resolution: [8, 8, 8] } },
      levels: { s0: {}, s1: { downsamplingFactors: 2 } },
      sizes: [nm(8, 8, 8), nm(16, 16, 16)],
    },
    {
      name: 'factors that nobody says are not guessed',
      groups: { '': { resolution: [8, 8, 8] } },
      levels: { s0: {}, s1: {} },
      sizes: [nm(8, 8, 8), null],
    },
    {
      name: 'pixels are no length',
      groups: { '': { pixelResolution: { dimensions: [1, 1, 1], unit: 'pixel' } } },
      levels: { s0: {} },
      sizes: [null],
    },
    {
      name: 'Paintera: below data/',
      groups: { '': { painteraData: { type: 'raw' } }, 'data/': { multiScale: true, resolution: [4, 4, 40] } },
      levels: { 'data/s0': {}, 'data/s1': { downsamplingFactors: [2, 2, 1] } },
      sizes: [nm(4, 4, 40), nm(8, 8, 40)],
    },
    {
      name: 'BigDataViewer: below setup0/timepoint0/, factors at the setup',
      groups: {
        'setup0/': {
          downsamplingFactors: [
            [1, 1, 1],
            [2, 2, 1],
          ],
          dataType: 'uint8',
        },
        'setup0/timepoint0/': { resolution: [0.2, 0.2, 1], units: ['um', 'um', 'um'], multiScale: true },
      },
      levels: { 'setup0/timepoint0/s0': {}, 'setup0/timepoint0/s1': {} },
      sizes: [nm(200, 200, 1000), nm(400, 400, 1000)],
    },
    {
      name: 'BigDataViewer without a calibration',
      groups: { 'setup0/timepoint0/': { resolution: [1, 1, 1], multiScale: true } },
      levels: { 'setup0/timepoint0/s0': {}, 'setup0/timepoint0/s1': {} },
      sizes: [null, null],
    },
    {
      name: 'COSEM: a transform at every level',
      levels: {
        s0: {
          transform: { axes: ['z', 'y', 'x'], scale: [5.24, 4, 4], translate: [0, 0, 0], units: ['nm', 'nm', 'nm'] },
        },
        s1: {
          transform: {
            axes: ['z', 'y', 'x'],
            scale: [10.48, 8, 8],
            translate: [2.62, 2, 2],
            units: ['nm', 'nm', 'nm'],
          },
        },
      },
      sizes: [nm(4, 4, 5.24), nm(8, 8, 10.48)],
    },
    {
      name: 'WEBKNOSSOS: factors as names',
      groups: { '': { resolution: [4, 4, 40] } },
      levels: { '1': {}, '2-2-1': {}, '4-4-2': {}, '8-8-8': {} },
      sizes: [nm(4, 4, 40), nm(8, 8, 40), nm(16, 16, 80), nm(32, 32, 320)],
    },
  ])('$name', async ({ groups = {}, levels, sizes }) => {
    const root = await freshFolder()
    for (const [path, attributes] of Object.entries(groups)) await put(root, `${path}attributes.json`, attributes)
    for (const [path, attributes] of Object.entries(levels)) await n5(root, `${path}/`, one, attributes)
    const volume = await openVolume(root)
    expect(volume.mips.map(m => m.name)).toEqual(Object.keys(levels))
    expect(volume.mips.map(m => m.voxelSizeNm)).toEqual(sizes)
    expect(Buffer.compare((await volume.read(0, bounds)) as Uint8Array, greyIn(bounds))).toBe(0)
  })

  test('several setups are refused with what to name', async () => {
    const root = await freshFolder()
    for (const s of ['setup0', 'setup1']) await n5(root, `${s}/timepoint0/s0/`, one)
    await expect(openVolume(root)).rejects.toThrow(`name ${root}/setup0/timepoint0`)
    expect((await openVolume(`${root}/setup1`)).mips[0]!.name).toBe('timepoint0/s0')
  })

  test('a container of several arrays says what is in it', async () => {
    const root = await freshFolder()
    await put(root, 'attributes.json', { n5: '2.5.1' })
    for (const path of ['raw/s0/', 'volumes/labels/']) await n5(root, path, one)
    await expect(openVolume(root)).rejects.toThrow(`name what is in it: ${root}/raw/s0, ${root}/volumes/labels`)
  })

  test('mips may be of several data types', async () => {
    const root = await freshFolder()
    await n5(root, 's0/', one)
    await n5(root, 's1/', { ...one, coded: () => null }, { dataType: 'int32' })
    expect((await openVolume(root)).mips.map(m => m.dataType)).toEqual(['uint8', 'int32'])
  })
})

test('numbers are big-endian', async () => {
  const root = await freshFolder()
  await n5(
    root,
    '',
    { size: [2, 1, 1], chunk: [2, 1, 1], coded: () => Buffer.from('fffe0102', 'hex') },
    { dataType: 'int16' },
  )
  expect([...(await (await openVolume(root)).read(0, boxAt([0, 0, 0], [2, 1, 1])))]).toEqual([-2, 258])
})
