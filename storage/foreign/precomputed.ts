// Reads Neuroglancer precomputed volumes: sharded or plain, raw, jpeg, png, compressed_segmentation.
import { z } from 'zod'
import { HillockError } from '../../domain/errors.ts'
import {
  boxAt,
  boxName,
  cellBox,
  cellsIn,
  intersect,
  map3,
  shapeOf,
  subtract,
  translate,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import { mapBounded } from '../bounded.ts'
import { newVolume, type VolumeArray } from '../formats/chunk.ts'
import { decodePrecomputed, type Encoding } from '../formats/precomputed/encoding.ts'
import { PrecomputedInfo, type Scale } from '../formats/precomputed/info.ts'
import { mortonAxes, mortonCode } from '../formats/precomputed/morton.ts'
import { shardReader } from '../formats/precomputed/sharding.ts'
import { copyOverlap } from '../formats/volume.ts'
import type { Files } from './files.ts'
import { dataTypeNamed, jsonOf, type ForeignVolume } from './types.ts'

const IN_FLIGHT = 16
const ENCODINGS: readonly string[] = ['raw', 'jpeg', 'png', 'compressed_segmentation'] satisfies Encoding[]

interface OpenScale {
  readonly bounds: Box
  readonly chunk: Vec3
  /** Bytes of a chunk, by its coordinate and its box. */
  readonly fetch: (at: Vec3, box: Box) => Promise<Uint8Array<ArrayBuffer> | undefined>
}

function openScale(files: Files, s: Scale): OpenScale {
  const bounds = boxAt(s.voxel_offset, s.size)
  const chunk = s.chunk_sizes[0]!
  if (!s.sharding) return { bounds, chunk, fetch: (_, box) => files.get(`${s.key}/${boxName(box)}`) }
  const axes = mortonAxes(map3(a => Math.ceil(s.size[a] / chunk[a])))
  const reader = shardReader(s.sharding, (file, offset, length) => files.range(`${s.key}/${file}`, offset, length))
  return { bounds, chunk, fetch: at => reader.get(mortonCode(axes, at)) }
}

/** @throws HillockError ConfigError for an encoding or data type that is not read. */
export async function openPrecomputed(files: Files): Promise<ForeignVolume | undefined> {
  const bytes = await files.get('info')
  if (!bytes) return undefined
  const parsed = PrecomputedInfo.safeParse(jsonOf(bytes, `${files.url}/info`))
  if (!parsed.success) throw new HillockError('ConfigError', `${files.url}/info: ${z.prettifyError(parsed.error)}`)
  const info = parsed.data
  const dataType = dataTypeNamed(info.data_type, files.url)
  const channels = info.num_channels
  const odd = info.scales.find(s => !ENCODINGS.includes(s.encoding))
  if (odd) throw new HillockError('ConfigError', `${files.url}: chunks in ${odd.encoding} are not read`)
  const scales = info.scales.map(s => openScale(files, s))
  return {
    format: `precomputed ${info.type}, ${info.scales[0]!.encoding}, ${info.scales[0]!.sharding ? 'sharded' : 'not sharded'}`,
    dataType,
    channels,
    mips: info.scales.map((s, i) => ({
      name: s.key,
      bounds: scales[i]!.bounds,
      voxelSizeNm: s.resolution,
      chunk: scales[i]!.chunk,
    })),
    async read(mip, box): Promise<VolumeArray> {
      const { bounds, chunk } = scales[mip]!
      const encoding = info.scales[mip]!.encoding as Encoding
      const out = newVolume(dataType, voxels(box) * channels)
      // Chunks count from the lower corner of the volume.
      const local = translate(bounds, subtract([0, 0, 0], bounds.min))
      const wanted = intersect(translate(box, subtract([0, 0, 0], bounds.min)), local)
      await mapBounded(cellsIn(wanted, chunk), IN_FLIGHT, async at => {
        const part = translate(cellBox(at, chunk, local), bounds.min)
        const coded = await scales[mip]!.fetch(at, part)
        if (!coded) return
        const values = await decodePrecomputed(coded, shapeOf(part), channels, dataType, encoding)
        copyOverlap(values, part, out, box, channels)
      })
      return out
    },
  }
}
