// Reads Neuroglancer precomputed volumes: sharded or plain, raw, jpeg, png, compressed_segmentation.
import { z } from 'zod'
import { configError, type HillockError } from '../../domain/errors.ts'
import { boxAt, boxName, map3, shapeOf, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { bytesPerVoxel, type DataType, type VolumeArray } from '../formats/chunk.ts'
import { decodeImage, type Encoding } from '../formats/precomputed/encoding.ts'
import { PrecomputedInfo, type Scale } from '../formats/precomputed/info.ts'
import { mortonAxes, mortonCode } from '../formats/precomputed/morton.ts'
import { shardOf, shardReader } from '../formats/precomputed/sharding.ts'
import { gunzip, isGzip } from '../formats/unpack.ts'
import { decodeOverlap } from '../formats/volume.ts'
import { readerOf, type Chunks, type Decode } from './chunks.ts'
import type { Files } from './files.ts'
import { packedFiles } from './packed.ts'
import { jsonOf, typeNamed, type ForeignMip } from './types.ts'
import type { Opened } from './volume.ts'

/** Data types of each encoding that is read; of raw all. */
const ENCODED: Readonly<Record<string, readonly DataType[]>> = {
  jpeg: ['uint8'],
  png: ['uint8', 'uint16'],
  compressed_segmentation: ['uint64'],
}

interface Stored {
  file(at: Vec3, box: Box): string
  /** Undefined where there is no such chunk. */
  bytes(at: Vec3, box: Box): Promise<Uint8Array<ArrayBuffer> | undefined>
}

function stored(files: Files, packed: Pick<Files, 'get'>, s: Scale): Stored {
  if (!s.sharding) {
    const file = (_: Vec3, box: Box): string => `${s.key}/${boxName(box)}`
    return { file, bytes: (at, box) => packed.get(file(at, box)) }
  }
  const chunk = s.chunk_sizes[0]!
  const axes = mortonAxes(map3(a => Math.ceil(s.size[a] / chunk[a])))
  const reader = shardReader(s.sharding, (file, offset, length) => files.range(`${s.key}/${file}`, offset, length))
  return {
    file: at => `${s.key}/${shardOf(s.sharding!, mortonCode(axes, at))}`,
    bytes: at => reader.get(mortonCode(axes, at)),
  }
}

/** @throws HillockError ConfigError for a data type that is not read. */
export async function openPrecomputed(files: Files): Promise<Opened | undefined> {
  const bytes = await files.get('info')
  if (!bytes) return undefined
  const document = jsonOf(bytes, `${files.url}/info`)
  const { '@type': type, redirect } = document
  const fail = (why: string): HillockError => configError(`${files.url}/info: ${why}`)
  if (typeof redirect === 'string') throw fail(`the volume has moved; name ${redirect} instead`)
  if (typeof type === 'string' && type !== 'neuroglancer_multiscale_volume') throw fail(`${type} is no volume`)
  const parsed = PrecomputedInfo.safeParse(document)
  if (!parsed.success) throw fail(z.prettifyError(parsed.error))
  const info = parsed.data
  const dataType = typeNamed(info.data_type, files.url)
  const channels = info.num_channels
  const packed = packedFiles(files)
  const mips = info.scales.map((s): ForeignMip & Chunks => {
    const chunks = stored(files, packed, s)
    const known = s.encoding === 'raw' || ENCODED[s.encoding]?.includes(dataType)
    return {
      name: s.key,
      bounds: boxAt(s.voxel_offset, s.size),
      voxelSizeNm: s.resolution.every(r => r > 0) ? s.resolution : null,
      chunk: s.chunk_sizes[0]!,
      dataType,
      ...(!known && { unread: `chunks in ${s.encoding} of ${dataType} are not read` }),
      file: (at, box) => chunks.file(at, box),
      async values(at, part): Promise<VolumeArray | Decode | undefined> {
        const coded = await chunks.bytes(at, part)
        if (!coded) return undefined
        const encoding = s.encoding as Encoding
        const length = encoding === 'raw' ? voxels(part) * channels * bytesPerVoxel(dataType) : undefined
        const bytes = plain(coded, length)
        if (encoding === 'jpeg' || encoding === 'png')
          return decodeImage(bytes, shapeOf(part), channels, dataType, encoding)
        return (out, box) => decodeOverlap(bytes, part, encoding, out, box, channels)
      },
    }
  })
  const first = info.scales[0]!
  return {
    format: `precomputed ${info.type}, ${first.encoding}, ${first.sharding ? 'sharded' : 'not sharded'}`,
    channels,
    mips,
    ...readerOf({ ...packed, url: files.url }, channels, mips),
  }
}

/** A copy of a bucket keeps the compression that the bucket would have undone. */
const plain = (bytes: Uint8Array<ArrayBuffer>, length?: number): Uint8Array<ArrayBuffer> =>
  isGzip(bytes) && bytes.length !== length ? gunzip(bytes) : bytes
