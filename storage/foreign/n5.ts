// Reads N5 volumes: arrays, and multiscale groups s0, s1, ...; blocks raw or gzip, ragged at the edges.
//
// Source: saalfeldlab/n5 README. The first axis is fastest; a block holds its own shape; all numbers are big-endian.
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { HillockError } from '../../domain/errors.ts'
import { boxAt, cellsIn, intersect, map3, multiply, product, Shape, voxels, type Vec3 } from '../../domain/geometry.ts'
import { mapBounded } from '../bounded.ts'
import { decodeChunk, newVolume, type DataType, type VolumeArray } from '../formats/chunk.ts'
import { copyOverlap } from '../formats/volume.ts'
import type { Files } from './files.ts'
import { dataTypeNamed, jsonOf, NM, type ForeignVolume } from './types.ts'

const IN_FLIGHT = 16
const numbers = z.array(z.number())
const Attributes = z.object({
  dimensions: numbers.optional(),
  blockSize: numbers.optional(),
  dataType: z.string().optional(),
  compression: z.object({ type: z.string() }).optional(),
  compressionType: z.string().optional(),
  resolution: numbers.optional(),
  pixelResolution: z.object({ dimensions: numbers, unit: z.string().optional() }).optional(),
  units: z.array(z.string()).optional(),
  downsamplingFactors: numbers.optional(),
  scales: z.array(numbers).optional(),
})
type Attributes = z.infer<typeof Attributes>

async function attributes(files: Files, path: string): Promise<Attributes | undefined> {
  const bytes = await files.get(`${path}attributes.json`)
  if (!bytes) return undefined
  const parsed = Attributes.safeParse(jsonOf(bytes, `${files.url}/${path}attributes.json`))
  if (!parsed.success)
    throw new HillockError('ConfigError', `${files.url}/${path}attributes.json: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/** Nanometres per voxel of the full resolution. */
function voxelSize(a: Attributes): Vec3 | null {
  const size = a.pixelResolution?.dimensions ?? a.resolution
  if (size?.length !== 3) return null
  const units = a.pixelResolution ? Array.from({ length: 3 }, () => a.pixelResolution!.unit ?? 'nm') : (a.units ?? [])
  return map3(i => size[i]! * (NM[units[i] ?? 'nm'] ?? 1))
}

interface N5Array {
  readonly path: string
  readonly shape: Vec3
  readonly block: Vec3
  readonly dataType: DataType
  readonly gzip: boolean
}

function arrayOf(files: Files, path: string, a: Attributes): N5Array {
  const where = `${files.url}/${path}`
  const [shape, block] = [Shape.safeParse(a.dimensions), Shape.safeParse(a.blockSize)]
  if (!shape.success || !block.success)
    throw new HillockError(
      'ConfigError',
      `${where}: N5 arrays of three axes are read, this one has ${a.dimensions?.length}`,
    )
  const coding = a.compression?.type ?? a.compressionType ?? 'raw'
  if (coding !== 'raw' && coding !== 'gzip')
    throw new HillockError('ConfigError', `${where}: N5 blocks in ${coding} are not read`)
  const dataType = dataTypeNamed(a.dataType ?? '', where)
  return { path, shape: shape.data, block: block.data, dataType, gzip: coding === 'gzip' }
}

/** @throws HillockError ConfigError for what is not read. */
export async function openN5(files: Files): Promise<ForeignVolume | undefined> {
  const root = await attributes(files, '')
  if (!root) return undefined
  const arrays: { array: N5Array; factor: readonly number[] }[] = []
  if (root.dimensions) arrays.push({ array: arrayOf(files, '', root), factor: [1, 1, 1] })
  for (let i = 0; !root.dimensions; i++) {
    const own = await attributes(files, `s${i}/`)
    if (!own?.dimensions) break
    const factor = own.downsamplingFactors ?? root.scales?.[i] ?? [2 ** i, 2 ** i, 2 ** i]
    arrays.push({ array: arrayOf(files, `s${i}/`, own), factor })
  }
  if (arrays.length === 0) return undefined
  const nm = voxelSize(root)
  const { dataType } = arrays[0]!.array
  return {
    format: 'N5',
    dataType,
    channels: 1,
    mips: arrays.map(({ array, factor }) => ({
      name: array.path || '.',
      bounds: boxAt([0, 0, 0], array.shape),
      voxelSizeNm: nm && map3(a => nm[a] * (factor[a] ?? 1)),
      chunk: array.block,
    })),
    async read(mip, box): Promise<VolumeArray> {
      const { array } = arrays[mip]!
      const out = newVolume(dataType, voxels(box))
      const wanted = intersect(box, boxAt([0, 0, 0], array.shape))
      await mapBounded(cellsIn(wanted, array.block), IN_FLIGHT, async at => {
        const bytes = await files.get(`${array.path}${at.join('/')}`)
        if (!bytes) return
        const { shape, data } = decodeBlock(bytes, array)
        copyOverlap(data, boxAt(multiply(at, array.block), shape), out, box, 1)
      })
      return out
    },
  }
}

const WIDTH: Readonly<Record<DataType, number>> = { uint8: 1, uint16: 2, uint32: 4, uint64: 8, float32: 4 }

/** @throws RangeError for a block that is damaged. */
function decodeBlock(bytes: Uint8Array<ArrayBuffer>, { dataType, gzip }: N5Array): { shape: Vec3; data: VolumeArray } {
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 16 || head.getUint16(0) !== 0 || head.getUint16(2) !== 3)
    throw new RangeError('an N5 block has an odd header')
  const shape = map3(a => head.getUint32(4 + 4 * a))
  const body = new Uint8Array(gzip ? gunzipSync(bytes.subarray(16)) : bytes.subarray(16))
  const swapped = Buffer.from(body.buffer, 0, product(shape) * WIDTH[dataType])
  if (WIDTH[dataType] === 2) swapped.swap16()
  else if (WIDTH[dataType] === 4) swapped.swap32()
  else if (WIDTH[dataType] === 8) swapped.swap64()
  return { shape, data: decodeChunk(body.subarray(0, swapped.length), shape, 1, dataType, 'raw') }
}
