// TIFF as microscopes and other programs write it: pixels exact whatever is said beside them, pages told from thumbnails.
import sharp, { type Sharp } from 'sharp'
import { expect, test } from 'vitest'
import { decodePage, decodeTile, imageHeader } from '../../../storage/formats/image.ts'
import { tiffPages, type ReadAt } from '../../../storage/formats/tiff.ts'
import { stackFault } from '../../../storage/formats/tiff-stack.ts'
import { madeTiff } from './tiff-maker.ts'

const [width, height] = [40, 24]
const pixels = Uint8Array.from({ length: width * height }, (_, i) => (i * 29 + (i >> 4)) & 255)
const reader =
  (b: Uint8Array): ReadAt =>
  (at, n) =>
    Promise.resolve(b.subarray(at, at + n))
const text = (s: string): Buffer => Buffer.from(s, 'latin1')
const raw = (channels: 1 | 3 = 1): Sharp =>
  sharp(
    channels === 1 ? pixels : Uint8Array.from({ length: 3 * pixels.length }, (_, i) => pixels[Math.floor(i / 3)]!),
    {
      raw: { width, height, channels },
    },
  )

test.each<[string, Parameters<typeof madeTiff>[0][0]['extra']]>([
  [
    'ImageJ',
    [
      [50838, 4, 2, Buffer.alloc(8, 1)],
      [50839, 1, 8, text('IJIJabcd')],
    ],
  ],
  [
    'texts with and without NUL',
    [
      [270, 2, 9, text('abc\0defg\0')],
      [305, 2, 7, text('SmartSE')],
      [306, 2, 3, text('20\0')],
    ],
  ],
  [
    'FEI and Zeiss',
    [
      [34682, 2, 5, text('[Sys]')],
      [34118, 2, 6, text('AP_WD\0')],
    ],
  ],
  ['a tag of unknown type', [[65000, 99, 7, 3]]],
  ['orientation', [[274, 3, 1, 6]]],
])('tags of %s change nothing', async (_, extra) => {
  for (const big of [false, true]) {
    const tile = await decodeTile(madeTiff([{ width, height, pixels, extra: extra! }], big), 't')
    expect([tile.width, tile.height, Buffer.compare(tile.data, pixels)]).toEqual([width, height, 0])
  }
})

test.each(['none', 'lzw', 'deflate', 'packbits'] as const)(
  'compression %s, in strips and tiles, grey and grey in colours',
  async compression => {
    for (const tile of [false, true])
      for (const channels of [1, 3] as const) {
        const image = channels === 1 ? raw().toColourspace('b-w') : raw(3)
        const bytes = await image.tiff({ compression, tile, tileWidth: 16, tileHeight: 16 }).toBuffer()
        expect(Buffer.compare((await decodeTile(bytes, 't')).data, pixels)).toBe(0)
      }
  },
)

test('JPEG within TIFF decodes to what it holds', async () => {
  const smooth = Uint8Array.from({ length: width * height }, (_, i) => 60 + (i % width) + Math.floor(i / width))
  const bytes = await sharp(smooth, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .tiff({ compression: 'jpeg', quality: 95 })
    .toBuffer()
  const { data } = await decodeTile(bytes, 't')
  expect(Math.max(...data.map((v, i) => Math.abs(v - smooth[i]!)))).toBeLessThan(6)
})

test('white is zero: turned, at 8 and at 16 bits', async () => {
  const turned = pixels.map(v => 255 - v)
  expect((await decodeTile(madeTiff([{ width, height, pixels: turned, photometric: 0 }]), 't')).data).toEqual(pixels)
  const deep = Uint16Array.from(pixels, v => 65535 - 257 * v)
  const bytes = madeTiff([{ width, height, pixels: deep, photometric: 0 }])
  expect((await decodeTile(bytes, 't', { window: [0, 65535] })).data).toEqual(pixels)
})

test.each([
  ['uint16', Uint16Array.from(pixels, v => 1000 + 4 * v), [1000, 2020]],
  ['int16', Int16Array.from(pixels, v => 4 * v - 500), [-500, 520]],
  ['int32', Int32Array.from(pixels, v => 4000 * v - 500), [-500, 1019500]],
  ['float', Float32Array.from(pixels, v => v / 255), [0, 1]],
] as const)('%s needs a window, and is mapped by it', async (_, samples, window) => {
  const bytes = madeTiff([{ width, height, pixels: samples }])
  await expect(decodeTile(bytes, 't')).rejects.toThrow(/bits.*stages\.ingest\.window/)
  expect(await imageHeader(reader(bytes), 't')).toEqual({ width, height, deep: true })
  expect((await decodeTile(bytes, 't', { window })).data).toEqual(pixels)
  expect((await decodeTile(bytes, 't', { window, invert: true })).data).toEqual(pixels.map(v => 255 - v))
})

test('a window clips, and what is no number is refused', async () => {
  const bytes = madeTiff([{ width: 4, height: 1, pixels: Uint16Array.of(0, 99, 200, 900) }])
  expect([...(await decodeTile(bytes, 't', { window: [100, 200] })).data]).toEqual([0, 0, 255, 255])
  const odd = madeTiff([{ width: 2, height: 1, pixels: Float32Array.of(1, NaN) }])
  await expect(decodeTile(odd, 't', { window: [0, 1] })).rejects.toThrow('NaN')
})

test('a thumbnail is no page; two pages of one size are a stack', async () => {
  const small = { width: 8, height: 4, pixels: new Uint8Array(32) }
  const page = { width, height, pixels }
  for (const pages of [
    [page, small],
    [small, page],
    [page, { ...page, extra: [[254, 4, 1, 1]] as const }],
  ])
    expect((await decodeTile(madeTiff(pages), 't')).data).toEqual(pixels)
  await expect(decodeTile(madeTiff([page, page]), 't')).rejects.toThrow('has 2 pages')
})

test('pages of a stack one by one, also where ImageJ gives them one directory', async () => {
  const slices = [0, 1, 2].map(z => pixels.map(v => v ^ z))
  const plain = madeTiff(slices.map(p => ({ width, height, pixels: p })))
  // The pixels come first in a made file, so that three slices in one strip lie as ImageJ writes them.
  const whole = Uint8Array.from(slices.flatMap(s => [...s]))
  const imagej = madeTiff([{ width, height, pixels: whole, extra: [[270, 2, 21, text('ImageJ=1.53t\nimages=3')]] }])
  for (const file of [plain, imagej]) {
    const pages = await tiffPages(reader(file))
    expect(pages).toHaveLength(3)
    for (const [z, p] of pages.entries()) expect((await decodePage(p, 't')).data).toEqual(slices[z])
  }
})

test('a description that lies nowhere, and no word of what zero is', async () => {
  const lost = madeTiff([{ width, height, pixels, extra: [[270, 2, 5000, 9_000_000]] }])
  expect((await decodeTile(lost, 't')).data).toEqual(pixels)
  const silent = Buffer.from(madeTiff([{ width, height, pixels }]))
  silent.writeUInt16LE(65001, silent.indexOf(Buffer.from([6, 1, 3, 0, 1, 0, 0, 0])))
  expect((await decodeTile(silent, 't')).data).toEqual(pixels)
})

test('not read, by name; damaged or cut, by name', async () => {
  const page = { width, height, pixels }
  const other = Buffer.from(madeTiff([page]))
  const at = other.indexOf(Buffer.from([3, 1, 3, 0]))
  other.writeUInt16LE(33003, at + 8)
  await expect(decodeTile(other, 't')).rejects.toThrow('JPEG 2000')
  const deep = madeTiff([{ ...page, extra: [[32997, 4, 1, 3]] }])
  await expect(decodeTile(deep, 't')).rejects.toThrow('3 planes in one page')
  await expect(imageHeader(reader(deep), 't')).rejects.toThrow('3 planes in one page')
  expect(stackFault(await tiffPages(reader(deep)))).toContain('3 planes in one page')
  const loop = Buffer.from(madeTiff([page]))
  loop.writeUInt32LE(loop.readUInt32LE(4), loop.length - 4)
  await expect(decodeTile(loop, 't')).rejects.toThrow('circle')
  for (const share of [0.1, 0.5, 0.9, 0.99])
    await expect(decodeTile(madeTiff([page]).subarray(0, 1000 * share), 't')).rejects.toThrow(/truncated or corrupt/)
})
