// Camera tiles: PNG, TIFF or JPEG bytes to 8-bit grey voxels, refusing whatever is not grey; and grey voxels to PNG.
import sharp, { type Metadata } from 'sharp'
import { HillockError, isHillockError } from '../../domain/errors.ts'
import { plainJpeg, plainPng, unreadJpeg } from './plain-image.ts'
import { tiffPages, unreadPage, type ReadAt, type TiffPage } from './tiff.ts'

// Tiles are decoded once each, several at a time: a cache and threads of its own would only take memory and cores from the kernels.
sharp.cache(false)
sharp.concurrency(1)

export interface Tile {
  readonly width: number
  readonly height: number
  /** 8-bit grey, x fastest. */
  readonly data: Uint8Array<ArrayBuffer>
  readonly format: ImageFormat
}
export type ImageFormat = 'png' | 'tiff' | 'jpeg'

/** How stored samples become grey values: `window` maps its two values to 0 and 255, `invert` then turns black into white. */
export interface GreyMap {
  readonly window?: readonly [low: number, high: number] | null | undefined
  readonly invert?: boolean | undefined
  /** Samples of 0 show nothing: they stay 0, and no other becomes 0. */
  readonly void?: boolean | undefined
}

/** 32768 x 32768: larger than any camera; what claims more is a damaged header. */
const MAX_PIXELS = 2 ** 30
// `warning` is the strictest level: below it a damaged block of a tiled TIFF decodes to grey noise without an error. Colour profiles are not applied: they
// are meant for eyes and would change the measured grey values.
const options = { failOn: 'warning', limitInputPixels: MAX_PIXELS, ignoreIcc: true, pages: 1 } as const

/**
 * Decodes a tile; pixels count as stored, whatever an orientation tag says. The header is checked before anything is decoded. Colour is accepted where
 * every pixel is grey, and alpha where it is opaque; samples other than 8-bit ones need a window. Only PNG carries checksums: a flipped bit in JPEG or
 * uncompressed TIFF data, and now and then in compressed TIFF, goes unseen by every decoder.
 * @throws HillockError BadTileError that names the tile and says what is wrong.
 */
export async function decodeTile(bytes: Uint8Array, name: string, map: GreyMap = {}): Promise<Tile> {
  const bad = badTile(name)
  if (bytes.length === 0) throw bad('is empty')
  const format = formatOf(bytes)
  if (!format) throw bad('is not a PNG, TIFF or JPEG image')
  if (format === 'tiff') {
    const page = await onlyPage(async (at, n) => bytes.subarray(at, at + n), bad)
    return { ...(await decodePage(page, name, map)), format }
  }
  return { ...(await decodePlain(plainOf(bytes, bad), false, bad, map)), format }
}

/** Samples of an image as they are stored, for measuring them. @throws HillockError BadTileError */
export async function samplesOf(bytes: Uint8Array, name: string): Promise<Samples> {
  const bad = badTile(name)
  if (formatOf(bytes) !== 'tiff') return (await decodeSamples(plainOf(bytes, bad), false, bad, true)).samples
  const page = await onlyPage(async (at, n) => bytes.subarray(at, at + n), bad)
  return (await decodeSamples(await page.bytes(), isShort(page), bad, true)).samples
}

const isShort = (page: TiffPage): boolean => page.signed && page.bits === 16

/** A PNG or JPEG without what is only said about its pixels. */
function plainOf(bytes: Uint8Array, bad: Bad): Uint8Array {
  const jpeg = formatOf(bytes) === 'jpeg'
  if (jpeg && !endsWithJpegEnd(bytes)) throw bad('is truncated: the JPEG end marker is missing')
  const odd = jpeg && unreadJpeg(bytes)
  if (odd) throw bad(odd)
  const plain = jpeg ? plainJpeg(bytes) : plainPng(bytes)
  if (!plain) throw bad('is truncated: its last PNG chunk is missing')
  return plain
}

/** Decodes one page of a TIFF. @throws HillockError BadTileError */
export async function decodePage(page: TiffPage, name: string, map: GreyMap = {}): Promise<Omit<Tile, 'format'>> {
  const bad = badTile(name)
  const unread = unreadPage(page)
  if (unread) throw bad(unread)
  const bytes = await page.bytes().catch((e: unknown) => {
    throw isHillockError(e) ? e : bad(`is truncated or corrupt: ${reason(e)}`)
  })
  return decodePlain(bytes, isShort(page), bad, map)
}

const badTile =
  (name: string) =>
  (why: string): HillockError =>
    new HillockError('BadTileError', `tile ${name} ${why}`, { tile: name })
type Bad = ReturnType<typeof badTile>

/** The one full-size page of a TIFF; what is smaller is a thumbnail. @throws HillockError BadTileError */
async function onlyPage(read: ReadAt, bad: Bad): Promise<TiffPage> {
  const pages = await tiffPages(read).catch((e: unknown) => {
    throw isHillockError(e) ? e : bad(`is truncated or corrupt: ${reason(e)}`)
  })
  const largest = Math.max(...pages.map(p => p.width * p.height))
  const [page, ...more] = pages.filter(p => p.width * p.height === largest)
  if (!page || largest === 0) throw bad('is truncated or corrupt: it has no image')
  if (more.length > 0)
    throw bad(`has ${more.length + 1} pages; a tile is one image (a stack of pages is named as source.stack)`)
  return page
}

/** What a header says; `deep` where only a window makes grey values of 8 bits of it. */
export interface ImageHeader {
  readonly width: number
  readonly height: number
  readonly deep: boolean
}

/**
 * Size and depth of an image, of which little more than its header is read.
 * @throws HillockError BadTileError
 */
export async function imageHeader(read: ReadAt, name: string): Promise<ImageHeader> {
  const bad = badTile(name)
  const format = formatOf(await read(0, 16))
  if (!format) throw bad((await read(0, 1)).length === 0 ? 'is empty' : 'is not a PNG, TIFF or JPEG image')
  if (format === 'tiff') {
    const page = await onlyPage(read, bad)
    const unread = unreadPage(page)
    if (unread) throw bad(unread)
    return { width: page.width, height: page.height, deep: page.bits > 8 || page.signed }
  }
  // JPEG keeps its size behind segments that may be long.
  for (let n = 1 << 16; ; n *= 16) {
    const bytes = await read(0, n)
    try {
      const { width, height, depth } = await sharp(bytes, { ...options, failOn: 'none' }).metadata()
      return { width, height, deep: depth !== 'uchar' }
    } catch (e) {
      if (bytes.length < n) throw bad(`is truncated or corrupt: its header cannot be read (${reason(e)})`)
    }
  }
}

async function decodePlain(bytes: Uint8Array, short: boolean, bad: Bad, map: GreyMap): Promise<Omit<Tile, 'format'>> {
  const { samples, width, height } = await decodeSamples(bytes, short, bad, Boolean(map.window))
  const data = mapped(samples, map)
  if (!data) throw bad('holds values that are no numbers (NaN)')
  return { width, height, data }
}

/** @param short 16 bits are signed @param anyDepth whether samples of other than 8 bits are wanted */
async function decodeSamples(
  bytes: Uint8Array,
  short: boolean,
  bad: Bad,
  anyDepth: boolean,
): Promise<{ samples: Samples; width: number; height: number }> {
  const header = await sharp(bytes, options)
    .metadata()
    .catch((e: unknown) => {
      throw bad(`is truncated or corrupt: its header cannot be read (${reason(e)})`)
    })
  const wrong = wrongHeader(header, anyDepth)
  if (wrong) throw bad(wrong)
  const decoded = await decode(bytes, header, short).catch((e: unknown) => {
    throw e instanceof NotGrey ? bad(e.message) : bad(`is truncated or corrupt (${reason(e)})`)
  })
  const { samples, width, height } = decoded
  if (width !== header.width || height !== header.height || samples.length !== width * height)
    throw bad('does not decode to the size in its header')
  return decoded
}

class NotGrey extends Error {}

const reason = (e: unknown): string => (e as Error).message.split('\n')[0]!

const starts = (bytes: Uint8Array, ...magic: number[]): boolean => magic.every((b, i) => bytes[i] === b)

/** By its first bytes. */
export function formatOf(bytes: Uint8Array): ImageFormat | undefined {
  if (starts(bytes, 0x89, 0x50, 0x4e, 0x47)) return 'png'
  if (starts(bytes, 0xff, 0xd8, 0xff)) return 'jpeg'
  // Classic and BigTIFF of both byte orders.
  if (starts(bytes, 0x49, 0x49, 42, 0) || starts(bytes, 0x49, 0x49, 43, 0)) return 'tiff'
  if (starts(bytes, 0x4d, 0x4d, 0, 42) || starts(bytes, 0x4d, 0x4d, 0, 43)) return 'tiff'
  return undefined
}

/** The decoder is satisfied once it has all pixels, so a file cut in its last bytes passes it. */
const endsWithJpegEnd = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(-4096)).includes(Buffer.from([0xff, 0xd9]))

function wrongHeader(h: Metadata, anyDepth: boolean): string | undefined {
  const bits = h.bitsPerSample ?? 8
  if (h.space === 'cmyk' || h.channels > 4) return `has ${h.channels} channels (${h.space}); tiles are grey`
  if (bits < 8) return `has ${bits} bit${bits === 1 ? '' : 's'} per sample; tiles are 8-bit grey`
  if (h.depth !== 'uchar' && !anyDepth)
    return `has samples of ${bits === 8 ? h.depth : `${bits} bits`}; tiles are 8-bit grey: say which values become black and white, stages.ingest.window: [low, high] (hillock import measures them)`
  return undefined
}

const ARRAYS = {
  uchar: Uint8Array,
  char: Int8Array,
  ushort: Uint16Array,
  short: Int16Array,
  uint: Uint32Array,
  int: Int32Array,
  float: Float32Array,
  double: Float64Array,
} as const
export type Samples = InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]>

async function decode(
  bytes: Uint8Array,
  header: Metadata,
  signed: boolean,
): Promise<{ samples: Samples; width: number; height: number }> {
  const image = sharp(bytes, options)
  const depth = header.depth as keyof typeof ARRAYS
  const deep = depth === 'ushort'
  // Without a colour space sharp gives three channels for a grey image, and 16 bits would become 8.
  const grey = header.channels < 3 && !header.isPalette
  const { data, info } = await image
    .toColourspace(grey ? (deep ? 'grey16' : 'b-w') : deep ? 'rgb16' : 'srgb')
    .raw({ depth })
    .toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const own = new Uint8Array(data)
  const all = new (signed ? Int16Array : ARRAYS[depth])(own.buffer as ArrayBuffer)
  return { samples: channels === 1 ? all : greyOf(all, channels), width, height }
}

/** @throws NotGrey when the colour channels differ or a pixel is not opaque. */
function greyOf(data: Samples, channels: number): Samples {
  const out = new (data.constructor as new (n: number) => Samples)(data.length / channels)
  const colours = channels >= 3 ? 3 : 1
  const opaque = data instanceof Uint16Array ? 65535 : 255
  for (let i = 0, at = 0; i < out.length; i++, at += channels) {
    const v = data[at]!
    for (let c = 1; c < colours; c++)
      if (data[at + c] !== v)
        throw new NotGrey(
          `is in colour (${data[at]}, ${data[at + 1]}, ${data[at + 2]} at pixel ${i}); tiles are 8-bit grey`,
        )
    if (channels > colours && data[at + colours] !== opaque)
      throw new NotGrey(`is transparent at pixel ${i}; tiles are 8-bit grey`)
    out[i] = v
  }
  return out
}

/** Grey values of 8 bits; undefined where a sample is no number. */
function mapped(samples: Samples, { window, invert, void: empty }: GreyMap): Uint8Array<ArrayBuffer> | undefined {
  if (!window && !invert) return samples as Uint8Array<ArrayBuffer>
  const [low, high] = window ?? [0, 255]
  const out = new Uint8Array(samples.length)
  for (let i = 0; i < out.length; i++) {
    const v = Math.round(((samples[i]! - low) * 255) / (high - low))
    if (Number.isNaN(v)) return undefined
    const grey = Math.max(0, Math.min(255, v))
    const shown = invert ? 255 - grey : grey
    out[i] = !empty ? shown : samples[i] === 0 ? 0 : Math.max(1, shown)
  }
  return out
}

/** Grey PNG of 8 or 16 bits of voxels with x fastest; equal voxels give equal bytes. */
export async function encodePng(data: Uint8Array | Uint16Array, width: number, height: number): Promise<Uint8Array> {
  if (data.length !== width * height) throw new RangeError(`${data.length} voxels are not ${width}x${height}`)
  return sharp(data, { raw: { width, height, channels: 1 }, limitInputPixels: MAX_PIXELS })
    .toColourspace(data instanceof Uint16Array ? 'grey16' : 'b-w')
    .png({ compressionLevel: 3, adaptiveFiltering: false, palette: false, progressive: false })
    .toBuffer()
}
