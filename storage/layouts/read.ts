// Tiles as a layout file or a folder of images lists them: with where their files lie, and sizes from the images where the list gives none.
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TileEntry } from '../../domain/run-file/source.ts'
import { configError, isHillockError } from '../../domain/errors.ts'
import { mapBounded } from '../bounded.ts'
import { imageHeader, type ImageHeader } from '../formats/image.ts'
import { folderOf, inputs, isShared, within, withInput, type Inputs } from '../foreign/inputs.ts'
import { parseLayout } from './parse.ts'
import { layoutError, nameOfFile, natural, type ListedTile, type ParsedLayout } from './types.ts'

export interface FoundTiles {
  readonly kind: ParsedLayout['kind'] | 'images'
  readonly tiles: readonly TileEntry[]
  readonly notes: readonly string[]
}

/** Bytes of a layout: a text of Node is not longer. */
const LARGEST = 2 ** 28

/** Headers that are read side by side. */
const LOOKS = 16

/** @throws HillockError ConfigError where the file is no layout; a missing tile is none: it is set aside by name later */
export async function readLayout(file: string, files: Inputs = inputs()): Promise<FoundTiles> {
  const bytes = await files.read(file, 'ConfigError')
  if (bytes.length > LARGEST)
    throw layoutError(file, `is larger than ${LARGEST >> 20} MiB: split it, for example by sections`)
  // Spreadsheets save "Unicode text" as UTF-16.
  const text = new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8').decode(bytes)
  const { kind, tiles, notes } = parseLayout(text, file)
  const place = await placing(files, folderOf(file), tiles[0]!.file, file)
  const here = distinct(tiles.map(t => ({ ...t, file: place.of(t.file) })))
  return { kind, tiles: await sized(files, here, file), notes: [...notes, ...place.notes] }
}

/** Of an image file, little more than its header is read. @throws HillockError BadTileError */
export const headerOf = (file: string, files: Inputs = inputs()): Promise<ImageHeader> =>
  withInput(files, file, 'BadTileError', read => imageHeader(read, file))

/** Where files lie: as written, from the folder of the layout, or, where that was moved here with its images, in it. */
async function placing(
  files: Inputs,
  folder: string,
  first: string,
  layout: string,
): Promise<{ of(file: string): string; notes: string[] }> {
  const plain = (file: string): string => {
    if (file.startsWith('file://')) return fileURLToPath(file)
    const path = file.replace(/^file:/, '')
    if (/^(https?|gs):\/\//i.test(path)) return path
    if (isShared(path)) throw layoutError(layout, `${file}: tiles are read from files, http(s):// and gs://`)
    return path.replaceAll('\\', '/')
  }
  const of = (file: string): string => {
    const path = plain(file)
    return isShared(path) ? path : within(folder, path)
  }
  const exists = (file: string): Promise<boolean> =>
    files.check(file, 'BadTileError').then(
      () => true,
      (e: unknown) => {
        if (!isHillockError(e, 'BadTileError')) throw e
        return false
      },
    )
  const path = plain(first)
  const drive = /^[A-Za-z]:\//.test(path)
  if (!drive && (!isAbsolute(path) || (await exists(of(path))))) return { of, notes: [] }
  // Absolute on another machine: what follows some folder of it lies here.
  const parts = path.split('/')
  for (let i = 1; i < parts.length; i++)
    if (await exists(within(folder, parts.slice(i).join('/')))) {
      const gone = parts.slice(0, i).join('/')
      return {
        of: f => (plain(f).startsWith(`${gone}/`) ? within(folder, plain(f).slice(gone.length + 1)) : of(f)),
        notes: [`${gone}/ is not here: the files are looked for in ${folder}`],
      }
    }
  if (drive) throw layoutError(layout, `${first} is a path of Windows, and its file is not beside the layout`)
  return { of, notes: [] }
}

/** Names taken from files of several folders are told apart by the folder. */
function distinct<T extends ListedTile>(tiles: readonly T[]): T[] {
  const files = new Map<string, string>()
  const twice = new Set<string>()
  for (const { section, name, file, x, y } of tiles) {
    const key = `${section} ${name}`
    const at = `${file} ${x} ${y}`
    if ((files.get(key) ?? at) !== at) twice.add(key)
    files.set(key, at)
  }
  // The same name for one section is another image of the tile, unless it only came from its file's name.
  return tiles.map(t =>
    twice.has(`${t.section} ${t.name}`) && t.name === nameOfFile(t.file)
      ? {
          ...t,
          name: t.file
            .split('/')
            .slice(-2)
            .join('/')
            .replace(/\.[A-Za-z]{3,4}$/, ''),
        }
      : t,
  )
}

/** Sizes from the images; one that cannot be read is thought to be as large as the first that can. */
async function sized(files: Inputs, tiles: readonly ListedTile[], what: string): Promise<TileEntry[]> {
  let first: unknown
  const sizes = await mapBounded(tiles, LOOKS, async t => {
    if (t.width && t.height) return t
    try {
      return await headerOf(t.file, files)
    } catch (e) {
      if (!isHillockError(e, 'BadTileError')) throw e
      first ??= e
      return undefined
    }
  })
  const usual = sizes.find(s => s !== undefined)
  if (!usual) throw configError(`${what}: none of its ${tiles.length} images can be read: ${(first as Error).message}`)
  return tiles.map(({ section, name, file, x, y }, i) => {
    const { width, height } = sizes[i] ?? usual
    const tile = TileEntry.safeParse({ section, name, file, x, y, width, height })
    if (tile.success) return tile.data
    const [issue] = tile.error.issues
    throw configError(`${what}: tile ${JSON.stringify(name)}: ${issue!.path.join('.')}: ${issue!.message}`)
  })
}

const IMAGE = /\.(png|tiff?|jpe?g)$/i
/** Every so many numbers one is missing at most: else the names are not numbered but named. */
const SPARSE = 4

/**
 * Images of a folder, or of a pattern (`slices/*.png`), as sections in the natural order of their names; numbered names keep their numbers.
 * @throws HillockError ConfigError where there is none
 */
export async function readImages(where: string, files: Inputs = inputs()): Promise<FoundTiles> {
  const images = ((await files.list(where)) ?? [])
    .filter(f => IMAGE.test(f) && !/(^|\/)\._?[^/]*$/.test(f))
    .sort(natural)
  if (images.length === 0) throw configError(`source.stack: ${where}: there is no PNG, TIFF or JPEG image`)
  const names = images.map(nameOfFile)
  const { sections, notes } = numbered(names)
  const tiles = images.map((file, i): ListedTile => ({ section: sections[i]!, name: names[i]!, file, x: 0, y: 0 }))
  const all = await sized(files, tiles, where)
  const odd = all.find(t => t.width !== all[0]!.width || t.height !== all[0]!.height)
  if (odd)
    throw configError(
      `source.stack: ${odd.file} has ${odd.width} x ${odd.height} pixels, ${all[0]!.file} has ${all[0]!.width} x ${all[0]!.height}: slices of a stack are equally large`,
    )
  return { kind: 'images', tiles: all, notes }
}

/** The one number in which names differ, where that is all in which they do; else they are counted. */
function numbered(names: readonly string[]): { sections: number[]; notes: string[] } {
  const parts = names.map(n => n.split(/(\d+)/))
  const counted = { sections: names.map((_, i) => i), notes: [] as string[] }
  const at = parts[0]!.findIndex((p, i) => parts.some(q => q[i] !== p))
  const alike = parts.every(p => p.length === parts[0]!.length && p.every((s, i) => i === at || s === parts[0]![i]))
  if (names.length < 2 || at < 0 || at % 2 === 0 || !alike) return counted
  const numbers = parts.map(p => Number(p[at]))
  const steps = numbers.slice(1).map((n, i) => n - numbers[i]!)
  if (!numbers.every(Number.isSafeInteger) || steps.includes(0)) return counted
  const step = steps.reduce((a, b) => {
    while (b) [a, b] = [b, a % b]
    return a
  })
  if (step > 1 && steps.every(s => s === step))
    return { ...counted, notes: [`the numbers go in steps of ${step}: they are counted 0 to ${names.length - 1}`] }
  const missing: number[] = []
  for (let n = numbers[0]!, i = 0; n < numbers.at(-1)! && missing.length <= names.length; n++)
    if (n === numbers[i]) i++
    else missing.push(n)
  if (missing.length * SPARSE > names.length)
    return {
      ...counted,
      notes: [
        `the numbers ${numbers[0]} to ${numbers.at(-1)} have many gaps: the images are counted 0 to ${names.length - 1}`,
      ],
    }
  const gap = `${missing.length > 1 ? 'images' : 'image'} ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ` and ${missing.length - 5} more` : ''}`
  return { sections: numbers, notes: missing.length ? [`${gap} of the numbering missing: gaps of the dataset`] : [] }
}
