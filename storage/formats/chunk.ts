// Chunks of a volume as bytes: the encodings and data types that Hillock keeps, in the form of Neuroglancer precomputed.
import { product, type Vec3 } from '../../domain/geometry.ts'
import { encodeCompressedSegmentation } from './compressed-segmentation.ts'
import { decodeCompressedSegmentation } from './decode-segmentation.ts'

const arrays = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  // Hillock writes none of these; volumes of others hold them.
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float64: Float64Array,
} as const

export type DataType = keyof typeof arrays
export type Encoding = 'raw' | 'compressed_segmentation'
export type VolumeArray<D extends DataType = DataType> = { [T in DataType]: InstanceType<(typeof arrays)[T]> }[D]

/** A volume of 0, or one of the values that lie at the beginning of `memory`. */
export const newVolume = <D extends DataType>(dtype: D, length: number, memory?: ArrayBuffer): VolumeArray<D> =>
  (memory ? new arrays[dtype](memory, 0, length) : new arrays[dtype](length)) as VolumeArray<D>

export const bytesPerVoxel = (dtype: DataType): number => arrays[dtype].BYTES_PER_ELEMENT

export const dataTypeOf = (data: VolumeArray): DataType =>
  (Object.keys(arrays) as DataType[]).find(t => data instanceof arrays[t])!

/** Undefined for a name that is none of a data type. */
export const dataTypeNamed = (name: string): DataType | undefined =>
  Object.hasOwn(arrays, name) ? (name as DataType) : undefined

/** Bytes of a chunk: flat, x fastest, channel slowest, little-endian. @throws RangeError for compressed_segmentation of other than uint64. */
export function encodeChunk(data: VolumeArray, shape: Vec3, channels: number, encoding: Encoding): Uint8Array {
  if (data.length !== product(shape) * channels)
    throw new RangeError(`chunk of ${data.length} values instead of ${shape.join('x')}x${channels}`)
  if (encoding === 'raw') return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (!(data instanceof BigUint64Array)) throw new RangeError('compressed_segmentation holds uint64 labels only')
  return encodeCompressedSegmentation(data, shape, channels)
}

/**
 * The values of a chunk; of raw bytes a view where they are aligned.
 * @throws RangeError when the bytes do not have that shape
 */
export function decodeChunk<D extends DataType>(
  bytes: Uint8Array<ArrayBuffer>,
  shape: Vec3,
  channels: number,
  dtype: D,
  encoding: Encoding,
): VolumeArray<D> {
  if (encoding === 'compressed_segmentation') {
    if (dtype !== 'uint64') throw new RangeError('compressed_segmentation holds uint64 labels only')
    return decodeCompressedSegmentation(bytes, shape, channels) as VolumeArray<D>
  }
  const Type = arrays[dtype]
  const length = product(shape) * channels
  if (bytes.length !== length * Type.BYTES_PER_ELEMENT)
    throw new RangeError(`raw chunk of ${bytes.length} bytes is not ${shape.join('x')}x${channels} of ${dtype}`)
  const aligned = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes)
  return new Type(aligned.buffer, aligned.byteOffset, length) as VolumeArray<D>
}
