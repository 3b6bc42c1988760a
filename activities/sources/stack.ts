// A stack: a .npy(.gz), a TIFF of several pages, or images of a folder or a pattern; told apart by what is there.
import type { RunConfig } from '../../domain/config.ts'
import { configError } from '../../domain/errors.ts'
import { formatOf } from '../../storage/formats/image.ts'
import { isNpy, openNpySlices, type NpySlices } from '../../storage/formats/npy-slices.ts'
import { withInput, type Inputs } from '../../storage/foreign/inputs.ts'
import { cached } from '../../storage/cached.ts'
import { fileSource, tooDeep } from './files.ts'
import { tilePng } from './slices.ts'
import type { TileSource } from './source.ts'
import { tiffStack } from './tiff-stack.ts'

export function stackSource(where: string, config: RunConfig, files: Inputs): TileSource {
  let found: Promise<TileSource> | undefined
  const source = (): Promise<TileSource> => (found ??= kindOf(where, config, files))
  return {
    survey: async () => (await source()).survey(),
    whole: async () => (await source()).whole(),
    identity: async tiles => (await source()).identity(tiles),
    bytes: async tile => (await source()).bytes(tile),
  }
}

const READ = 'a stack is a .npy or .npy.gz, a TIFF of several pages, or a folder or pattern of images'

async function kindOf(where: string, config: RunConfig, files: Inputs): Promise<TileSource> {
  if (await files.list(where)) return fileSource({ images: where }, config, files)
  const head = await withInput(files, where, 'ConfigError', read => read(0, 16))
  const format = formatOf(head)
  if (format === 'tiff') return tiffStack(where, config, files)
  if (format) throw configError(`source.stack: ${where} is one image; ${READ}`)
  if (head.length > 0 && !isNpy(head)) throw configError(`source.stack: ${where} is not understood; ${READ}`)
  return npyStack(where, config, files)
}

/** Stacks that are open, and slices that were read last, by what their file looked like: sections are asked for one after the other. */
const stacks = new Map<unknown, Promise<NpySlices>>()
const slices = new Map<unknown, Promise<Uint8Array | Uint16Array>>()
const KEPT = 4

function npyStack(file: string, { stages }: RunConfig, files: Inputs): TileSource {
  let stamp: string | undefined
  const look = async (): Promise<string> => (stamp = await files.stamp(file))
  const open = async (): Promise<NpySlices> =>
    cached(stacks, `${file} ${stamp ?? (await look())}`, KEPT, () => openNpySlices(file, files))
  return {
    async survey() {
      const { width, height, count, deep } = await open()
      if (deep && !stages.ingest.window) throw tooDeep(file)
      return { bounds: { min: [0, 0, 0], max: [width, height, count] }, offset: [0, 0, 0], tiles: null }
    },
    whole: look,
    identity: look,
    async bytes(tile) {
      const { section } = tile
      const stack = await open()
      const { width, height } = stack
      const data = await cached(slices, `${file} ${stamp} ${section}`, KEPT, () => stack.slice(section))
      return tilePng(tile, data, { min: [0, 0, section], max: [width, height, section + 1] })
    },
  }
}
