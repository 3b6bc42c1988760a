// Where tiles come from: the layout of the source, and the bytes of one tile.
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { canonicalJson, type Json } from '../domain/canonical.ts'
import { configAt, layoutBounds, TileEntry, type RunConfig } from '../domain/config.ts'
import { HillockError } from '../domain/errors.ts'
import { shapeOf, type Box, type Vec3 } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { CellTask } from '../domain/tasks.ts'
import { getRaw, putRaw } from '../storage/raw.ts'
import { encodePng } from '../storage/formats/image.ts'
import { readNpy } from '../storage/formats/npy.ts'
import type { Deps } from './context.ts'
import { kept } from './kept.ts'
import { sourceVolume, volumeSlice } from './source-volume.ts'

const documents = new Map<unknown, Promise<unknown>>()
/** Parsed JSON of the raw archive, kept for the few documents that every activity of a run reads. */
export const document = <T>(deps: Deps, digest: string, keptIn = documents, most = 32): Promise<T> =>
  kept(keptIn, digest, most, async () =>
    JSON.parse(Buffer.from(await getRaw(deps.objects, digest)).toString()),
  ) as Promise<T>

export const configOf = (deps: Deps, digest: string): Promise<RunConfig> => document(deps, digest)
/** The run file as it holds for the region of a task; above the leaves of the tree nothing differs. */
export const configFor = async (deps: Deps, { context, level, cell }: CellTask): Promise<RunConfig> => {
  const config = await configOf(deps, context.config)
  return level === 0 ? configAt(config, cell) : config
}
export const saveDocument = (deps: Deps, value: unknown): Promise<string> =>
  putRaw(deps.objects, Buffer.from(canonicalJson(value as Json)))

const STACK_TILE = 'slice'
let stack:
  | { file: string; slices: Promise<{ data: Uint8Array; width: number; height: number; count: number }> }
  | undefined

/** The last stack that was read is kept: its sections are asked for one after the other. */
function readStack(file: string): NonNullable<typeof stack>['slices'] {
  if (stack?.file !== file) stack = { file, slices: load(file) }
  return stack.slices
}

async function load(file: string): Promise<{ data: Uint8Array; width: number; height: number; count: number }> {
  const npy = readNpy(await namedFile('source.stack', file), file)
  if (npy.dtype !== 'u1' || npy.shape.length !== 3)
    throw new HillockError(
      'ConfigError',
      `source.stack: ${file} holds ${npy.dtype} of ${npy.shape.length} axes; EM is uint8 of axes z, y, x`,
    )
  return { data: npy.data as Uint8Array, width: npy.shape[2]!, height: npy.shape[1]!, count: npy.shape[0]! }
}

const slices = ([width, height, count]: Vec3, file: string): TileEntry[] =>
  Array.from({ length: count }, (_, section) => ({ section, name: STACK_TILE, file, x: 0, y: 0, width, height }))

/**
 * Bytes of a file that the run file names under `key`.
 * @throws HillockError ConfigError when it cannot be read.
 */
export async function namedFile(key: string, file: string): Promise<Buffer<ArrayBuffer>> {
  try {
    return await readFile(file)
  } catch (e) {
    throw new HillockError('ConfigError', `${key}: cannot read ${file} (${(e as NodeJS.ErrnoException).code})`)
  }
}

async function readLayoutFile(file: string): Promise<unknown> {
  const text = (await namedFile('source.layout', file)).toString()
  try {
    return JSON.parse(text)
  } catch (e) {
    throw new HillockError('ConfigError', `source.layout: ${file} is not JSON: ${(e as Error).message}`)
  }
}

/** The list of tiles of a source that has one; null for a phantom, whose slabs bring their own. */
async function listTiles(config: RunConfig): Promise<TileEntry[] | null> {
  const { source } = config
  if ('phantom' in source) return null
  if ('tiles' in source) return [...source.tiles]
  if ('stack' in source) {
    const { width, height, count } = await readStack(source.stack)
    return slices([width, height, count], source.stack)
  }
  if ('volume' in source) return slices(shapeOf((await sourceVolume(source.volume)).box), source.volume.url)
  const parsed = z
    .array(TileEntry)
    .min(1)
    .safeParse(await readLayoutFile(source.layout))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new HillockError('ConfigError', `${source.layout}: ${issue.path.join('.')}: ${issue.message}`)
  }
  return parsed.data.map(t => ({ ...t, file: resolve(dirname(source.layout), t.file) }))
}

/** Reads the layout and saves it; `bounds` reach from the origin to the furthest nominal edge of a tile. */
export async function readLayout(deps: Deps, config: RunConfig): Promise<{ layout: string; bounds: Box }> {
  const tiles = await listTiles(config)
  const bounds =
    'phantom' in config.source ? { min: [0, 0, 0] as const, max: config.source.phantom.size } : layoutBounds(tiles!)
  return { layout: await saveDocument(deps, tiles ?? []), bounds }
}

/** Tiles of sections `first..last` as listed: from the slab of a phantom or the layout. */
export async function listed(
  deps: Deps,
  layout: string,
  slab: ArtifactRef | null,
  first: number,
  last: number,
): Promise<TileEntry[]> {
  const all = slab
    ? (JSON.parse(Buffer.from(await deps.artifacts.get(slab, 'layout.json')).toString()) as TileEntry[])
    : await document<TileEntry[]>(deps, layout)
  return all.filter(t => t.section >= first && t.section <= last)
}

/**
 * Bytes of a tile as they came from the microscope (a slice of a stack or volume becomes a PNG).
 * @throws HillockError BadTileError when the file is missing.
 */
export async function tileBytes(
  deps: Deps,
  config: RunConfig,
  tile: TileEntry,
  slab: ArtifactRef | null,
): Promise<Uint8Array> {
  if ('stack' in config.source) {
    const { data, width, height } = await readStack(config.source.stack)
    const n = width * height
    return encodePng(data.subarray(tile.section * n, (tile.section + 1) * n), width, height)
  }
  if ('volume' in config.source) {
    const { data, width, height } = await volumeSlice(config.source.volume, tile.section)
    return encodePng(data, width, height)
  }
  try {
    return slab ? await deps.artifacts.get(slab, tile.file) : await readFile(tile.file)
  } catch (e) {
    throw new HillockError(
      'BadTileError',
      `missing: ${slab ? tile.file : `cannot read ${tile.file} (${(e as NodeJS.ErrnoException).code ?? 'error'})`}`,
    )
  }
}
