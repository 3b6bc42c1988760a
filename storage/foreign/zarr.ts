// Reads Zarr v2 and v3 volumes through zarrita: bare arrays, and OME-Zarr 0.4 and 0.5 multiscale images.
import * as zarrita from 'zarrita'
import { HillockError } from '../../domain/errors.ts'
import { boxAt, intersect, isEmpty, map3, shapeOf, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { newVolume, type VolumeArray } from '../formats/chunk.ts'
import { copyOverlap } from '../formats/volume.ts'
import type { Files } from './files.ts'
import { dataTypeNamed, jsonOf, NM, type ForeignVolume } from './types.ts'

interface Axis {
  readonly name: string
  readonly type?: string
  readonly unit?: string
}
interface Multiscale {
  readonly axes: readonly (Axis | string)[]
  readonly datasets: readonly { readonly path: string; readonly coordinateTransformations?: readonly Transform[] }[]
  readonly version?: string
}
interface Transform {
  readonly type: string
  readonly scale?: readonly number[]
}
type Arr = zarrita.Array<zarrita.DataType>

/** zarrita looks for the index of a shard at its end, whatever `index_location` says. */
function storeOf(files: Files): zarrita.AsyncReadable {
  const indexFirst: string[] = []
  return {
    async get(key) {
      const bytes = await files.get(key.slice(1))
      if (!bytes || !key.endsWith('/zarr.json')) return bytes
      const { codecs = [] } = jsonOf(bytes, `${files.url}${key}`) as {
        codecs?: { configuration?: { index_location?: string } }[]
      }
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

const missing = (e: unknown): undefined => {
  if (zarrita.isZarritaError(e, 'NotFoundError')) return undefined
  throw e
}

/** @throws HillockError ConfigError for what is not read. */
export async function openZarr(files: Files): Promise<ForeignVolume | undefined> {
  const root = await zarrita.open(zarrita.root(storeOf(files))).catch(missing)
  if (!root) return undefined
  const fail = (why: string): HillockError => new HillockError('ConfigError', `${files.url}: ${why}`)
  if (root.kind === 'array')
    return volume(files, [{ name: '.', array: root as Arr, nm: null }], axesOf(root as Arr), 'Zarr')
  const attributes = root.attrs as {
    ome?: { multiscales?: Multiscale[]; version?: string }
    multiscales?: Multiscale[]
  }
  const image = attributes.ome?.multiscales?.[0] ?? attributes.multiscales?.[0]
  if (!image) throw fail('a Zarr group without an OME image; name the path of an array in it')
  const axes = image.axes.map((a): Axis => (typeof a === 'string' ? { name: a } : a))
  const mips = await Promise.all(
    image.datasets.map(async d => {
      const scale = d.coordinateTransformations?.find(t => t.type === 'scale')?.scale
      const nm = scale && axes.map((a, i) => scale[i]! * (NM[a.unit ?? ''] ?? 1))
      const array = (await zarrita.open(root.resolve(d.path), { kind: 'array' })) as Arr
      return { name: d.path, array, nm: nm ?? null }
    }),
  )
  const version = attributes.ome?.version ?? image.version ?? '0.4'
  return volume(
    files,
    mips,
    axes.map(a => a.name),
    `OME-Zarr ${version}`,
  )
}

/** Names of the axes of a bare array; without names they are [c,] z, y, x. */
function axesOf(array: Arr): string[] {
  const named = array.dimensionNames?.map(n => n ?? '')
  return named?.includes('x') ? named : ['c', 'z', 'y', 'x'].slice(4 - array.shape.length)
}

interface Level {
  readonly name: string
  readonly array: Arr
  /** Of every axis of the array. */
  readonly nm: readonly number[] | null
}

function volume(files: Files, levels: readonly Level[], axes: readonly string[], format: string): ForeignVolume {
  const fail = (why: string): HillockError => new HillockError('ConfigError', `${files.url}: ${why}`)
  const first = levels[0]!.array
  const xyz = ['x', 'y', 'z'].map(n => axes.indexOf(n))
  if (xyz.includes(-1) || axes.length !== first.shape.length)
    throw fail(`volumes have axes x, y, z; this one has ${axes.join(', ') || 'none that are named'}`)
  const c = axes.indexOf('c')
  const rest = axes.flatMap((a, i) => (xyz.includes(i) || i === c || first.shape[i] === 1 ? [] : [a]))
  if (rest.length > 0) throw fail(`axis ${rest.join(', ')} is neither x, y, z nor c`)
  const dataType = dataTypeNamed(String(first.dtype), files.url)
  const channels = c < 0 ? 1 : first.shape[c]!
  const pick = (v: readonly number[]): Vec3 => map3(a => v[xyz[a]!]!)
  const boundsOf = (l: Level): Box => boxAt([0, 0, 0], pick(l.array.shape))
  return {
    format,
    dataType,
    channels,
    mips: levels.map(l => ({
      name: l.name,
      bounds: boundsOf(l),
      voxelSizeNm: l.nm && pick(l.nm),
      chunk: pick(l.array.chunks),
    })),
    async read(mip, box): Promise<VolumeArray> {
      const level = levels[mip]!
      const out = newVolume(dataType, voxels(box) * channels)
      const part = intersect(box, boundsOf(level))
      if (isEmpty(part)) return out
      const axis = (i: number): number => xyz.indexOf(i)
      const selection = axes.map((_, i) =>
        axis(i) >= 0 ? zarrita.slice(part.min[axis(i)]!, part.max[axis(i)]!) : i === c ? null : 0,
      )
      const got = await zarrita.get(level.array, selection)
      const kept = axes.flatMap((_, i) => (selection[i] === 0 ? [] : [i]))
      const strides = (i: number): number => got.stride[kept.indexOf(i)]!
      const values = inOrder(
        got.data as VolumeArray,
        shapeOf(part),
        channels,
        map3(a => strides(xyz[a]!)),
        c < 0 ? 0 : strides(c),
      )
      copyOverlap(values, part, out, box, channels)
      return out
    },
  }
}

/** Values with the given strides brought into Hillock's order: x fastest, channel slowest. */
function inOrder(
  data: VolumeArray,
  [sx, sy, sz]: Vec3,
  channels: number,
  stride: Vec3,
  ofChannel: number,
): VolumeArray {
  const plain = stride[0] === 1 && stride[1] === sx && stride[2] === sx * sy
  if (plain && (channels === 1 || ofChannel === sx * sy * sz)) return data
  const out = data.slice() as VolumeArray
  let i = 0
  for (let c = 0; c < channels; c++)
    for (let z = 0; z < sz; z++)
      for (let y = 0; y < sy; y++)
        for (let x = 0; x < sx; x++)
          out[i++] = data[c * ofChannel + z * stride[2] + y * stride[1] + x * stride[0]] as never
  return out
}
