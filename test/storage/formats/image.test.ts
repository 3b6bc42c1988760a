// Tiles: good ones decode to their exact grey values, bad ones are refused by name with what is wrong.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateSync, inflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { decodeTile, encodePng, type GreyMap } from '../../../storage/formats/image.ts'
import { dataFolder, hasData } from '../fixtures.ts'

const width = 61
const height = 43
const grey = Uint8Array.from({ length: width * height }, (_, i) => (i * 7 + (i >> 3) * 13 + ((i * i) >> 5)) & 255)
const image = (channels: 1 | 2 | 3 | 4 = 1, of = grey): Sharp => {
  const data = new Uint8Array(of.length * channels)
  for (let i = 0; i < data.length; i++)
    data[i] = channels % 2 === 0 && i % channels === channels - 1 ? 255 : of[Math.floor(i / channels)]!
  return sharp(data, { raw: { width, height, channels } })
}
const deep = (): Sharp =>
  sharp(
    Uint16Array.from(grey, v => v * 200),
    { raw: { width, height, channels: 1 } },
  ).toColourspace('grey16')

/** The grey values under a profile of gamma 1: whoever applies it changes nearly all of them. */
async function withLinearProfile(): Promise<Buffer> {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data])
    const ends = Buffer.alloc(8)
    ends.writeUInt32BE(data.length, 0)
    ends.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)])
  }
  const donor = await image(3).withIccProfile('p3').png().toBuffer()
  const at = donor.indexOf('iCCP')
  const data = donor.subarray(at + 4, at + 4 + donor.readUInt32BE(at - 4))
  const start = data.indexOf(0) + 2
  const profile = inflateSync(data.subarray(start))
  for (let i = profile.indexOf('para', 128); i >= 0; i = profile.indexOf('para', i + 4))
    if (i % 4 === 0) profile.writeInt32BE(0x10000, i + 12)
  const plain = await image(3).png().toBuffer()
  const iccp = chunk('iCCP', Buffer.concat([data.subarray(0, start), deflateSync(profile)]))
  return Buffer.concat([plain.subarray(0, 33), iccp, plain.subarray(33)])
}

const exact: [string, () => Promise<Buffer>][] = [
  ['grey PNG', () => image().toColourspace('b-w').png().toBuffer()],
  ['interlaced PNG', () => image().toColourspace('b-w').png({ progressive: true }).toBuffer()],
  ['grey PNG with opaque alpha', () => image(2).toColourspace('b-w').png().toBuffer()],
  ['RGB PNG that is grey', () => image(3).png().toBuffer()],
  ['RGBA PNG that is grey and opaque', () => image(4).png().toBuffer()],
  ['palette PNG that is grey', () => image(3).png({ palette: true }).toBuffer()],
  ['PNG with a colour profile', withLinearProfile],
  ['uncompressed TIFF', () => image().toColourspace('b-w').tiff({ compression: 'none' }).toBuffer()],
  [
    'LZW TIFF with predictor',
    () => image().toColourspace('b-w').tiff({ compression: 'lzw', predictor: 'horizontal' }).toBuffer(),
  ],
  [
    'tiled deflate TIFF',
    () =>
      image()
        .toColourspace('b-w')
        .tiff({ compression: 'deflate', tile: true, tileWidth: 16, tileHeight: 16 })
        .toBuffer(),
  ],
  ['BigTIFF', () => image().toColourspace('b-w').tiff({ compression: 'none', bigtiff: true }).toBuffer()],
]

test('a reader that applies profiles would see other grey values', async () => {
  const seen = await sharp(await withLinearProfile())
    .raw()
    .toBuffer()
  expect(grey.filter((v, i) => seen[3 * i] !== v).length).toBeGreaterThan(grey.length / 2)
})

test.each(exact)('%s decodes to its grey values', async (_, make) => {
  const bytes = await make()
  const padded = new Uint8Array(bytes.length + 3)
  padded.set(bytes, 3)
  for (const b of [bytes, padded.subarray(3)]) {
    const tile = await decodeTile(b, 't')
    expect([tile.width, tile.height]).toEqual([width, height])
    expect(tile.data).toEqual(grey)
    expect(tile.data.byteOffset).toBe(0)
    expect(tile.data.buffer.byteLength).toBe(grey.length)
  }
})

test('JPEG, grey or in grey colours, decodes close to its grey values', async () => {
  const smooth = Uint8Array.from({ length: width * height }, (_, i) => 60 + (i % width) + Math.floor(i / width))
  for (const channels of [1, 3] as const) {
    const tile = await decodeTile(
      await image(channels, smooth)
        .toColourspace(channels === 1 ? 'b-w' : 'srgb')
        .jpeg({ quality: 95 })
        .toBuffer(),
      't',
    )
    expect(tile.format).toBe('jpeg')
    expect(Math.max(...tile.data.map((v, i) => Math.abs(v - smooth[i]!)))).toBeLessThan(6)
  }
})

describe('a bad tile is refused', () => {
  const rejected = async (bytes: Uint8Array, why: RegExp): Promise<void> => {
    const error = await decodeTile(bytes, 'z0001/r0c1').then(
      () => new Error('was accepted'),
      (e: unknown) => e as Error,
    )
    expect(error).toMatchObject({ type: 'BadTileError', details: { tile: 'z0001/r0c1' } })
    expect(error.message).toMatch(/^tile z0001\/r0c1 /)
    expect(error.message).toMatch(why)
  }
  const colour = (): Sharp => {
    const rgb = new Uint8Array(width * height * 3).fill(90)
    rgb[3 * 1000 + 1] = 91
    return sharp(rgb, { raw: { width, height, channels: 3 } })
  }

  test.each<[string, () => Uint8Array | Promise<Uint8Array>, RegExp]>([
    ['empty', () => new Uint8Array(0), /is empty/],
    ['text', () => Buffer.from('not found'), /not a PNG, TIFF or JPEG/],
    ['zeros', () => new Uint8Array(5000), /not a PNG, TIFF or JPEG/],
    ['GIF', () => image().gif().toBuffer(), /not a PNG, TIFF or JPEG/],
    ['WebP', () => image().webp().toBuffer(), /not a PNG, TIFF or JPEG/],
    ['PNG of 16 bits', () => deep().png().toBuffer(), /16 bits.*8-bit/],
    ['TIFF of 16 bits', () => deep().tiff({ compression: 'none' }).toBuffer(), /16 bits.*8-bit/],
    ['TIFF of 1 bit', () => image().toColourspace('b-w').tiff({ bitdepth: 1 }).toBuffer(), /1 bit per sample/],
    [
      'PNG of 1 bit',
      () => image().toColourspace('b-w').png({ palette: true, colours: 2 }).toBuffer(),
      /1 bit per sample/,
    ],
    ['colour PNG, one pixel off by one', () => colour().png().toBuffer(), /in colour \(90, 91, 90 at pixel 1000\)/],
    ['transparent PNG', () => image(3).ensureAlpha(0.5).png().toBuffer(), /transparent/],
    ['CMYK TIFF', () => image(3).toColourspace('cmyk').tiff().toBuffer(), /channels \(cmyk\)/],
    [
      'two pages',
      async () => {
        const page = await image().png().toBuffer()
        return sharp([page, page], { join: { animated: true } })
          .tiff()
          .toBuffer()
      },
      /2 pages/,
    ],
  ])('%s', async (_, make, why) => rejected(await make(), why))

  test.each(exact.slice(0, -1))('%s cut anywhere, or with its header gone', async (_, make) => {
    const bytes = await make()
    for (const part of [0.02, 0.2, 0.5, 0.8, 0.97])
      await rejected(bytes.subarray(0, Math.max(9, Math.floor(bytes.length * part))), /truncated|corrupt/)
  })

  test('PNG and JPEG without their last bytes', async () => {
    const png = await exact[0]![1]()
    const jpeg = await image().toColourspace('b-w').jpeg().toBuffer()
    for (const n of [1, 3, 8]) {
      await rejected(png.subarray(0, png.length - n), /truncated: its last PNG chunk/)
      await rejected(jpeg.subarray(0, jpeg.length - n), /truncated: the JPEG end marker/)
    }
    await rejected(
      Buffer.concat([jpeg.subarray(0, jpeg.length >> 1), Buffer.from([0xff, 0xd9])]),
      /truncated or corrupt/,
    )
  })

  test('any flipped bit in the data of a PNG', async () => {
    const png = await exact[0]![1]()
    const first = png.indexOf('IDAT') + 6
    for (let at = first; at < png.length - 24; at += 97) {
      const broken = Buffer.from(png)
      broken[at]! ^= 0x10
      await rejected(broken, /truncated or corrupt/)
    }
  })

  test('nearly any flipped bit in the data of a deflate TIFF', async () => {
    const tiff = await image()
      .toColourspace('b-w')
      .tiff({ compression: 'deflate', tile: true, tileWidth: 32, tileHeight: 32 })
      .toBuffer()
    let flipped = 0
    let accepted = 0
    for (let at = 40; at < tiff.length / 2; at += 29, flipped++) {
      const broken = Buffer.from(tiff)
      broken[at]! ^= 0x10
      await decodeTile(broken, 't').then(
        () => accepted++,
        () => 0,
      )
    }
    expect(flipped).toBeGreaterThan(30)
    expect(accepted).toBeLessThan(flipped / 10)
  })

  test('a header that claims more pixels than any camera has', async () => {
    const png = Buffer.from(await exact[0]![1]())
    png.writeUInt32BE(0x7fffffff, 16)
    await rejected(png, /truncated or corrupt/)
  })
})

test('PNG out and in again is exact, the same bytes each time, and one channel', async () => {
  const png = await encodePng(grey, width, height)
  expect(Buffer.compare(png, await encodePng(grey.slice(), width, height))).toBe(0)
  expect((await decodeTile(png, 't')).data).toEqual(grey)
  expect(png[25]).toBe(0)
  await expect(encodePng(grey, width, height + 1)).rejects.toThrow(RangeError)
})

test('a JPEG of 12 bits is not damaged but not read', async () => {
  const jpeg = Buffer.from(await image().toColourspace('b-w').jpeg().toBuffer())
  jpeg[jpeg.indexOf(Buffer.of(0xff, 0xc0)) + 4] = 12
  await expect(decodeTile(jpeg, 't')).rejects.toThrow('is a JPEG of 12 bits, which is not read')
})

test('8 bits turned', async () => {
  const png = await encodePng(grey, width, height)
  expect((await decodeTile(png, 't', { invert: true })).data).toEqual(grey.map(v => 255 - v))
})

test('16 bits out and in again through a window', async () => {
  const png = await encodePng(
    Uint16Array.from(grey, v => 1000 + 3 * v),
    width,
    height,
  )
  expect((await decodeTile(png, 't', { window: [1000, 1765] })).data).toEqual(grey)
  await expect(decodeTile(png, 't')).rejects.toThrow(/16 bits/)
})

test('bytes after the end of a PNG, between the segments of a JPEG, and texts in both change nothing', async () => {
  const png = await exact[0]![1]()
  expect((await decodeTile(Buffer.concat([png, Buffer.alloc(64, 65)]), 't')).data).toEqual(grey)
  const jpeg = await image()
    .toColourspace('b-w')
    .jpeg({ progressive: true })
    .withExif({ IFD0: { Software: 'S' } })
    .toBuffer()
  const at = 4 + jpeg.readUInt16BE(4)
  const stray = Buffer.concat([jpeg.subarray(0, at), Buffer.alloc(2), jpeg.subarray(at)])
  expect((await decodeTile(stray, 't')).data).toEqual((await decodeTile(jpeg, 't')).data)
})

test.skipIf(!hasData)('real tiles', async () => {
  for (const [file, w, h] of [
    ['array-tomography-tiles/A00.png', 1376, 1040],
    ['fafb-tiles/raw-2x2/col60_row140.png', 1280, 1080],
    ['fafb-tiles/aligned-v14/z01/y60_x140.jpg', 1024, 1024],
  ] as const) {
    const tile = await decodeTile(readFileSync(join(dataFolder, file)), file)
    expect([tile.width, tile.height]).toEqual([w, h])
    expect(new Set(tile.data).size).toBeGreaterThan(100)
  }
})

test('of an aligned source 0 shows nothing: it stays black under every mapping, and nothing else becomes black', async () => {
  const samples = Uint16Array.of(0, 1, 500, 1000, 2000, 65535)
  const png = await encodePng(samples, 6, 1)
  const greys = async (map: GreyMap): Promise<number[]> => [...(await decodeTile(png, 't', map)).data]
  expect(await greys({ window: [500, 2000], void: true })).toEqual([0, 1, 1, 85, 255, 255])
  expect(await greys({ window: [500, 2000], invert: true, void: true })).toEqual([0, 255, 255, 170, 1, 1])
  expect(await greys({ window: [500, 2000], invert: true })).toEqual([255, 255, 255, 170, 0, 0])
})
