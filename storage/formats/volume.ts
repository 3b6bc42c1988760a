// Volumes in the artifacts of regions: cut into precomputed chunks when written, gathered from several regions when read.
import {
  boxName,
  cellBox,
  cellsIn,
  contains,
  intersect,
  isEmpty,
  shapeOf,
  subtract,
  translate,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { ArtifactStore } from '../artifacts.ts'
import { mapBounded } from '../bounded.ts'
import {
  dataTypeOf,
  decodeChunk,
  encodeChunk,
  newVolume,
  type DataType,
  type Encoding,
  type VolumeArray,
} from './chunk.ts'
import { encodeCompressedSegmentation } from './compressed-segmentation.ts'
import { decodeCompressedSegmentation } from './decode-segmentation.ts'
import { pooledVolume } from './pool.ts'
import { discard } from './unpack.ts'

export const CHUNK: Vec3 = [64, 64, 64]
/** Chunks read at a time. */
const IN_FLIGHT = 8

/** Path of a chunk in the artifact of its region: `<mip>/x0-x1_y0-y1_z0-z1`, in voxels of that mip. */
const chunkPath = (mip: number, chunk: Box): string => `${mip}/${boxName(chunk)}`

export interface ChunkOptions {
  readonly mip: number
  readonly encoding: Encoding
  /** 1 if left out. */
  readonly channels?: number
  /** 64x64x64 if left out. */
  readonly chunk?: Vec3
}

/** Copies the overlap of two boxes, as far as `within`, from one flat volume to another of the same type; both x fastest, channel slowest. */
export function copyOverlap(
  from: VolumeArray,
  fromBox: Box,
  to: VolumeArray,
  toBox: Box,
  channels: number,
  within: Box = toBox,
): void {
  const part = intersect(intersect(fromBox, toBox), within)
  if (isEmpty(part)) return
  const [fx, fy, fz] = shapeOf(fromBox)
  const [tx, ty, tz] = shapeOf(toBox)
  const [nx, ny, nz] = shapeOf(part)
  // As bytes: code that meets one type of array only is several times as fast.
  const size = from.BYTES_PER_ELEMENT
  const source = new Uint8Array(from.buffer, from.byteOffset, from.byteLength)
  const target = new Uint8Array(to.buffer, to.byteOffset, to.byteLength)
  const fromWords = new DataView(from.buffer, from.byteOffset, from.byteLength)
  const toWords = new DataView(to.buffer, to.byteOffset, to.byteLength)
  // Rows that are whole in both lie one behind the other.
  const whole = nx === fx && nx === tx
  const [rows, bytes] = whole ? [1, size * nx * ny] : [ny, size * nx]
  const [x, y, z] = part.min
  for (let c = 0; c < channels; c++)
    for (let k = 0; k < nz; k++) {
      let at = size * (x - fromBox.min[0] + fx * (y - fromBox.min[1] + fy * (z + k - fromBox.min[2] + fz * c)))
      let out = size * (x - toBox.min[0] + tx * (y - toBox.min[1] + ty * (z + k - toBox.min[2] + tz * c)))
      for (let row = 0; row < rows; row++, at += size * fx, out += size * tx)
        if (bytes > SHORT) target.set(source.subarray(at, at + bytes), out)
        else copyShort(fromWords, at, toWords, out, bytes)
    }
}

/** Bytes up to which a row is copied word by word sooner than views on it are made. */
const SHORT = 256

function copyShort(from: DataView, at: number, to: DataView, out: number, bytes: number): void {
  let i = 0
  for (; i + 8 <= bytes; i += 8) to.setBigUint64(out + i, from.getBigUint64(at + i))
  for (; i < bytes; i++) to.setUint8(out + i, from.getUint8(at + i))
}

/**
 * Decodes what of a chunk, which lies at `part`, is in the box that `data` holds, straight into it.
 * @throws RangeError when the bytes are not such a chunk
 */
export function decodeOverlap(
  bytes: Uint8Array<ArrayBuffer>,
  part: Box,
  encoding: Encoding,
  data: VolumeArray,
  box: Box,
  channels: number,
): void {
  const shape = shapeOf(part)
  if (encoding === 'compressed_segmentation' && data instanceof BigUint64Array)
    decodeCompressedSegmentation(bytes, shape, channels, data, translate(box, subtract([0, 0, 0], part.min)))
  else copyOverlap(decodeChunk(bytes, shape, channels, dataTypeOf(data), encoding), part, data, box, channels)
  discard(bytes)
}

/** Makes 0 of what lies at `part` in the volume of `box`. */
export function clear(part: Box, data: VolumeArray, box: Box, channels: number): void {
  const own = intersect(part, box)
  copyOverlap(newVolume(dataTypeOf(data), voxels(own) * channels), own, data, box, channels)
}

/** The values at `part` of the box that `data` holds; 0 outside of it. */
export function cut(data: VolumeArray, box: Box, part: Box, channels: number): VolumeArray {
  const values = newVolume(dataTypeOf(data), voxels(part) * channels)
  copyOverlap(data, box, values, part, channels)
  return values
}

/** The chunk at `part` of the box that `data` holds, labels straight from it. @throws RangeError for compressed_segmentation of other than uint64 */
export function encodePart(data: VolumeArray, box: Box, part: Box, channels: number, encoding: Encoding): Uint8Array {
  if (encoding === 'compressed_segmentation' && data instanceof BigUint64Array)
    return encodeCompressedSegmentation(data, shapeOf(part), channels, translate(box, subtract([0, 0, 0], part.min)))
  return encodeChunk(cut(data, box, part, channels), shapeOf(part), channels, encoding)
}

/**
 * Cuts a region's volume (`data` of shape box x channels) into chunks of the global chunk grid, in raster order. The box starts on that grid; its upper
 * faces lie on it or on the upper bound of the dataset, where chunks are clipped.
 * @throws RangeError when the box starts off the grid or the data do not fill it.
 */
export function* encodeChunks(
  data: VolumeArray,
  box: Box,
  options: ChunkOptions,
): Generator<{ path: string; bytes: Uint8Array }> {
  const { mip, encoding, channels = 1, chunk = CHUNK } = options
  if (box.min.some((v, a) => v % chunk[a]! !== 0))
    throw new RangeError(`box ${boxName(box)} does not start on the grid of ${chunk.join('x')} chunks`)
  if (data.length !== voxels(box) * channels)
    throw new RangeError(`${data.length} values do not fill box ${boxName(box)} x ${channels}`)
  for (const coord of cellsIn(box, chunk)) {
    const part = cellBox(coord, chunk, box)
    yield { path: chunkPath(mip, part), bytes: encodePart(data, box, part, channels, encoding) }
  }
}

export interface BoxRequest<D extends DataType> extends ChunkOptions {
  /** Artifact of the region at a grid coordinate, undefined where there is none. */
  readonly artifacts: (region: Vec3) => ArtifactRef | undefined
  /** Shape of a region in voxels of this mip: whole chunks on every axis, or at least the dataset's extent. */
  readonly regionShape: Vec3
  /** Bounds of the dataset in voxels of this mip. */
  readonly bounds: Box
  /** What to read; what lies outside the bounds is filled with 0. */
  readonly box: Box
  readonly dtype: D
}

/**
 * Reads any box of a volume, across regions. Voxels of regions without artifact are 0 and the regions are listed in `missing`, in raster order.
 * @throws HillockError MissingArtifact when a chunk of a region that has an artifact is gone or damaged.
 */
export async function readBox<D extends DataType>(
  store: Pick<ArtifactStore, 'open'>,
  request: BoxRequest<D>,
): Promise<{ data: VolumeArray<D>; missing: Vec3[] }> {
  const { artifacts, regionShape, bounds, box, mip, dtype, encoding, channels = 1, chunk = CHUNK } = request
  if (regionShape.some((v, a) => v % chunk[a]! !== 0 && v < bounds.max[a]!))
    throw new RangeError(`regions of ${regionShape.join('x')} are not whole chunks of ${chunk.join('x')}`)
  const missing: Vec3[] = []
  const regions: { ref: ArtifactRef; owned: Box }[] = []
  const wanted = intersect(box, bounds)
  for (const region of cellsIn(wanted, regionShape)) {
    const ref = artifacts(region)
    if (!ref) {
      missing.push(region)
      continue
    }
    regions.push({ ref, owned: cellBox(region, regionShape, bounds) })
  }
  const data = pooledVolume(dtype, voxels(box) * channels, missing.length > 0 || !contains(bounds, box))
  const readers = await mapBounded(regions, IN_FLIGHT, r => store.open(r.ref))
  const parts = regions.flatMap(({ owned }, i) =>
    cellsIn(intersect(owned, wanted), chunk).map(coord => ({
      reader: readers[i]!,
      part: cellBox(coord, chunk, owned),
    })),
  )
  await mapBounded(parts, IN_FLIGHT, async ({ reader, part }) =>
    decodeOverlap(await reader.get(chunkPath(mip, part)), part, encoding, data, box, channels),
  )
  return { data, missing }
}

/** Paths of the chunks that a box is cut into, in raster order. */
export const chunkPaths = (box: Box, mip: number, chunk: Vec3 = CHUNK): string[] =>
  cellsIn(box, chunk).map(c => chunkPath(mip, cellBox(c, chunk, box)))
