// Reads Zarr v2 and v3 volumes through zarrita: bare arrays, and OME-Zarr multiscale images of any version to 0.5.
import { crc32c } from '@node-rs/crc32'
import * as zarrita from 'zarrita'
import { configError, type HillockError } from '../../domain/errors.ts'
import { boxAt, map3, shapeOf, voxels, type Vec3 } from '../../domain/geometry.ts'
import { newVolume, type VolumeArray } from '../formats/chunk.ts'
import { discard, gunzip, unzstd } from '../formats/unpack.ts'
import { copyOverlap } from '../formats/volume.ts'
import { readerOf, type Chunks, type Decode } from './chunks.ts'
import type { Files } from './files.ts'
import { axesOfArray, imageIn, levelOf, type Placed } from './ome.ts'
import { jsonOf, typeNamed, type ForeignMip } from './types.ts'
import type { Opened } from './volume.ts'

type Arr = zarrita.Array<zarrita.DataType>

/** Node's own instead of those in WebAssembly and streams. */
const unpacker = (decode: (bytes: Uint8Array) => Uint8Array, computeEncodedSize?: (size: number) => number): never =>
  ({ fromConfig: () => ({ kind: 'bytes_to_bytes', decode, computeEncodedSize }) }) as never

/** The sum of a chunk or of the index of a shard, which zarrita passes over. */
function summed(bytes: Uint8Array): Uint8Array {
  const body = bytes.subarray(0, -4)
  if (bytes.length < 4 || crc32c(body) !== Buffer.from(bytes.subarray(-4)).readUInt32LE())
    throw new RangeError('its checksum is wrong')
  return body
}
zarrita.registry.set('crc32c', () => unpacker(summed, size => size + 4))
for (const prefix of ['', 'numcodecs.']) {
  zarrita.registry.set(`${prefix}zstd`, () => unpacker(unzstd))
  zarrita.registry.set(`${prefix}gzip`, () => unpacker(gunzip))
}

/** Goes with a request for a chunk through zarrita to the store, which says whether there was a file. */
interface Asked {
  absent: boolean
}

/** zarrita looks for the index of a shard at its end, whatever `index_location` says. */
function storeOf(files: Files): zarrita.AsyncReadable {
  const indexFirst: string[] = []
  return {
    async get(key, options) {
      const bytes = await files.get(key.slice(1))
      if (!bytes && options && 'absent' in options) options.absent = true
      if (!bytes || !key.endsWith('/zarr.json')) return bytes
      const { codecs = [] } = jsonOf(bytes, `${files.url}${key}`) as { codecs?: Codec[] }
      if (codecs.some(c => c.configuration?.index_location === 'start'))
        indexFirst.push(key.slice(0, -'zarr.json'.length))
      return bytes
    },
    getRange(key, range) {
      const path = key.slice(1)
      if (!('suffixLength' in range)) return files.range(path, range.offset, range.length)
      const atStart = indexFirst.some(array => key.startsWith(array))
      return files.range(path, atStart ? 0 : -range.suffixLength, range.suffixLength)
    },
  }
}

interface Codec {
  readonly name: string
  readonly configuration?: { readonly index_location?: string; readonly codecs?: readonly Codec[] }
}
/** What the metadata of an array say of its chunks, of v2 and of v3. */
interface Metadata {
  readonly fill_value?: unknown
  readonly chunks?: readonly number[]
  readonly dimension_separator?: string
  readonly compressor?: { readonly id: string } | null
  readonly filters?: readonly { readonly id: string }[] | null
  readonly chunk_grid?: { readonly name: string; readonly configuration: { readonly chunk_shape: readonly number[] } }
  readonly chunk_key_encoding?: { readonly name: string; readonly configuration?: { readonly separator?: string } }
  readonly codecs?: readonly Codec[]
  readonly storage_transformers?: readonly unknown[]
}

/** Why zarrita would not read an array, or would not read it right. */
function unread(m: Metadata): string | undefined {
  const names = (codecs: readonly Codec[]): string[] => codecs.map(c => c.name)
  const v2 = [...(m.filters ?? []), ...(m.compressor ? [m.compressor] : [])]
  // zarrita spells out some filters of v2 as codecs of v3.
  const used = v2.map(c => (c.id.endsWith('fixedscaleoffset') ? 'bytes' : `numcodecs.${c.id}`))
  const outer = names(m.codecs ?? [])
  const shards = m.codecs?.find(c => c.name === 'sharding_indexed')
  if (shards && outer.length > 1) return `codecs beside the sharding (${outer.join(', ')}) are not read`
  const inner = shards ? names(shards.configuration?.codecs ?? []) : outer
  const unknown = [...used, ...inner].filter(n => !zarrita.registry.has(n))
  if (unknown.length) return `chunks in ${unknown.map(n => n.replace('numcodecs.', '')).join(', ')} are not read`
  if (m.chunk_grid && m.chunk_grid.name !== 'regular') return `a chunk grid that is ${m.chunk_grid.name} is not read`
  if (m.storage_transformers?.length) return 'storage transformers are not read'
  return undefined
}

/** The file of a chunk: of a shard, where chunks lie in shards. */
function fileOf(m: Metadata, prefix: string, at: readonly number[], inner: readonly number[]): string {
  const outer = m.chunks ?? m.chunk_grid!.configuration.chunk_shape
  const cell = at.map((v, i) => Math.floor((v * inner[i]!) / outer[i]!))
  if (m.chunks) return prefix + cell.join(m.dimension_separator ?? '.')
  const v3 = m.chunk_key_encoding?.name !== 'v2'
  const separator = m.chunk_key_encoding?.configuration?.separator ?? (v3 ? '/' : '.')
  return prefix + (v3 ? ['c', ...cell] : cell).join(separator)
}

type Node = Arr | zarrita.Group<zarrita.AsyncReadable>

/** Undefined where there is none. @throws HillockError ConfigError for metadata that are not read */
async function nodeAt(at: zarrita.Location<zarrita.AsyncReadable>, where: string): Promise<Node | undefined> {
  try {
    return await zarrita.open(at)
  } catch (e) {
    if (zarrita.isZarritaError(e, 'NotFoundError')) return undefined
    if (zarrita.isZarritaError(e)) throw configError(`${where}: ${e.message}`)
    throw e
  }
}

/** @throws HillockError ConfigError for what is not read. */
export async function openZarr(files: Files): Promise<Opened | undefined> {
  const root = zarrita.root(storeOf(files))
  const top = await nodeAt(root, files.url)
  if (!top) return undefined
  const fail = (why: string): HillockError => configError(`${files.url}: ${why}`)
  const of = async (array: Arr, placed: Placed): Promise<Level> => {
    const prefix = array.path === '/' ? '' : `${array.path.slice(1)}/`
    const bytes = (await files.get(`${prefix}zarr.json`)) ?? (await files.get(`${prefix}.zarray`))
    return { array, prefix, placed, metadata: jsonOf(bytes!, `${files.url}/${prefix}`) as Metadata }
  }
  if (top.kind === 'array') {
    const axes = axesOfArray(top.dimensionNames, top.shape.length, files.url)
    return volume(files, [await of(top, { axes, nm: null, shift: null })], '.', 'Zarr')
  }
  const image = await imageIn(files, top.attrs)
  const levels = await Promise.all(
    image.datasets.map(async d => {
      const array = await nodeAt(root.resolve(image.at + d.path), `${files.url}/${image.at}${d.path}`)
      if (array?.kind !== 'array') throw fail(`there is no array ${image.at}${d.path}, which its image names`)
      return of(array, levelOf(image, d, array.shape.length, files.url))
    }),
  )
  return volume(files, levels, image.at, `OME-Zarr ${image.version}`)
}

interface Level {
  readonly array: Arr
  /** Of its files. */
  readonly prefix: string
  readonly placed: Placed
  readonly metadata: Metadata
}

function volume(files: Files, levels: readonly Level[], at: string, format: string): Opened {
  const fail = (why: string): HillockError => configError(`${files.url}: ${why}`)
  const channelsOf = (l: Level): number => l.array.shape[l.placed.axes.indexOf('c')] ?? 1
  const channels = channelsOf(levels[0]!)
  const mips = levels.map((l): ForeignMip & Chunks => {
    const { array, prefix, placed, metadata } = l
    const { axes, nm, shift } = placed
    const xyz = ['x', 'y', 'z'].map(n => axes.indexOf(n))
    if (xyz.includes(-1) || axes.length !== array.shape.length)
      throw fail(`volumes have axes x, y, z; this one has ${axes.join(', ') || 'none that are named'}`)
    const c = axes.indexOf('c')
    const rest = axes.filter((_, i) => !xyz.includes(i) && i !== c && array.shape[i] !== 1)
    if (rest.length > 0) throw fail(`axis ${rest.join(', ')} is neither x, y, z nor c`)
    const pick = (v: readonly number[]): Vec3 => map3(a => v[xyz[a]!]!)
    const chunk = pick(array.chunks)
    const dataType = typeNamed(array.dtype, files.url)
    const why = channelsOf(l) === channels ? unread(metadata) : 'it has another number of channels than mip 0'
    const coordinate = (cell: Vec3, channel: number): number[] =>
      axes.map((_, i) => (xyz.includes(i) ? cell[xyz.indexOf(i)]! : i === c ? channel : 0))
    const perChunk = c < 0 ? 1 : array.chunks[c]!
    return {
      name: prefix.slice(at.length).replace(/\/$/, '') || '.',
      bounds: boxAt(shift ? pick(shift) : [0, 0, 0], pick(array.shape)),
      voxelSizeNm: nm && pick(nm),
      chunk,
      dataType,
      ...(why !== undefined && { unread: why }),
      file: cell => fileOf(metadata, prefix, coordinate(cell, 0), array.chunks),
      async values(cell, part): Promise<VolumeArray | Decode | undefined> {
        const n = voxels(part)
        let out: VolumeArray | undefined
        for (let first = 0; first < channels; first += perChunk) {
          const at = coordinate(cell, first / perChunk)
          const asked: Asked = { absent: false }
          const got = await array.getChunk(at, asked as never)
          // Of an array without a fill value nothing is said of what is not there.
          if (asked.absent && (metadata.fill_value ?? null) === null) return undefined
          const data = got.data as VolumeArray
          // zarrita takes what there is of a chunk that was cut.
          if (data.length !== got.shape.reduce((a, b) => a * b, 1))
            throw new RangeError(`it holds ${data.length} voxels of ${got.shape.join(' x ')}`)
          const stride = map3(a => got.stride[xyz[a]!]!)
          const [cx, cy, cz] = chunk
          if (c < 0 && data.length === cx * cy * cz && stride[0] === 1 && stride[1] === cx && stride[2] === cx * cy)
            return (out, box) => {
              copyOverlap(data, boxAt(part.min, chunk), out, box, 1, part)
              discard(data)
            }
          out ??= newVolume(dataType, n * channels)
          for (let k = 0; k < perChunk && first + k < channels; k++)
            unfold(data, k * (c < 0 ? 0 : got.stride[c]!), stride, shapeOf(part), out, (first + k) * n)
        }
        return out
      },
    }
  })
  return { format, channels, mips, ...readerOf(files, channels, mips) }
}

/** Values with the given strides brought into Hillock's order, x fastest. */
function unfold(
  data: VolumeArray,
  from: number,
  [dx, dy, dz]: Vec3,
  [sx, sy, sz]: Vec3,
  out: VolumeArray,
  to: number,
): void {
  for (let z = 0; z < sz; z++)
    for (let y = 0; y < sy; y++) {
      const row = from + z * dz + y * dy
      const target = to + sx * (y + sy * z)
      if (dx === 1) out.set(data.subarray(row, row + sx) as never, target)
      else for (let x = 0; x < sx; x++) out[target + x] = data[row + x * dx]!
    }
}
