// Volumes of others: the fixtures that peers wrote, folders and HTTP servers with their habits, and what is refused.
import { createServer } from 'node:http'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp, { type JpegOptions } from 'sharp'
import { expect, onTestFinished, test } from 'vitest'
import { boxAt, voxels, type Box } from '../../../domain/geometry.ts'
import { decodeImage, encodePrecomputed } from '../../../storage/formats/precomputed/encoding.ts'
import { encodeChunks } from '../../../storage/formats/volume.ts'
import { volumeInfo } from '../../../storage/formats/precomputed/info.ts'
import { openFiles } from '../../../storage/foreign/files.ts'
import { openVolume } from '../../../storage/foreign/volume.ts'
import { dataFolder, freshFolder, hasData, random } from '../fixtures.ts'

const fixtures = join(dataFolder, 'format-fixtures')
const put = async (root: string, path: string, bytes: Uint8Array | string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), bytes)
}

test.skipIf(!hasData).each([
  ['z5py.n5/raw', 'N5'],
  ['z5py.n5/gzip', 'N5'],
  ['zarr.zr/raw', 'Zarr'],
  ['zarr.zr/gzip', 'Zarr'],
  ['zarr.zr/zlib', 'Zarr'],
  ['zarr.zr/blosc', 'Zarr'],
])('%s decodes to the reference image', async (path, format) => {
  const { data } = await sharp(join(fixtures, 'zarr_implementations/data/reference_image.png'))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  const volume = await openVolume(join(fixtures, 'zarr_implementations/examples', path))
  expect(volume.format).toBe(format)
  // Colours are the fastest axis.
  expect(volume.mips.map(m => m.bounds)).toEqual([boxAt([0, 0, 0], [3, 512, 512])])
  expect(Buffer.compare((await volume.read(0, volume.mips[0]!.bounds)) as Uint8Array, data)).toBe(0)
  const part = (await volume.read(0, { min: [1, 95, 199], max: [3, 97, 201] })) as Uint8Array
  const at = (x: number, y: number, z: number): number => data[x + 3 * (y + 512 * z)]!
  expect([...part]).toEqual([199, 200].flatMap(z => [95, 96].flatMap(y => [1, 2].map(x => at(x, y, z)))))
})

test.skipIf(!hasData)("peers' metadata is understood: sizes, voxels, and why something is not read", async () => {
  const precomputed = await openVolume(join(fixtures, 'neuroglancer/datasource/precomputed/two_channels'))
  expect(precomputed).toMatchObject({ channels: 2, format: expect.stringContaining('precomputed') })
  expect(precomputed.mips[2]).toMatchObject({
    dataType: 'uint16',
    bounds: { max: [3, 5, 8] },
    voxelSizeNm: [12, 16, 20],
  })
  const odd = await openVolume(join(fixtures, 'cloud-volume/test_seg_unsharded'))
  expect(odd.mips[0]!.unread).toMatch(/compresso/)
  await expect(odd.read(0, odd.mips[0]!.bounds)).rejects.toThrow(/compresso/)
  await expect(openVolume(join(fixtures, 'neuroglancer/datasource/n5/n5_viewer_multiscale_modern'))).rejects.toThrow(
    /three axes/,
  )
  await expect(openVolume(join(fixtures, 'neuroglancer/datasource/zarr/ome_zarr/simple_0.5'))).rejects.toThrow(
    /axes x, y, z/,
  )
  await expect(openVolume(join(fixtures, 'neuroglancer/mesh'))).rejects.toThrow(/there is no precomputed, zarr, n5/)
})

const smooth = (n: number): Uint8Array<ArrayBuffer> => {
  const next = random(3)
  return Uint8Array.from({ length: n }, (_, i) => 100 + 60 * Math.sin(i / 40) + 10 * next())
}

test.each(['raw', 'png', 'jpeg'] as const)(
  'an image in %s, off the origin, plain files, some gzipped',
  async encoding => {
    const root = await freshFolder()
    const bounds: Box = { min: [32, 64, 0], max: [77, 97, 21] }
    const data = smooth(voxels(bounds))
    const info = volumeInfo({
      type: 'image',
      dataType: 'uint8',
      channels: 1,
      encoding,
      voxelSizeNm: [4, 4, 40],
      bounds,
      chunk: [32, 32, 16],
      mips: [{ factor: [1, 1, 1] }],
    })
    await put(root, 'info', JSON.stringify(info))
    let i = 0
    for (const { path, bytes } of encodeChunks(data, bounds, { mip: 0, encoding: 'raw', chunk: [32, 32, 16] })) {
      const [x, y, z] = path
        .slice(2)
        .split('_')
        .map(r => r.split('-').map(Number) as [number, number])
      const shape = [x![1] - x![0], y![1] - y![0], z![1] - z![0]] as const
      const coded = await encodePrecomputed(new Uint8Array(bytes), shape, 1, encoding)
      await (i++ % 2 === 0 ? put(root, path, coded) : put(root, `${path}.gz`, gzipSync(coded)))
    }
    const volume = await openVolume(root)
    const got = (await volume.read(0, bounds)) as Uint8Array
    if (encoding !== 'jpeg') return expect(Buffer.compare(got, data)).toBe(0)
    const error = got.reduce((sum, v, j) => sum + Math.abs(v - data[j]!), 0) / data.length
    expect(error).toBeLessThan(4)
    expect(error).toBeGreaterThan(0)
  },
)

test('a chunk in JPEG has the values that sharp gives it; one that was cut or has another size is refused', async () => {
  const shape = [32, 16, 5] as const
  const raw = { width: 32, height: 80, channels: 1 } as const
  const coded = (data: Uint8Array, options: JpegOptions = {}): Promise<Buffer> =>
    sharp(data, { raw }).toColourspace('b-w').jpeg(options).toBuffer()
  const next = random(7)
  const noise = Uint8Array.from({ length: 2560 }, () => 256 * next())
  for (const bytes of [
    await coded(noise),
    await coded(smooth(2560), { quality: 85 }),
    await coded(noise, { progressive: true }),
  ]) {
    const expected = await sharp(bytes).toColourspace('b-w').raw().toBuffer()
    const [got, again] = await Promise.all(
      [0, 1].map(() => decodeImage(new Uint8Array(bytes), shape, 1, 'uint8', 'jpeg')),
    )
    expect(Buffer.compare(got as Uint8Array, expected)).toBe(0)
    expect(again).toEqual(got)
    const cut = new Uint8Array(bytes.subarray(0, bytes.length / 2))
    await expect(decodeImage(cut, shape, 1, 'uint8', 'jpeg')).rejects.toThrow()
    await expect(decodeImage(new Uint8Array(bytes), [32, 16, 6], 1, 'uint8', 'jpeg')).rejects.toThrow(/32x80 pixels/)
    await expect(decodeImage(new Uint8Array(bytes), [32, 16, 4], 1, 'uint8', 'jpeg')).rejects.toThrow(/pixel limit/)
  }
})

test('labels beyond 2^53 come back from OME-Zarr 0.4 of Zarr v2 in Fortran order with a channel and a time axis', async () => {
  const root = await freshFolder()
  const space = ['z', 'y', 'x'].map(name => ({ name, type: 'space', unit: 'micrometer' }))
  const axes = [{ name: 't', type: 'time' }, { name: 'c', type: 'channel' }, ...space]
  const transform = { type: 'scale', scale: [1, 1, 0.04, 0.004, 0.004] }
  await put(root, '.zgroup', JSON.stringify({ zarr_format: 2 }))
  const datasets = [{ path: '0', coordinateTransformations: [transform] }]
  await put(root, '.zattrs', JSON.stringify({ multiscales: [{ version: '0.4', axes, datasets }] }))
  const array = { zarr_format: 2, shape: [1, 2, 2, 2, 3], chunks: [1, 2, 2, 2, 3], dtype: '<u8', fill_value: 0 }
  const more = { order: 'F', compressor: null, filters: null, dimension_separator: '/' }
  await put(root, '0/.zarray', JSON.stringify({ ...array, ...more }))
  const label = (x: number, y: number, z: number, c: number): bigint =>
    2n ** 64n - 1n - BigInt(x + 3 * y + 6 * z + 12 * c)
  const stored = new BigUint64Array(24)
  for (let i = 0; i < 24; i++) {
    // First axis fastest: c, z, y, x.
    stored[i] = label(Math.floor(i / 8), Math.floor(i / 4) % 2, Math.floor(i / 2) % 2, i % 2)
  }
  await put(root, '0/0/0/0/0/0', new Uint8Array(stored.buffer))
  const volume = await openVolume(root)
  expect(volume).toMatchObject({ format: 'OME-Zarr 0.4', channels: 2 })
  expect(volume.mips[0]).toMatchObject({
    dataType: 'uint64',
    voxelSizeNm: [4, 4, 40],
    bounds: { max: [3, 2, 2] },
  })
  const expected = Array.from({ length: 24 }, (_, i) => 2n ** 64n - 1n - BigInt(i))
  expect([...(await volume.read(0, volume.mips[0]!.bounds))]).toEqual(expected)
})

test('over HTTP: ranges, a server that ignores them, one that is busy for a while, and what is not there', async () => {
  const bytes = smooth(1000)
  let busy = 2
  const server = createServer((request, response) => {
    const url = request.url!
    if (url === '/v/busy' && busy-- > 0) return response.writeHead(503).end()
    if (url === '/v/broken') return response.writeHead(400).end()
    if (!['/v/data', '/v/busy', '/v/plain'].includes(url)) return response.writeHead(404).end()
    const m = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '')
    if (!m || url === '/v/plain') return response.writeHead(200).end(bytes)
    const from = m[1] === '' ? 1000 - Number(m[2]) : Number(m[1])
    response.writeHead(206).end(bytes.subarray(from, m[1] === '' ? 1000 : Number(m[2]) + 1))
  })
  await new Promise<void>(r => server.listen(0, '127.0.0.1', r))
  onTestFinished(() => void server.close())
  const files = openFiles(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v/`)
  const folder = await freshFolder()
  await put(folder, 'data', bytes)
  for (const [f, path] of [
    [files, 'data'],
    [files, 'busy'],
    [files, 'plain'],
    [openFiles(folder), 'data'],
    [openFiles(`file://${folder}`), 'data'],
  ] as const) {
    expect(await f.get(path)).toEqual(bytes)
    expect(await f.range(path, 10, 20)).toEqual(bytes.slice(10, 30))
    expect(await f.range(path, 990, 20)).toEqual(bytes.slice(990))
    expect(await f.range(path, -7, 7)).toEqual(bytes.slice(993))
    expect(await f.get('none')).toBeUndefined()
    expect(await f.range('none', 0, 5)).toBeUndefined()
  }
  await expect(files.get('broken')).rejects.toMatchObject({
    type: 'StoreRefused',
    message: expect.stringContaining('/v/broken: the host answers 400'),
  })
  expect(() => openFiles('ftp://x/y')).toThrow(/ftp/)
  expect(await readFile(join(folder, 'data'))).toHaveLength(1000)
})
