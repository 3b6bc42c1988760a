// Where the levels of an N5 volume lie and how large their voxels are, as its many writers say it.
//
// n5-utils and n5-viewer: s0, s1, ... with downsamplingFactors, the group with resolution, pixelResolution or scales. Paintera: the
// same below data/. BigDataViewer: below setup0/timepoint0/. COSEM: a transform at every level. WEBKNOSSOS: 1, 2-2-1, 4-4-2, ...
import { z } from 'zod'
import { configError } from '../../domain/errors.ts'
import { map3, type Vec3 } from '../../domain/geometry.ts'
import type { Files } from './files.ts'
import { inNanometres, jsonOf, nanometres } from './types.ts'

const numbers = z.array(z.number())
const strings = z.array(z.string())
/** One number where it is the same along every axis; a list by level in a group. */
const Factors = z.union([z.number().transform(f => [f, f, f]), numbers, z.array(numbers)])
const PixelResolution = z.union([
  numbers.transform(dimensions => ({ dimensions, unit: undefined })),
  z.object({ dimensions: numbers, unit: z.string().nullish() }),
])
const Transform = z.object({ axes: strings, scale: numbers, units: strings })
const Attributes = z.object({
  dimensions: numbers.optional(),
  blockSize: numbers.optional(),
  dataType: z.string().optional(),
  compression: z.object({ type: z.string() }).optional(),
  compressionType: z.string().optional(),
  isLabelMultiset: z.boolean().optional(),
  axes: strings.optional(),
  resolution: numbers.optional(),
  pixelResolution: PixelResolution.optional(),
  units: z.union([z.string(), strings]).optional(),
  unit: z.string().optional(),
  transform: Transform.optional().catch(undefined),
  downsamplingFactors: Factors.optional(),
  scales: z.array(numbers).optional(),
})
export type Attributes = z.infer<typeof Attributes>

export interface N5Level {
  /** Empty, or one that ends with a slash. */
  readonly path: string
  readonly attributes: Attributes
  /** Null where it is not said in units of length. */
  readonly voxelSizeNm: Vec3 | null
}

async function attributesAt(files: Files, path: string): Promise<Attributes | undefined> {
  const file = `${path}attributes.json`
  const bytes = await files.get(file)
  if (!bytes) return undefined
  const parsed = Attributes.safeParse(jsonOf(bytes, `${files.url}/${file}`))
  if (!parsed.success) throw configError(`${files.url}/${file}: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

/** Groups below which levels lie, for an address that ends above them. */
const GROUPS = ['', 'data/', 'timepoint0/', 'setup0/timepoint0/']

/** No levels where there is no volume. @throws HillockError ConfigError */
export async function n5Levels(files: Files): Promise<N5Level[]> {
  const root = await attributesAt(files, '')
  if (root?.dimensions) return [{ path: '', attributes: root, voxelSizeNm: sizeOf(root, [], 0) }]
  for (const group of GROUPS) {
    const found = await levelsIn(files, group)
    if (found.length === 0) continue
    if (group.startsWith('setup0') && (await attributesAt(files, 'setup1/timepoint0/s0/')))
      throw configError(
        `${files.url}: it holds several setups; name ${files.url}/setup0/timepoint0, or that of another`,
      )
    // The nearest group says it before those around it.
    const parts = group.split('/').slice(0, -1)
    const around = await Promise.all(
      parts.map((_, i) => attributesAt(files, `${parts.slice(0, parts.length - i).join('/')}/`)),
    )
    // What BigDataViewer writes of an image without a calibration.
    const uncalibrated = (g: Attributes): boolean =>
      group.includes('timepoint') && !(g.units ?? g.unit) && Boolean(g.resolution?.every(r => r === 1))
    const above = [...around, root]
      .filter(a => a !== undefined)
      .map(a => (uncalibrated(a) ? { ...a, resolution: undefined } : a))
    return found.map((l, i) => ({ ...l, voxelSizeNm: sizeOf(l.attributes, above, i) ?? sizeOfMag(l.path, above) }))
  }
  return []
}

type Found = Pick<N5Level, 'path' | 'attributes'>

async function levelsIn(files: Files, group: string): Promise<Found[]> {
  const at = async (name: string): Promise<Found | undefined> => {
    const attributes = await attributesAt(files, `${group}${name}/`)
    return attributes?.dimensions && { path: `${group}${name}/`, attributes }
  }
  const first = (await at('s0')) ?? (await at('1'))
  const found: Found[] = []
  for (let level = first; level;) {
    found.push(level)
    level = first!.path.endsWith('s0/') ? await at(`s${found.length}`) : await mag(at, 2 ** found.length)
  }
  return found
}

/** WEBKNOSSOS names a level by its factors: `4` where they are equal, else `4-4-2`. */
async function mag(at: (name: string) => Promise<Found | undefined>, xy: number): Promise<Found | undefined> {
  for (let z = xy; z >= 1; z /= 2) {
    const found = (z === xy ? await at(`${xy}`) : undefined) ?? (await at(`${xy}-${xy}-${z}`))
    if (found) return found
  }
  return undefined
}

function sizeOfMag(path: string, above: readonly Attributes[]): Vec3 | null {
  const m = /(\d+)(?:-(\d+)-(\d+))?\/$/.exec(path)
  const base = m && !/s\d+\/$/.test(path) ? baseSize(above) : null
  return base && map3(a => base[a] * Number(m![a + 1] ?? m![1]))
}

const baseSize = (all: readonly Attributes[]): Vec3 | null => {
  const a = all.find(g => g.pixelResolution ?? g.resolution)
  return a ? lengths(a) : null
}

/** Voxel size as attributes say it; null where the unit is none of length. `resolution` without a unit is in nanometres by custom. */
function lengths(a: Attributes): Vec3 | null {
  const pixel = a.pixelResolution
  const size = pixel?.dimensions ?? a.resolution
  if (size?.length !== 3 || size.some(s => !(s > 0))) return null
  const said = pixel ? (pixel.unit ?? a.units ?? a.unit) : (a.units ?? a.unit ?? 'nm')
  const units = map3(i => nanometres(Array.isArray(said) ? said[i] : said) ?? 0)
  return units.includes(0) ? null : map3(i => inNanometres(size[i]!, units[i]))
}

function sizeOf(own: Attributes, above: readonly Attributes[], level: number): Vec3 | null {
  const { transform } = own
  if (transform) {
    const axis = ['x', 'y', 'z'].map(n => transform.axes.findIndex(a => a.toLowerCase() === n))
    const units = axis.map(i => nanometres(transform.units[i]) ?? 0)
    return axis.includes(-1) || units.includes(0)
      ? null
      : map3(a => inNanometres(transform.scale[axis[a]!]!, units[a]!))
  }
  const ofLevel = lengths(own)
  const base = ofLevel ?? baseSize(above)
  const f = own.downsamplingFactors
  const factor = triple(isList(f) ? f[level] : f) ?? (ofLevel ? [1, 1, 1] : factorsAbove(above, level))
  return base && factor && map3(a => base[a] * factor[a]!)
}

const triple = (f: readonly number[] | undefined): readonly number[] | null => (f?.length === 3 ? f : null)
const isList = (f: Attributes['downsamplingFactors']): f is number[][] => Array.isArray(f?.[0])

/** What groups say of the factors of their levels; the first level needs no word. */
function factorsAbove(above: readonly Attributes[], level: number): readonly number[] | null {
  for (const { scales, downsamplingFactors: f } of above) {
    const factor = triple(scales?.[level]) ?? (isList(f) ? triple(f[level]) : null)
    if (factor) return factor
  }
  return level === 0 ? [1, 1, 1] : null
}
