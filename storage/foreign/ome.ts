// What OME-Zarr says of an image: its axes, levels and transforms, at every level; and containers that hold several images.
//
// Source: ngff 0.1 to 0.5. The transforms of a dataset come first, those of the multiscale after them.
import { configError, type HillockError } from '../../domain/errors.ts'
import type { Files } from './files.ts'
import { inNanometres, jsonOf, nanometres } from './types.ts'

interface Axis {
  readonly name: string
  readonly type?: string
  readonly unit?: string
}
interface Transform {
  readonly type: string
  readonly scale?: readonly number[]
  readonly translation?: readonly number[]
  /** Of a sequence. */
  readonly transformations?: readonly Transform[]
}
interface Dataset {
  readonly path: string
  readonly coordinateTransformations?: readonly Transform[]
}
interface Multiscale {
  readonly axes?: readonly (Axis | string)[]
  /** From version 0.6 on, in place of axes. */
  readonly coordinateSystems?: readonly { readonly axes: readonly Axis[] }[]
  readonly datasets: readonly Dataset[]
  readonly coordinateTransformations?: readonly Transform[]
  readonly version?: string
}
interface Image extends Multiscale {
  /** Path of its group: empty, or one that ends with a slash. */
  readonly at: string
  readonly version: string
}

/** Of one level; lists go by the axes of the array. */
export interface Placed {
  /** In lower case. */
  readonly axes: readonly string[]
  /** Nanometres per voxel; null where they are not said in units of length. */
  readonly nm: readonly number[] | null
  /** Where the first voxel lies, in whole voxels of the level. */
  readonly shift: readonly number[] | null
}

interface Attributes {
  readonly multiscales?: readonly Multiscale[]
  readonly version?: string
  readonly 'bioformats2raw.layout'?: number
  readonly series?: readonly string[]
  readonly plate?: { readonly wells?: readonly { readonly path: string }[] }
  readonly labels?: readonly string[]
}
/** Version 0.5 keeps them below `ome`. */
const omeOf = (attributes: unknown): Attributes => {
  const a = (attributes ?? {}) as Attributes & { ome?: Attributes }
  return a.ome ?? a
}

/** Attributes of a group of v2 or v3; undefined where there is none. */
async function attributesAt(files: Files, path: string): Promise<Attributes | undefined> {
  const v3 = await files.get(`${path}zarr.json`)
  if (v3) return omeOf(jsonOf(v3, `${files.url}/${path}zarr.json`)['attributes'])
  const v2 = await files.get(`${path}.zattrs`)
  return v2 && omeOf(jsonOf(v2, `${files.url}/${path}.zattrs`))
}

/**
 * The one image of a group, or of the one series of a container as bioformats2raw writes it.
 * @throws HillockError ConfigError where there is none or are several, with their addresses
 */
export async function imageIn(files: Files, attributes: unknown, at = ''): Promise<Image> {
  const ome = omeOf(attributes)
  const image = ome.multiscales?.[0]
  if (image) return { ...image, at, version: ome.version ?? image.version ?? '0.4' }
  const fail = (why: string, paths: readonly string[] = []): HillockError =>
    configError(`${files.url}: ${why}${paths.map((p, i) => `${i ? ', ' : ': name '}${files.url}/${p}`).join('')}`)
  if (ome['bioformats2raw.layout'] !== undefined) {
    const series = (await attributesAt(files, 'OME/'))?.series ?? (await counted(files))
    const only = series.length === 1 ? await attributesAt(files, `${series[0]}/`) : undefined
    if (only) return imageIn(files, only, `${series[0]}/`)
    throw fail('a container of several images', series)
  }
  if (ome.plate)
    throw fail(
      'a plate of wells, each with images of its own',
      ome.plate.wells?.map(w => `${w.path}/0`),
    )
  if (ome.labels) throw fail('a group of label images', ome.labels)
  const arrays = (await files.below?.(['.zarray', 'zarr.json'])) ?? []
  throw fail(
    `a Zarr group without an OME image${arrays.length ? '' : '; name the path of an array in it'}`,
    arrays.slice(0, 4),
  )
}

/** Series of a container that does not list them: 0, 1, 2, ... as far as there are groups. */
async function counted(files: Files): Promise<string[]> {
  const series: string[] = []
  while (series.length < 100 && (await attributesAt(files, `${series.length}/`))) series.push(`${series.length}`)
  return series.length ? series : ['0']
}

/** Where a level of an image lies. @throws HillockError ConfigError for transforms other than scale and translation. */
export function levelOf(image: Image, dataset: Dataset, rank: number, url: string): Placed {
  const axes = (image.axes ?? image.coordinateSystems?.[0]?.axes ?? ['t', 'c', 'z', 'y', 'x'].slice(-rank)).map(a =>
    typeof a === 'string' ? { name: a } : a,
  )
  const scale = axes.map(() => 1)
  const translation = axes.map(() => 0)
  const said = [...(dataset.coordinateTransformations ?? []), ...(image.coordinateTransformations ?? [])]
  const transforms = said.flatMap(t => (t.type === 'sequence' ? (t.transformations ?? []) : [t]))
  for (const t of transforms) {
    const values = t.scale ?? t.translation
    if (t.type === 'identity') continue
    if (!['scale', 'translation'].includes(t.type) || values?.length !== axes.length)
      throw configError(`${url}: a transform of type ${t.type} is not read (${JSON.stringify(t)})`)
    for (const [i, v] of values.entries()) {
      if (t.type === 'scale') scale[i]! *= v
      translation[i] = t.type === 'scale' ? translation[i]! * v : translation[i]! + v
    }
  }
  const units = axes.map(a => nanometres((a as Axis).unit))
  const named = axes.map(a => ((a as Axis).type === 'channel' ? 'c' : a.name.toLowerCase()))
  const known = transforms.some(t => t.type === 'scale') && named.every((n, i) => !'xyz'.includes(n) || units[i])
  return {
    axes: named,
    nm: known ? scale.map((s, i) => inNanometres(s, units[i] ?? 1)) : null,
    // A level that was made from a finer one lies less than half a voxel off, which is no shift.
    shift: translation.map((t, i) => Math.ceil(t / scale[i]! - 0.5 - 1e-6) || 0),
  }
}

/**
 * Names of the axes of a bare array in lower case; without names, or with names that number them, they are [[t,] c,] z, y, x.
 * @throws HillockError ConfigError for names that are others
 */
export function axesOfArray(names: readonly (string | null)[] | undefined, rank: number, url: string): string[] {
  const named = names?.map(n => (n ?? '').toLowerCase())
  if (!named || named.every(n => /^((dim|axis|phony_dim)_?)?\d*$/.test(n)))
    return ['t', 'c', 'z', 'y', 'x'].slice(-rank)
  if (['x', 'y', 'z'].every(n => named.includes(n))) return named
  throw configError(`${url}: volumes have axes x, y, z; this one has ${named.join(', ')}`)
}
