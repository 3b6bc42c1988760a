// OME-Zarr and bare Zarr as many programs write them: transforms, units, axes, containers, and what is refused by name.
import { describe, expect, test } from 'vitest'
import { boxAt } from '../../../domain/geometry.ts'
import { openVolume } from '../../../storage/foreign/volume.ts'
import { freshFolder } from '../fixtures.ts'
import { grey, greyIn, put, zarr2 } from './fixtures.ts'

const two = { size: [4, 3, 2], chunk: [4, 3, 2] } as const
const axes = (unit?: string, names = ['z', 'y', 'x']): object[] =>
  names.map(name => ({ name, type: 'space', ...(unit !== undefined && { unit }) }))
const scale = (...s: number[]): object => ({ type: 'scale', scale: s })
const translation = (...t: number[]): object => ({ type: 'translation', translation: t })

async function image(multiscale: object, at = '', root?: string): Promise<string> {
  const folder = root ?? (await freshFolder())
  await put(folder, `${at}.zgroup`, { zarr_format: 2 })
  await put(folder, `${at}.zattrs`, { multiscales: [{ version: '0.4', ...multiscale }] })
  await zarr2(folder, `${at}0/`, two)
  return folder
}
const of = (unit: string | undefined, ...transforms: object[]): object => ({
  axes: axes(unit),
  datasets: [{ path: '0', coordinateTransformations: transforms }],
})

test.each([
  ['nanometer', [8, 8, 40]],
  ['nanometre', [8, 8, 40]],
  ['Nanometers', [8, 8, 40]],
  ['micrometer', [8000, 8000, 40_000]],
  ['micron', [8000, 8000, 40_000]],
  ['µm', [8000, 8000, 40_000]],
  ['μm', [8000, 8000, 40_000]],
  ['metre', [8e9, 8e9, 40e9]],
  ['angstrom', [0.8, 0.8, 4]],
  ['Å', [0.8, 0.8, 4]],
  ['pixel', null],
  ['second', null],
  ['', null],
  [undefined, null],
])('voxels in %s', async (unit, nm) => {
  const volume = await openVolume(await image(of(unit, scale(40, 8, 8))))
  expect(volume.mips[0]!.voxelSizeNm).toEqual(nm)
})

test('0.004 micrometres are 4 nm, and 4.04 stay 4.04', async () => {
  const volume = await openVolume(await image(of('micrometer', scale(0.0397, 0.00404, 0.004))))
  expect(volume.mips[0]!.voxelSizeNm).toEqual([4, 4.04, 39.7])
})

describe('transforms of the dataset come first, then those of the multiscale', () => {
  const outer = (more: object[], ...transforms: object[]): object => ({
    ...of('nanometer', ...transforms),
    coordinateTransformations: more,
  })
  test.each([
    ['only at the multiscale', outer([scale(40, 8, 8)]), [8, 8, 40], [0, 0, 0]],
    ['at both', outer([scale(10, 4, 4)], scale(4, 2, 2)), [8, 8, 40], [0, 0, 0]],
    [
      'a translation is in units of its place',
      outer([scale(10, 4, 4)], scale(4, 2, 2), translation(8, 20, 40)),
      [8, 8, 40],
      [20, 10, 2],
    ],
    [
      'and one outside in those of the outside',
      outer([translation(80, 800, 1600)], scale(40, 8, 8)),
      [8, 8, 40],
      [200, 100, 2],
    ],
    ['half a voxel is no shift', outer([], scale(40, 8, 8), translation(20, 4, 4)), [8, 8, 40], [0, 0, 0]],
    ['identity says nothing', outer([{ type: 'identity' }], scale(40, 8, 8)), [8, 8, 40], [0, 0, 0]],
    ['none at all', { axes: axes('nanometer'), datasets: [{ path: '0' }] }, null, [0, 0, 0]],
  ])('%s', async (_, multiscale, nm, min) => {
    const volume = await openVolume(await image(multiscale))
    const [mip] = volume.mips
    expect(mip).toMatchObject({ voxelSizeNm: nm, bounds: boxAt(min as [number, number, number], two.size) })
    expect(await volume.read(0, mip!.bounds)).toEqual(greyIn(boxAt([0, 0, 0], two.size)))
  })
  test('others are refused by name', async () => {
    const affine = { type: 'affine', affine: [[1]] }
    await expect(openVolume(await image(of('nanometer', affine)))).rejects.toThrow(/type affine is not read/)
    await expect(openVolume(await image(of('nanometer', scale(1, 2))))).rejects.toThrow(/type scale is not read/)
  })
})

test.each([
  ['no names', undefined, 'zyx'],
  ['Z Y X', ['Z', 'Y', 'X'], 'zyx'],
  ['X Y Z', ['X', 'Y', 'Z'], 'xyz'],
  ['y x z', ['y', 'x', 'z'], 'yxz'],
  ['numbers', ['dim_0', 'dim_1', 'dim_2'], 'zyx'],
  ['row col plane', ['row', 'col', 'plane'], null],
  ['lat x y', ['lat', 'x', 'y'], null],
])('axes of a bare array: %s', async (_, names, order) => {
  const root = await freshFolder()
  await zarr2(root, '', two)
  if (names) await put(root, '.zattrs', { _ARRAY_DIMENSIONS: names })
  if (!order) return expect(openVolume(root)).rejects.toThrow(`this one has ${names!.join(', ')}`)
  const volume = await openVolume(root)
  // The array itself is of 2 x 3 x 4, slowest first.
  const length = { [order[0]!]: 2, [order[1]!]: 3, [order[2]!]: 4 }
  const max = ['x', 'y', 'z'].map(a => length[a])
  expect(volume.mips[0]!.bounds.max).toEqual(max)
  const data = await volume.read(0, volume.mips[0]!.bounds)
  const step = (a: string): number => [12, 4, 1][order.indexOf(a)]!
  const [x, y, z] = max.map(n => n! - 1) as [number, number, number]
  const stored = greyIn(boxAt([0, 0, 0], two.size))
  expect(data[data.length - 1]).toBe(stored[x * step('x') + y * step('y') + z * step('z')])
  expect(data[1]).toBe(stored[step('x')])
})

describe('containers', () => {
  const one = of('nanometer', scale(40, 8, 8))
  const container = async (...series: string[]): Promise<string> => {
    const root = await freshFolder()
    await put(root, '.zgroup', { zarr_format: 2 })
    await put(root, '.zattrs', { 'bioformats2raw.layout': 3 })
    for (const s of series) await image(one, `${s}/`, root)
    return root
  }
  test('of one series are that image', async () => {
    const volume = await openVolume(await container('0'))
    expect(volume.mips[0]).toMatchObject({ voxelSizeNm: [8, 8, 40], name: '0' })
    expect((await volume.read(0, boxAt([3, 2, 1], [1, 1, 1])))[0]).toBe(grey(3, 2, 1))
  })
  test('of several are refused with the address of each', async () => {
    const root = await container('0', '1')
    await expect(openVolume(root)).rejects.toThrow(`name ${root}/0, ${root}/1`)
    await put(root, 'OME/.zattrs', { series: ['0', '1'] })
    await expect(openVolume(root)).rejects.toThrow(`name ${root}/0, ${root}/1`)
    await put(root, 'OME/.zattrs', { series: ['1'] })
    expect((await openVolume(root)).mips[0]!.voxelSizeNm).toEqual([8, 8, 40])
  })
  test('that are plates, labels or plain groups say so', async () => {
    const root = await freshFolder()
    await put(root, '.zgroup', { zarr_format: 2 })
    await put(root, '.zattrs', { plate: { wells: [{ path: 'A/1' }] } })
    await expect(openVolume(root)).rejects.toThrow(`name ${root}/A/1/0`)
    await put(root, '.zattrs', { labels: ['cells'] })
    await expect(openVolume(root)).rejects.toThrow(`name ${root}/cells`)
    await put(root, '.zattrs', {})
    await expect(openVolume(root)).rejects.toThrow(/group without an OME image/)
  })
})

const v3 = (more: object): object => ({
  zarr_format: 3,
  node_type: 'array',
  shape: [2, 3, 4],
  data_type: 'uint8',
  chunk_grid: { name: 'regular', configuration: { chunk_shape: [2, 3, 4] } },
  chunk_key_encoding: { name: 'default' },
  fill_value: 0,
  codecs: [{ name: 'bytes' }],
  attributes: {},
  ...more,
})
const shards = (...inner: string[]): object => ({
  name: 'sharding_indexed',
  configuration: { chunk_shape: [2, 3, 4], codecs: inner.map(name => ({ name })), index_codecs: [{ name: 'bytes' }] },
})
describe('what is not read is said when the volume is opened', () => {
  test.each([
    ['a codec', v3({ codecs: [{ name: 'bytes' }, { name: 'pcodec' }] }), /pcodec/],
    ['a codec in shards', v3({ codecs: [shards('bytes', 'lzma')] }), /lzma/],
    ['shards in shards', v3({ codecs: [shards('sharding_indexed')] }), /sharding_indexed/],
    ['a transpose around shards', v3({ codecs: [{ name: 'transpose' }, shards('bytes')] }), /beside the sharding/],
    ['a grid', v3({ chunk_grid: { name: 'rectilinear', configuration: { chunk_shape: [2, 3, 4] } } }), /rectilinear/],
  ])('%s', async (_, array, why) => {
    const root = await freshFolder()
    await put(root, 'zarr.json', array)
    const volume = await openVolume(root)
    expect(volume.mips[0]!.unread).toMatch(why)
    await expect(volume.read(0, volume.mips[0]!.bounds)).rejects.toMatchObject({ type: 'ConfigError' })
  })
  test.each([
    ['a compressor of v2', { compressor: { id: 'lzma' } }, /lzma/],
    ['a filter of v2', { filters: [{ id: 'categorize' }] }, /categorize/],
  ])('%s', async (_, more, why) => {
    const root = await freshFolder()
    await zarr2(root, '', two, more)
    expect((await openVolume(root)).mips[0]!.unread).toMatch(why)
  })
  test.each([
    ['a data type', v3({ data_type: 'complex64' }), /complex64/],
    ['bool', v3({ data_type: 'bool' }), /volumes of bool are not read/],
    [
      'a time series',
      v3({
        shape: [5, 2, 3, 4],
        chunk_grid: { name: 'regular', configuration: { chunk_shape: [1, 2, 3, 4] } },
        dimension_names: ['t', 'z', 'y', 'x'],
      }),
      /axis t/,
    ],
  ])('%s', async (_, array, why) => {
    const root = await freshFolder()
    await put(root, 'zarr.json', array)
    await expect(openVolume(root)).rejects.toMatchObject({ type: 'ConfigError', message: expect.stringMatching(why) })
  })
})

test.each(['uint16', 'int16', 'int64', 'float32', 'float64'] as const)('voxels of %s come as they are', async type => {
  const root = await freshFolder()
  const Type = {
    uint16: Uint16Array,
    int16: Int16Array,
    int64: BigInt64Array,
    float32: Float32Array,
    float64: Float64Array,
  }[type]
  const values = Array.from({ length: 24 }, (_, i) => (type === 'uint16' ? 40_000 + i : i - 12))
  const data = type === 'int64' ? BigInt64Array.from(values, BigInt) : (Type as Uint16ArrayConstructor).from(values)
  await put(
    root,
    'zarr.json',
    v3({ data_type: type, codecs: [{ name: 'bytes', configuration: { endian: 'little' } }] }),
  )
  await put(root, 'c/0/0/0', new Uint8Array(data.buffer))
  const volume = await openVolume(root)
  expect(volume.mips[0]!.dataType).toBe(type)
  expect(await volume.read(0, volume.mips[0]!.bounds)).toEqual(data)
})
