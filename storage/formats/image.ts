// Camera tiles: PNG, TIFF or JPEG bytes to 8-bit grey voxels, refusing whatever is not exactly that; and grey voxels to PNG.
import sharp, { type Metadata } from 'sharp'
import { HillockError } from '../../domain/errors.ts'

// Tiles are decoded once each, several at a time: a cache and threads of its own would only take memory and cores from the kernels.
sharp.cache(false)
sharp.concurrency(1)

export interface Tile {
  readonly width: number
  readonly height: number
  /** 8-bit grey, x fastest. */
  readonly data: Uint8Array<ArrayBuffer>
  readonly format: 'png' | 'tiff' | 'jpeg'
}

/** 32768 x 32768: larger than any camera; what claims more is a damaged header. */
const MAX_PIXELS = 2 ** 30
// `warning` is the strictest level: below it a damaged block of a tiled TIFF decodes to grey noise without an error. Colour profiles are not applied: they
// are meant for eyes and would change the measured grey values.
const options = { failOn: 'warning', limitInputPixels: MAX_PIXELS, ignoreIcc: true, pages: 1 } as const

/**
 * Decodes a tile. The header is checked before anything is decoded. Colour is accepted where every pixel is grey, and alpha where it is opaque. Only PNG
 * carries checksums: a flipped bit in JPEG or uncompressed TIFF data, and now and then in compressed TIFF, goes unseen by every decoder.
 * @throws HillockError BadTileError that names the tile and says what is wrong.
 */
export async function decodeTile(bytes: Uint8Array, name: string): Promise<Tile> {
  const bad = (why: string): HillockError => new HillockError('BadTileError', `tile ${name} ${why}`, { tile: name })
  if (bytes.length === 0) throw bad('is empty')
  const format = formatOf(bytes)
  if (!format) throw bad('is not a PNG, TIFF or JPEG image')
  if (format === 'png' && !endsWithPngEnd(bytes)) throw bad('is truncated: its last PNG chunk is missing')
  if (format === 'jpeg' && !endsWithJpegEnd(bytes)) throw bad('is truncated: the JPEG end marker is missing')

  const header = await sharp(bytes, options)
    .metadata()
    .catch((e: unknown) => {
      throw bad(`is truncated or corrupt: its header cannot be read (${reason(e)})`)
    })
  const wrong = wrongHeader(header)
  if (wrong) throw bad(wrong)
  const { data, width, height } = await decode(bytes, header).catch((e: unknown) => {
    throw e instanceof NotGrey ? bad(e.message) : bad(`is truncated or corrupt (${reason(e)})`)
  })
  if (width !== header.width || height !== header.height || data.length !== width * height)
    throw bad('does not decode to the size in its header')
  return { width, height, data, format }
}

class NotGrey extends Error {}

const reason = (e: unknown): string => (e as Error).message.split('\n')[0]!

const starts = (bytes: Uint8Array, ...magic: number[]): boolean => magic.every((b, i) => bytes[i] === b)

function formatOf(bytes: Uint8Array): Tile['format'] | undefined {
  if (starts(bytes, 0x89, 0x50, 0x4e, 0x47)) return 'png'
  if (starts(bytes, 0xff, 0xd8, 0xff)) return 'jpeg'
  // Classic and BigTIFF of both byte orders.
  if (starts(bytes, 0x49, 0x49, 42, 0) || starts(bytes, 0x49, 0x49, 43, 0)) return 'tiff'
  if (starts(bytes, 0x4d, 0x4d, 0, 42) || starts(bytes, 0x4d, 0x4d, 0, 43)) return 'tiff'
  return undefined
}

/** The decoder is satisfied once it has all pixels, so a file cut in its last chunk passes it. */
const endsWithPngEnd = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(-32)).includes(Buffer.from('IEND\xae\x42\x60\x82', 'latin1'))
const endsWithJpegEnd = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(-4096)).includes(Buffer.from([0xff, 0xd9]))

function wrongHeader(h: Metadata): string | undefined {
  if ((h.pages ?? 1) > 1) return `has ${h.pages} pages; a tile is one image`
  const bits = h.bitsPerSample ?? 8
  if (h.depth !== 'uchar') return `has samples of ${bits === 8 ? h.depth : `${bits} bits`}; tiles are 8-bit grey`
  if (bits !== 8) return `has ${bits} bit${bits === 1 ? '' : 's'} per sample; tiles are 8-bit grey`
  if (h.space === 'cmyk' || h.channels > 4) return `has ${h.channels} channels (${h.space}); tiles are grey`
  return undefined
}

async function decode(
  bytes: Uint8Array,
  header: Metadata,
): Promise<{ data: Uint8Array<ArrayBuffer>; width: number; height: number }> {
  const image = sharp(bytes, options)
  // Without a colour space sharp gives three channels for a grey image.
  const grey = header.channels === 1 && !header.isPalette
  const { data, info } = await (grey ? image.toColourspace('b-w') : image.toColourspace('srgb'))
    .raw()
    .toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  if (channels === 1) return { data: new Uint8Array(data), width, height }
  return { data: greyOf(data, channels), width, height }
}

/** @throws NotGrey when the colour channels differ or a pixel is not opaque. */
function greyOf(data: Uint8Array, channels: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(data.length / channels)
  const colours = channels >= 3 ? 3 : 1
  for (let i = 0, at = 0; i < out.length; i++, at += channels) {
    const v = data[at]!
    for (let c = 1; c < colours; c++)
      if (data[at + c] !== v)
        throw new NotGrey(
          `is in colour (${data[at]}, ${data[at + 1]}, ${data[at + 2]} at pixel ${i}); tiles are 8-bit grey`,
        )
    if (channels > colours && data[at + colours] !== 255)
      throw new NotGrey(`is transparent at pixel ${i}; tiles are 8-bit grey`)
    out[i] = v
  }
  return out
}

/** 8-bit grey PNG of voxels with x fastest; equal voxels give equal bytes. */
export async function encodePng(data: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  if (data.length !== width * height) throw new RangeError(`${data.length} voxels are not ${width}x${height}`)
  return sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png({ compressionLevel: 3, adaptiveFiltering: false, palette: false, progressive: false })
    .toBuffer()
}
