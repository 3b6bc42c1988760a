// What a run file names by a path of this machine, put into the bucket by content where the workers are on others.
import { existsSync } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { RunConfig } from '../domain/config.ts'
import type { TileEntry } from '../domain/run-file/source.ts'
import { configError, isHillockError } from '../domain/errors.ts'
import { AFFINITY, modelFolders } from '../domain/models.ts'
import { sha256, type Digest } from '../domain/recipe.ts'
import { mapBounded } from '../storage/bounded.ts'
import { readRegularFile } from '../storage/files/regular.ts'
import { addressOf } from '../storage/foreign/address.ts'
import { putListing } from '../storage/foreign/archived.ts'
import { inputs, isShared } from '../storage/foreign/inputs.ts'
import { readImages, readLayout } from '../storage/layouts/read.ts'
import { putRaw, rawKey } from '../storage/raw.ts'
import { temporalConfig } from '../worker/temporal-config.ts'
import { withAffinityModel } from './affinity-model.ts'
import { bucket } from './catalogue.ts'

/** What one key of a run file may name: more is no matter for a command that somebody waits for. */
const LARGEST = 1 << 30
/** Files that are put at a time. */
const WIDTH = 8

/** By the path under which it goes into the bucket, where a file lies. */
type Folder = ReadonlyMap<string, string>

/**
 * The same run file, with its models, for workers that have nothing but the bucket. A stack of this machine's own shares its files, and a URL means the same everywhere.
 * @throws HillockError ConfigError for what is too large, and where no model is named or found
 */
export async function withoutPaths(given: RunConfig): Promise<RunConfig> {
  const config = withAffinityModel(given)
  if (temporalConfig().address === undefined) return config
  const models: [string, string][] = []
  for (const [role, folder] of modelFolders(config)) models.push([role, await ofModel(role, folder)])
  const { [AFFINITY]: model, ...others } = Object.fromEntries(models)
  const { truth } = config.evaluate
  return {
    ...config,
    ...(model !== undefined && { model }),
    ...(config.models && { models: others }),
    source: await ofSource(config.source),
    ...(truth !== undefined && { evaluate: { ...config.evaluate, truth: await truthWithoutPath(truth) } }),
  }
}

/** A truth likewise. */
export const truthWithoutPath = async (truth: string): Promise<string> =>
  truth === 'phantom' || isShared(truth) || temporalConfig().address === undefined
    ? truth
    : ofStack('evaluate.truth', truth)

/** Its card and the file that it names; what is wrong with them is said by who reads them. */
async function ofModel(role: string, folder: string): Promise<string> {
  if (isShared(folder)) return folder
  const card = await readRegularFile(join(folder, 'card.json'), 'ModelMismatch')
  const file = /"file"\s*:\s*"([^"]+)"/.exec(Buffer.from(card).toString())?.[1]
  const name = basename(folder)
  const files = ['card.json', ...(file ? [file] : [])].filter(f => existsSync(join(folder, f)))
  const paths = files.map((f): [string, string] => [join(name, f), join(folder, f)])
  return `${await put(`models.${role}`, new Map(paths))}/${name}`
}

async function ofSource(source: RunConfig['source']): Promise<RunConfig['source']> {
  if ('phantom' in source) return source
  if ('volume' in source) {
    const { url, format = source.volume.format } = addressOf(source.volume.url)
    if (isShared(url)) return source
    const at = await putFolder('source.volume', url)
    return { volume: { ...source.volume, url: at, ...(format && { format }) } }
  }
  if ('tiles' in source)
    return source.tiles.every(t => isShared(t.file)) ? source : ofTiles('source.tiles', source.tiles)
  if ('layout' in source)
    return isShared(source.layout) ? source : ofTiles('source.layout', (await readLayout(source.layout)).tiles)
  const { stack } = source
  return isShared(stack) ? source : { stack: await ofStack('source.stack', stack, 'BadTileError') }
}

/** A file, or the images of a folder or a pattern. */
async function ofStack(key: string, where: string, type: 'ConfigError' | 'BadTileError' = 'ConfigError') {
  if (await inputs().list(where)) return put(key, beside((await readImages(where)).tiles.map(t => t.file)), type)
  const name = basename(where)
  return `${await put(key, new Map([[name, where]]))}/${name}`
}

/** All that lies in a folder, as far as it is not too large anyway. */
async function putFolder(key: string, folder: string): Promise<string> {
  const files = new Map<string, string>()
  let bytes = 0
  for await (const e of await opendir(folder, { recursive: true })) {
    if (e.isDirectory()) continue
    const file = join(e.parentPath, e.name)
    files.set(join(basename(folder), relative(folder, file)), file)
    if ((bytes += await sizeOf(file)) > LARGEST) break
  }
  return `${await put(key, files)}/${basename(folder)}`
}

/** Tiles become a layout in which their images are named beside it. */
async function ofTiles(key: string, tiles: readonly TileEntry[]): Promise<{ layout: string }> {
  const files = beside(tiles.map(t => t.file).filter(f => !isShared(f)))
  const paths = new Map([...files].map(([path, file]) => [file, path]))
  const layout = Buffer.from(JSON.stringify(tiles.map(t => ({ ...t, file: paths.get(t.file) ?? t.file }))))
  return { layout: `${await put(key, files, 'BadTileError', { 'layout.json': layout })}/layout.json` }
}

/** Files by their paths from the innermost folder that all lie in. */
function beside(files: readonly string[]): Folder {
  let root = dirname(files[0] ?? '/')
  while (!files.every(f => f.startsWith(root === '/' ? root : `${root}/`))) root = dirname(root)
  return new Map(files.map(f => [relative(root, f), f]))
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    s => s.size,
    () => 0,
  )

/**
 * Puts files into the raw archive, those that are there already left out. A tile that cannot be read is left out, as a run sets it aside.
 * @returns what names the folder by content
 */
async function put(
  key: string,
  folder: Folder,
  type: 'ConfigError' | 'BadTileError' = 'ConfigError',
  more: Readonly<Record<string, Uint8Array>> = {},
): Promise<string> {
  const objects = bucket()
  const files = [...folder]
  const bytes = (await mapBounded(files, WIDTH, async ([, file]) => sizeOf(file))).reduce((a, b) => a + b, 0)
  if (bytes > LARGEST)
    throw configError(
      `${key}: ${files[0]![1]}${files.length > 1 ? ' and what belongs to it' : ''} has more than the 1 GiB that a command puts into the bucket for workers on other machines: copy it to gs://, serve it over http(s)://, or mount it on all of them, and name that (file:///folder for what is mounted)`,
    )
  const listing: Record<string, Digest> = {}
  let fresh = 0
  const add = async (path: string, content: Uint8Array): Promise<void> => {
    const digest = (listing[path] = sha256(content))
    if ((await objects.size(rawKey(digest))) !== undefined) return
    await putRaw(objects, content)
    fresh++
  }
  await mapBounded(files, WIDTH, async ([path, file]) => {
    const content = await readRegularFile(file, type).catch((e: unknown) => {
      if (!isHillockError(e, 'BadTileError')) throw e
      console.error(`${key}: left out: ${e.message}`)
    })
    if (content) await add(path, content)
  })
  for (const [path, content] of Object.entries(more)) await add(path, content)
  if (fresh > 0)
    console.error(`${key}: ${fresh} of ${files.length + Object.keys(more).length} files put into the bucket`)
  return putListing(objects, listing)
}
