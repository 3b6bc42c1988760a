// Reads N5 volumes: the blocks of an array, ragged at the edges, in the compressions that are read.
//
// Source: saalfeldlab/n5 README. The first axis is fastest; a block holds its own shape; all numbers are big-endian.
// The specification lets a writer leave out blocks that are empty, so a block that is not there holds zeros.
import { inflateSync } from 'node:zlib'
import * as zarrita from 'zarrita'
import { configError } from '../../domain/errors.ts'
import { boxAt, contains, map3, multiply, Shape, type Vec3 } from '../../domain/geometry.ts'
import { bytesPerVoxel, decodeChunk, type DataType, type VolumeArray } from '../formats/chunk.ts'
import { swap } from '../formats/npy.ts'
import { gunzip, unzstd } from '../formats/unpack.ts'
import { clear, copyOverlap } from '../formats/volume.ts'
import { readerOf, type Chunks, type Decode } from './chunks.ts'
import type { Files } from './files.ts'
import { n5Levels, type Attributes } from './n5-levels.ts'
import { typeNamed, type ForeignMip } from './types.ts'
import type { Opened } from './volume.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Blosc says of itself how it packs, so that one codec undoes all. */
async function blosc(bytes: Bytes): Promise<Uint8Array> {
  const codec = (await zarrita.registry.get('blosc')!()) as {
    fromConfig(c: object, m: object): { decode(b: Bytes): unknown }
  }
  return (await codec
    .fromConfig({ id: 'blosc', cname: 'lz4', clevel: 5, shuffle: 1, blocksize: 0 }, {})
    .decode(bytes)) as Uint8Array
}

const UNPACK: Readonly<Record<string, (bytes: Bytes) => Uint8Array | Promise<Uint8Array>>> = {
  raw: bytes => bytes,
  // With `useZlib` the frame is another; the block itself says which.
  gzip: bytes => (bytes[0] === 0x1f ? gunzip(bytes) : inflateSync(bytes)),
  zlib: bytes => inflateSync(bytes),
  zstd: unzstd,
  zstandard: unzstd,
  blosc,
}

/** @throws HillockError ConfigError for what is not read. */
export async function openN5(files: Files): Promise<Opened | undefined> {
  const levels = await n5Levels(files)
  const mips = levels.map(({ path, attributes, voxelSizeNm }): ForeignMip & Chunks => {
    const where = `${files.url}/${path}`.replace(/\/$/, '')
    const [shape, block] = [Shape.safeParse(attributes.dimensions), Shape.safeParse(attributes.blockSize)]
    if (!shape.success || !block.success)
      throw configError(`${where}: N5 arrays of three axes are read, this one has ${attributes.dimensions?.length}`)
    const coding = attributes.compression?.type ?? attributes.compressionType ?? 'raw'
    const unread = unreadIn(attributes, coding)
    const dataType = typeNamed((attributes.dataType ?? '').toLowerCase(), where)
    const file = (at: Vec3): string => `${path}${at.join('/')}`
    return {
      name: path.replace(/\/$/, '') || '.',
      bounds: boxAt([0, 0, 0], shape.data),
      voxelSizeNm,
      chunk: block.data,
      dataType,
      ...(unread !== undefined && { unread }),
      file,
      async values(at, part): Promise<Decode | 'omitted'> {
        const bytes = await files.get(file(at))
        if (!bytes) return 'omitted'
        const { shape, data } = await decodeBlock(bytes, dataType, coding)
        const place = boxAt(multiply(at, block.data), shape)
        return (out, box) => {
          // A block that is smaller than its place leaves the rest 0, as one that is not there.
          if (!contains(place, part)) clear(part, out, box, 1)
          copyOverlap(data, place, out, box, 1, part)
        }
      },
    }
  })
  return mips.length === 0 ? undefined : { format: 'N5', channels: 1, mips, ...readerOf(files, 1, mips) }
}

function unreadIn(a: Attributes, coding: string): string | undefined {
  if (a.isLabelMultiset) return 'label multisets are not read'
  if (a.axes && a.axes.join().toLowerCase() !== 'x,y,z')
    return `N5 arrays of axes x, y, z are read, not ${a.axes.join(', ')}`
  return coding in UNPACK ? undefined : `N5 blocks in ${coding} are not read`
}

interface Block {
  readonly shape: Vec3
  readonly data: VolumeArray
}

/** @throws RangeError for a block that is damaged. */
async function decodeBlock(bytes: Bytes, dataType: DataType, coding: string): Promise<Block> {
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // Mode 1 says how many values follow.
  const mode = bytes.length < 16 ? -1 : head.getUint16(0)
  if (![0, 1].includes(mode) || head.getUint16(2) !== 3) throw new RangeError('a header that N5 does not have')
  const shape = map3(a => head.getUint32(4 + 4 * a))
  // A copy that may be turned round.
  const body = new Uint8Array(await UNPACK[coding]!(bytes.subarray(mode === 1 ? 20 : 16)))
  const data = decodeChunk(body, shape, 1, dataType, 'raw')
  swap(body, bytesPerVoxel(dataType))
  return { shape, data }
}
