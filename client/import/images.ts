// `hillock import` of images: tiles with their layout, or a stack; a run file with what was found and what had to be assumed.
import { readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configError, isHillockError } from '../../domain/errors.ts'
import { shapeOf, type Box, type Vec3 } from '../../domain/geometry.ts'
import { atOrigin, places } from '../../domain/run-file/layout.ts'
import { formatOf, samplesOf, type Samples } from '../../storage/formats/image.ts'
import { isNpy, openNpySlices } from '../../storage/formats/npy-slices.ts'
import { tiffPages } from '../../storage/formats/tiff.ts'
import { sectionNodes, stackFault } from '../../storage/formats/tiff-stack.ts'
import { headerOf, readImages, readLayout, type FoundTiles } from '../../storage/layouts/read.ts'
import { inputs, isShared, withInput } from '../../storage/foreign/inputs.ts'
import { vectorOf } from '../numbers.ts'
import { greyValues } from './grey.ts'
import { fileFor, fitting, writeRunFile, type ImportOptions } from './write.ts'

type Where = { readonly layout: string } | { readonly stack: string }

/** Images that are decoded to see what their grey values are like. */
const SAMPLE = 8
/** What makes a folder a volume. */
const VOLUME = ['info', 'zarr.json', '.zarray', '.zgroup', '.zattrs', '.zmetadata', 'attributes.json']
const IMAGE = /\.(png|tiff?|jpe?g)$/i
/** Images and volumes in files that microscopes and others write and that are not read. */
const UNREAD = /\.(bmp|gif|webp|jp2|dm[34]|mrc|rec|st|h5|hdf5?|nrrd|nhdr|nii|czi|nd2|lif|vsi|mhd)(\.gz)?$/i
/** Behind a URL a name is all that there is to go by. */
const STACK = /\.(npy|npy\.gz|tiff?)$|^gs:.*[*?[{]/i
const TABLE = /\.(csv|tsv|json|xml|txt)$/i
/** Names of tiles of one section, not of sections. */
const GRID = /(col|c|x)[-_]?\d+[-_ .]*(row|r|y)[-_]?\d+|(row|r|y)[-_]?\d+[-_ .]*(col|c|x)[-_]?\d+/i

/** Tiles or a stack at a path; undefined where it is to be looked at as a volume. @throws HillockError ConfigError */
export async function imagesAt(address: string): Promise<Where | undefined> {
  const where = address.startsWith('file://') ? fileURLToPath(address) : address
  if (VOLUME.includes(basename(where))) return undefined
  if (isShared(where)) return TABLE.test(where) ? { layout: where } : STACK.test(where) ? { stack: where } : undefined
  const what = await stat(where).catch(() => undefined)
  if (!what) return /[*?[{]/.test(where) ? { stack: resolve(where) } : undefined
  if (what.isDirectory()) return inFolder(resolve(where))
  const head = await withInput(inputs(), where, 'ConfigError', read => read(0, 16))
  const format = formatOf(head)
  if (format && format !== 'tiff')
    throw configError(`${where} is one image; name its folder, a pattern of images, or the layout of the tiles`)
  return format || isNpy(head) ? { stack: resolve(where) } : { layout: resolve(where) }
}

async function inFolder(folder: string): Promise<Where | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((e: NodeJS.ErrnoException) => {
    throw configError(`${folder} may not be listed by this process (${e.code})`)
  })
  const names = entries.map(e => e.name).filter(n => !n.startsWith('.') || VOLUME.includes(n))
  if (names.some(n => VOLUME.includes(n))) return undefined
  const layouts: string[] = []
  for (const name of names.filter(n => TABLE.test(n)))
    try {
      await readLayout(join(folder, name))
      layouts.push(name)
    } catch (e) {
      if (!isHillockError(e, 'ConfigError')) throw e
      // Called a layout, it is meant as one.
      if (/^(layout|tileconfiguration)\b/i.test(name)) throw e
    }
  if (layouts.length > 1)
    throw configError(`${folder} has ${layouts.length} layouts: name one, ${layouts.join(' or ')}`)
  if (layouts.length === 1) return { layout: join(folder, layouts[0]!) }
  const images = names.filter(n => IMAGE.test(n))
  if (images.length === 0) {
    const below = entries.filter(e => e.isDirectory()).map(e => e.name)
    for (const name of below)
      if ((await readdir(join(folder, name)).catch(() => [])).some(n => IMAGE.test(n)))
        throw configError(
          `${folder} has images in folders of its own, such as ${name}: name that folder, a pattern (${folder}/*/*.png), or a layout of tiles`,
        )
    const other = names.find(n => UNREAD.test(n))
    if (other)
      throw configError(`${folder} holds ${other}, and files of that kind are not read: save it as PNG, TIFF or .npy`)
    return undefined
  }
  if (images.length > 1 && images.every(n => GRID.test(n)))
    throw configError(
      `${folder}: names such as ${images[0]} are rows and columns of tiles, not sections: write a layout beside them, a table with the columns file, section, x, y (pixels), and import that`,
    )
  return { stack: folder }
}

interface Found {
  readonly kind: string
  readonly bounds: Box
  readonly offset: Vec3
  readonly notes: readonly string[]
  readonly samples: readonly Samples[]
}

export async function importImages(where: Where, o: ImportOptions): Promise<void> {
  const path = 'layout' in where ? where.layout : where.stack
  if (UNREAD.test(path)) throw configError(`${path}: files of that kind are not read: save it as PNG, TIFF or .npy`)
  if (o.voxelSize === undefined)
    throw configError(`${path}: images do not say how large their voxels are: give --voxel-size x,y,z in nanometres`)
  const file = fileFor(o)
  const found = await look(where)
  // Deep images are often padded with zeros, which would take a part of the window.
  const deep = found.samples.some(s => !(s instanceof Uint8Array))
  const grey = greyValues(deep ? found.samples.map(s => s.filter(v => v !== 0)) : found.samples)
  if (grey.deep && !(grey.low < grey.high))
    throw configError(
      `${path} shows nothing where it was looked at: all samples are ${grey.low}${grey.low ? ' or 0' : ''}`,
    )
  const extent = shapeOf(found.bounds)
  const block = [...fitting(extent, [128, 128, 64])]
  // Whole blocks, few regions: sections are large, and few of them make a region.
  const region = block.map((b, a) => b * Math.min(Math.ceil(extent[a]! / b), [4, 4, 2][a]!))
  const tree = {
    dataset: o.dataset,
    voxelSizeNm: [...vectorOf('--voxel-size', o.voxelSize)],
    source: where,
    grid: { block, region },
    ...(grey.deep && { stages: { ingest: { window: [grey.low, grey.high] } } }),
  }
  const said = [
    found.kind,
    `${extent.join(' x ')} voxels${found.offset.some(v => v !== 0) ? `, which begin at ${found.offset.join(', ')} (given back as voxel_offset)` : ''}`,
    ...found.notes,
    grey.deep
      ? `more than 8 bits: ${grey.low} becomes black and ${grey.high} white (99 % of the samples lie between)`
      : `8 bits, most values from ${grey.low} to ${grey.high}`,
    ...(grey.skew > 0.3
      ? [
          'bright detail on dark ground: if membranes are bright, add stages.ingest.invert: true (models expect dark ones)',
        ]
      : []),
    'sections are aligned to each other; where they are already, add stages.align.method: none',
  ]
  writeRunFile(o, [path, file], tree, said, { ...tree, bounds: found.bounds, offset: found.offset, said })
}

async function look(where: Where): Promise<Found> {
  if ('layout' in where) return lookAtTiles(await readLayout(where.layout))
  const { stack } = where
  if (await inputs().list(stack)) return lookAtTiles(await readImages(stack))
  const tiff = await withInput(inputs(), stack, 'ConfigError', async (read): Promise<Found | undefined> => {
    if (formatOf(await read(0, 16)) !== 'tiff') return undefined
    const all = await tiffPages(read).catch((e: Error) => {
      throw configError(`${stack} is damaged: ${e.message}`)
    })
    const pages = sectionNodes(all)
    const fault = stackFault(pages)
    if (fault) throw configError(`${stack} ${fault}`)
    const small = all.length - pages.length
    const samples: Samples[] = []
    for (const z of spread(pages.length))
      samples.push(await samplesOf(await pages[z]!.bytes(), `page ${z} of ${stack}`))
    const { width, height } = pages[0]!
    const thumbnails =
      small === 1 ? ['a smaller page is taken for a thumbnail'] : [`${small} smaller pages are taken for thumbnails`]
    return whole(`TIFF of ${pages.length} pages`, [width, height, pages.length], samples, small ? thumbnails : [])
  })
  if (tiff) return tiff
  const npy = await openNpySlices(stack)
  try {
    const samples: Samples[] = []
    for (const z of spread(npy.count)) samples.push((await npy.slice(z)) as Samples)
    return whole('stack of slices in a .npy', [npy.width, npy.height, npy.count], samples)
  } finally {
    await npy.close()
  }
}

const whole = (kind: string, max: Vec3, samples: readonly Samples[], notes: readonly string[] = []): Found => ({
  kind,
  bounds: { min: [0, 0, 0], max },
  offset: [0, 0, 0],
  notes,
  samples,
})

const spread = (count: number): number[] =>
  Array.from({ length: Math.min(SAMPLE, count) }, (_, i) => Math.floor((i * count) / Math.min(SAMPLE, count)))

async function lookAtTiles({ kind, tiles, notes }: FoundTiles): Promise<Found> {
  const { bounds, offset } = atOrigin(tiles)
  const sections = Map.groupBy(tiles, t => t.section)
  const twice = [...sections.values()].flatMap(s => places(s).filter(g => g.length > 1))
  const empty: number[] = []
  for (let z = offset[2]; z < offset[2] + bounds.max[2]; z++) if (!sections.has(z)) empty.push(z)
  const samples: Samples[] = []
  const bad: string[] = []
  const files = inputs()
  for (const i of spread(tiles.length)) {
    const { file } = tiles[i]!
    try {
      await headerOf(file, files)
      samples.push(await samplesOf(await files.read(file, 'BadTileError'), file))
    } catch (e) {
      if (!isHillockError(e, 'BadTileError')) throw e
      bad.push(e.message)
    }
  }
  if (samples.length === 0) throw configError(`none of ${bad.length} images looked at can be used: ${bad[0]}`)
  const words = {
    json: 'JSON',
    table: 'a table',
    stitching: 'TileConfiguration of Fiji',
    render: 'tile specs of Render',
    trakem2: 'TrakEM2',
  }
  return {
    kind:
      kind === 'images'
        ? `stack of ${tiles.length} images`
        : `${tiles.length} tiles in ${sections.size} sections, listed by ${words[kind]}`,
    bounds,
    offset,
    notes: [
      ...notes,
      ...(empty.length > 0 && kind !== 'images'
        ? [
            `no tile of ${empty.length > 1 ? 'sections' : 'section'} ${empty.slice(0, 5).join(', ')}${empty.length > 5 ? ` and ${empty.length - 5} more` : ''}: gaps of the dataset, which count as holes (release.gate.sectionHoles)`,
          ]
        : []),
      ...twice
        .slice(0, 5)
        .map(
          g =>
            `section ${g[0]!.section}: ${g.map(t => t.name).join(', ')} are images of one place: the last good one is used`,
        ),
      ...(twice.length > 5 ? [`${twice.length - 5} more places were imaged more than once`] : []),
      ...bad.map(b => `to be set aside: ${b}`),
    ],
    samples,
  }
}
