// What a run file names, by path, by URL and by content: the same tiles and bytes, truth and model, whoever reads them; what goes wrong names the URL.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { Deps } from '../../activities/context.ts'
import { archiveModel } from '../../activities/model.ts'
import { truthFile } from '../../activities/quality/truth.ts'
import { checkTiles } from '../../activities/sources/check.ts'
import { openSource } from '../../activities/sources/source.ts'
import { importVolume } from '../../client/commands/import.ts'
import { withoutPaths } from '../../client/inputs.ts'
import { readRunFile, readRunFileAt } from '../../client/run-file.ts'
import type { RunConfig } from '../../domain/config.ts'
import { sha256 } from '../../domain/recipe.ts'
import { fileStore } from '../../storage/file-store.ts'
import { inputs } from '../../storage/foreign/inputs.ts'
import { Reach } from '../../storage/provenance/reach.ts'
import { encodePng } from '../../storage/formats/image.ts'
import { writeNpy } from '../../storage/formats/npy.ts'
import { sliceTiles } from '../../activities/sources/slices.ts'
import { startEmulator } from '../gcs/emulator.ts'
import { modelFolder, onnx } from '../onnx.ts'
import { madeTiff } from '../storage/formats/tiff-maker.ts'
import { serve, zarr2 } from '../storage/foreign/fixtures.ts'

const home = mkdtempSync(join(tmpdir(), 'hillock-inputs-'))
/** The folder of whoever starts the run. */
const own = join(home, 'own')
const objects = fileStore(join(home, 'bucket'))
const BUCKET = 'lab'
const side = 40
const pixels = (seed: number): Uint8Array =>
  Uint8Array.from({ length: side * side }, (_, i) => 30 + ((i * 37 + seed * 11) % 190))
let emulator: Awaited<ReturnType<typeof startEmulator>>

/** Of each kind what a run file names, from the folder. */
const kinds = {
  layout: { layout: 'scope/layout.tsv' },
  tiles: { tiles: [{ section: 0, name: 'a', file: 'scope/t 0#.png', x: 0, y: 0, width: side, height: side }] },
  folder: { stack: 'slices' },
  pattern: { stack: 'slices/z*.png' },
  numpy: { stack: 'em.npy.gz' },
  pages: { stack: 'em.tif' },
  volume: { volume: { url: 'em.zarr' } },
} as const
type Kind = keyof typeof kinds

beforeAll(async () => {
  for (const at of ['scope', 'slices', 'elsewhere', 'bucket']) mkdirSync(join(own, at), { recursive: true })
  mkdirSync(join(home, 'bucket'))
  const png = (n: number): Promise<Uint8Array> => encodePng(pixels(n), side, side)
  writeFileSync(join(own, 'scope/t 0#.png'), await png(0))
  writeFileSync(join(own, 'elsewhere/t1.png'), await png(1))
  const layout = 'file\tx\ty\tsection\nt 0#.png\t0\t0\t0\n../elsewhere/t1.png\t20\t-3.5\t0\n'
  writeFileSync(join(own, 'scope/layout.tsv'), layout)
  for (const z of [9, 10]) writeFileSync(join(own, `slices/z${z}.png`), await png(z))
  const all = new Uint8Array(Buffer.concat([pixels(4), pixels(5)]))
  writeFileSync(join(own, 'em.npy.gz'), gzipSync(writeNpy(all, [2, side, side])))
  writeFileSync(join(own, 'em.tif'), madeTiff([4, 5].map(n => ({ width: side, height: side, pixels: pixels(n) }))))
  writeFileSync(join(own, 'truth.npy'), writeNpy(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 2, 2]))
  await zarr2(join(own, 'em.zarr'), '', { size: [side, side, 8], chunk: [16, 16, 8] })
  modelFolder(join(own, 'membranes'), onnx.right())
  emulator = await startEmulator(BUCKET)
  vi.stubEnv('STORAGE_EMULATOR_HOST', emulator.url)
  // Names such as `t 0#.png` and `.zarray` are no keys of Hillock's own objects.
  for (const file of readdirSync(own, { recursive: true, withFileTypes: true }).filter(e => e.isFile())) {
    const path = join(file.parentPath, file.name)
    const name = encodeURIComponent(`data/${path.slice(own.length + 1)}`)
    const made = await fetch(`${emulator.url}/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=${name}`, {
      method: 'POST',
      body: readFileSync(path),
    })
    expect(made.status).toBe(200)
  }
}, 900_000)
afterEach(() => void vi.stubEnv('TEMPORAL_ADDRESS', undefined))
afterAll(async () => {
  vi.unstubAllEnvs()
  await emulator.stop()
  rmSync(home, { recursive: true, force: true })
})

function configOf(source: object, more: object = {}): RunConfig {
  const file = join(own, 'run.yaml')
  writeFileSync(file, JSON.stringify({ dataset: 'd', voxelSizeNm: [10, 10, 10], source, ...more }))
  return readRunFile(file)
}

/** All of a source but where it lies. */
async function contentOf(config: RunConfig): Promise<unknown> {
  const source = openSource(config, objects)!
  const found = await source.survey()
  const tiles = found.tiles ?? sliceTiles(found.bounds, 0, found.bounds.max[2] - 1)
  const before = await source.identity(tiles)
  const bytes: string[] = []
  for (const tile of tiles) bytes.push(sha256(await source.bytes(tile)))
  expect(await source.identity(tiles)).toEqual(before)
  return { ...found, tiles: tiles.map(t => ({ ...t, file: '' })), bytes }
}

/** As where a Temporal is configured, whose workers are elsewhere. */
function elsewhere(): void {
  vi.stubEnv('TEMPORAL_ADDRESS', '127.0.0.1:1')
  vi.stubEnv('HILLOCK_HOME', join(home, 'home'))
  vi.stubEnv('HILLOCK_BUCKET', join(home, 'bucket'))
}

const named = (kind: Kind, root: string): object =>
  JSON.parse(
    JSON.stringify(kinds[kind]).replaceAll(
      /"(scope|slices|em\.)([^"]*)"/g,
      (_, a: string, b: string) => `"${root}/${a}${/^(http|file)/.test(root) ? b.replaceAll('#', '%23') : b}"`,
    ),
  ) as object

test.each(Object.keys(kinds) as Kind[])('%s: by path, file://, http://, gs:// and content the same', async kind => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const local = configOf(kinds[kind])
  const here = await contentOf(local)
  expect(await contentOf(configOf(named(kind, `file://${own}`)))).toEqual(here)
  expect(await contentOf(configOf(named(kind, `gs://${BUCKET}/data`)))).toEqual(here)
  const { url } = await serve(own)
  // What a web server has in a folder it does not say.
  if (kind !== 'folder' && kind !== 'pattern') expect(await contentOf(configOf(named(kind, url)))).toEqual(here)
  expect(await withoutPaths(local)).toBe(local)
  elsewhere()
  const content = await withoutPaths(local)
  expect(JSON.stringify(content)).not.toContain(home)
  // Where the files are not.
  renameSync(own, `${own}-away`)
  try {
    expect(await contentOf(content)).toEqual(here)
    expect(await withoutPaths(content)).toEqual(content)
  } finally {
    renameSync(`${own}-away`, own)
  }
})

test('a truth and a model likewise; a query, a missing file, a refusal and a circle are named with their URL', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const deps = { objects } as Deps
  const both = async ({ evaluate, model }: RunConfig): Promise<unknown> => {
    const { digest, bounds } = await truthFile(evaluate.truth!, [1, 2, 3], objects)
    return [digest, bounds, await archiveModel(deps, model!, [10, 10, 10])]
  }
  const at = (root: string): RunConfig =>
    configOf({ phantom: {} }, { evaluate: { truth: `${root}truth.npy` }, models: { affinity: `${root}membranes` } })
  const here = await both(at(''))
  const { url } = await serve(own, (_, path) =>
    path === '/circle' ? { status: 302, headers: { location: path } } : path === '/shut' ? { status: 403 } : undefined,
  )
  expect(await both(at(`${url}/`))).toEqual(here)
  expect(await both(at(`file://${own}/`))).toEqual(here)
  expect(await both(at(`gs://${BUCKET}/data/`))).toEqual(here)
  elsewhere()
  const content = await withoutPaths(at(''))
  expect(JSON.stringify(content)).not.toContain(home)
  expect(await both(content)).toEqual(here)
  // Garbage collection knows what it holds.
  const reach = new Reach(objects, () => {})
  const data = Buffer.from(JSON.stringify({ config: content })).toString('base64')
  await reach.mention({
    events: [{ workflowExecutionStartedEventAttributes: { input: { payloads: [{ data }] } } }],
  } as never)
  const card = sha256(readFileSync(join(own, 'membranes/card.json')))
  expect([reach.mentioned.has(card), reach.mentioned.has((here as [string])[0])]).toEqual([true, true])

  for (const [name, type, why] of [
    [`${url}/none.npy`, 'ConfigError', `evaluate.truth: ${url}/none.npy is missing`],
    [`${url}/shut`, 'StoreRefused', `${url}/shut: the host answers 403`],
    [`${url}/circle`, 'StoreRefused', `${url}/circle: the host sends from one address to another without end`],
    [`${url}/truth.npy?token=abc`, 'ConfigError', 'perhaps a token'],
    [`${url.replace('//', '//me:abc@')}/truth.npy`, 'ConfigError', 'http://...@127'],
    [`gs://${BUCKET}/data/none.npy`, 'ConfigError', `gs://${BUCKET}/data/none.npy is missing`],
    [`sha256:${'0'.repeat(64)}/truth.npy`, 'MissingArtifact', 'is gone'],
    ['s3://lab/truth.npy', 'ConfigError', 'https://lab.s3.amazonaws.com/'],
  ] as const) {
    const e = (await truthFile(name, [0, 0, 0], objects).catch((e: unknown) => e)) as { type: string; message: string }
    expect([e.type, e.message]).toEqual([type, expect.stringContaining(why)])
    expect(e.message).not.toContain('abc')
  }
  // Before it gets to Temporal.
  expect(() => configOf({ layout: `${url}/l.tsv?token=abc` })).toThrow(/\/l\.tsv\?\.\.\.: a password/)
  await expect(archiveModel(deps, `${url}/none`, [10, 10, 10])).rejects.toThrow(`${url}/none/card.json is missing`)
})

test('tiles of a host: a missing one is set aside by name, a refusal ends the survey, one that changes is seen', async () => {
  const file = join(own, 'scope/later.png')
  writeFileSync(file, await encodePng(pixels(7), side, side))
  const etags: Record<string, string> = {}
  const { url } = await serve(own, (_, path, body) =>
    path.endsWith('shut.png')
      ? { status: 403 }
      : body && { status: 200, body, headers: { etag: (etags[path] ??= sha256(body)) } },
  )
  const tiles = (...names: string[]): RunConfig =>
    configOf(
      {
        tiles: names.map((n, i) => ({
          section: i,
          name: n,
          file: `${url}/scope/${n}.png`,
          x: 0,
          y: 0,
          width: side,
          height: side,
        })),
      },
      { release: { gate: { tileHoles: 0 } } },
    )
  const look = async (config: RunConfig): Promise<void> => {
    const source = openSource(config, objects)!
    const found = await source.survey()
    await checkTiles(
      { objects, compute: async () => ({ std: 9, saturated: 0 }) } as never,
      config,
      source,
      found.tiles!,
    )
  }
  await look(tiles('later'))
  await expect(look(tiles('later', 'none'))).rejects.toThrow(`section 1 tile none: ${url}/scope/none.png is missing`)
  await expect(look(tiles('later', 'shut'))).rejects.toMatchObject({
    type: 'StoreRefused',
    message: expect.stringContaining(`${url}/scope/shut.png: the host answers 403`),
  })
  const name = `${url}/scope/later.png`
  const before = await inputs().stamp(name)
  expect(await inputs().stamp(name)).toBe(before)
  for (const path of Object.keys(etags)) delete etags[path]
  writeFileSync(file, await encodePng(pixels(8), side, side))
  expect(await inputs().stamp(name)).not.toBe(before)
})

test('a run file behind a URL names what lies beside it; import takes a layout, a stack and a pattern by URL', async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  const { url } = await serve(own)
  const more = { model: 'membranes', evaluate: { truth: 'truth.npy' } }
  configOf(kinds.layout, more)
  const config = await readRunFileAt(`${url}/run.yaml`)
  expect([config.source, config.model, config.evaluate.truth]).toEqual([
    { layout: `${url}/scope/layout.tsv` },
    `${url}/membranes`,
    `${url}/truth.npy`,
  ])
  await expect(readRunFileAt(`${url}/none.yaml`)).rejects.toThrow(`${url}/none.yaml is missing`)
  for (const [where, kind] of [
    [`${url}/scope/layout.tsv`, 'layout'],
    [`${url}/em.npy.gz`, 'numpy'],
    [`gs://${BUCKET}/data/slices/z*.png`, 'pattern'],
  ] as const) {
    const out = join(home, `${kind}.yaml`)
    await importVolume(where, { dataset: 'd', voxelSize: '10,10,10', out })
    expect(await contentOf(readRunFile(out))).toEqual(await contentOf(configOf(kinds[kind])))
  }
})

test('what is too large is refused before anything is put, with what to do', async () => {
  elsewhere()
  const file = join(own, 'large.npy')
  writeFileSync(file, '')
  truncateSync(file, 2 ** 31)
  await expect(withoutPaths(configOf({ stack: 'large.npy' }))).rejects.toThrow(
    /source\.stack: .*large\.npy has more than the 1 GiB .* copy it to gs:\/\/.*file:\/\/\/folder/,
  )
  expect((await withoutPaths(configOf({ stack: `file://${file}` }))).source).toEqual({ stack: `file://${file}` })
  rmSync(file)
})
