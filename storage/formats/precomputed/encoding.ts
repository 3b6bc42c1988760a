// The encodings of precomputed chunks: those that stages exchange, and the images that viewers take as well.
//
// Source: google/neuroglancer src/datasource/precomputed/volume.rst. An image of a chunk has as many pixels as the chunk has
// voxels, in the order of the voxels (x fastest); channels are those of the pixels.
import type { JPEGDecoder } from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs'
import sharp from 'sharp'
import { product, type Vec3 } from '../../../domain/geometry.ts'
import {
  decodeChunk,
  encodeChunk,
  newVolume,
  type DataType,
  type Encoding as PlainEncoding,
  type VolumeArray,
} from '../chunk.ts'

export type Encoding = PlainEncoding | 'jpeg' | 'png'

/** Good enough to see synapses by; JPEG is for looking at, the analysis layout keeps every grey value. */
const QUALITY = 85

/** @throws RangeError for JPEG or PNG of other than one channel of uint8. */
export async function encodePrecomputed(
  data: VolumeArray,
  shape: Vec3,
  channels: number,
  encoding: Encoding,
): Promise<Uint8Array> {
  if (encoding === 'raw' || encoding === 'compressed_segmentation') return encodeChunk(data, shape, channels, encoding)
  if (!(data instanceof Uint8Array) || channels !== 1) throw new RangeError(`${encoding} holds one channel of uint8`)
  // Without a colour space sharp would write three channels.
  const image = sharp(data, {
    raw: { width: shape[0], height: shape[1] * shape[2], channels: 1 },
    limitInputPixels: false,
  }).toColourspace('b-w')
  return encoding === 'jpeg'
    ? image.jpeg({ quality: QUALITY }).toBuffer()
    : image.png({ compressionLevel: 3, adaptiveFiltering: false, palette: false }).toBuffer()
}

/** Loaded by the first JPEG. */
const jpegDecoder = async (): Promise<JPEGDecoder> => {
  const { default: load } = await import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs')
  return new (await load()).JPEGDecoder()
}
let turbo: Promise<JPEGDecoder> | undefined

/** Pixels of a grey JPEG of so many; undefined where it is none, or damaged, or the decoder does not load. sharp gives the same values, in three times the time. */
async function greyJpeg(bytes: Uint8Array, pixels: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const decoder = await (turbo ??= jpegDecoder())
    decoder.getEncodedBuffer(bytes.length).set(bytes)
    decoder.readHeader()
    const { width, height, componentCount } = decoder.getFrameInfo()
    if (width * height !== pixels || componentCount !== 1) return undefined
    decoder.decode()
    return new Uint8Array(decoder.getDecodedBuffer())
  } catch {
    return undefined
  }
}

/** @throws RangeError when the bytes are not a chunk of that shape. */
export async function decodeImage<D extends DataType>(
  bytes: Uint8Array<ArrayBuffer>,
  shape: Vec3,
  channels: number,
  dtype: D,
  encoding: 'jpeg' | 'png',
): Promise<VolumeArray<D>> {
  const n = product(shape)
  const fast = encoding === 'jpeg' && channels === 1 && dtype === 'uint8' && (await greyJpeg(bytes, n))
  if (fast) return fast as VolumeArray as VolumeArray<D>
  const image = sharp(bytes, { limitInputPixels: n, ignoreIcc: true })
  const wide = dtype === 'uint16'
  const grey = channels === 1 ? image.toColourspace(wide ? 'grey16' : 'b-w') : image
  const { data, info } = await grey.raw(wide ? { depth: 'ushort' } : {}).toBuffer({ resolveWithObject: true })
  if (!['uint8', 'uint16'].includes(dtype) || info.width * info.height !== n || info.channels !== channels)
    throw new RangeError(
      `${encoding} of ${info.width}x${info.height} pixels and ${info.channels} channels is not a chunk of ${shape.join('x')}x${channels} of ${dtype}`,
    )
  const pixels = decodeChunk(
    new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.length),
    shape,
    channels,
    dtype,
    'raw',
  )
  if (channels === 1) return pixels
  const out = newVolume(dtype, n * channels)
  for (let c = 0; c < channels; c++) for (let i = 0; i < n; i++) out[c * n + i] = pixels[i * channels + c]!
  return out
}
