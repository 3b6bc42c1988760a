// ingest: every tile of a section is read, checked and archived; bad ones are set aside by name with the reason.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { RunConfig, TileEntry } from '../domain/config.ts'
import type { BatchOutcome, Outcome } from '../domain/contract.ts'
import { HillockError, isHillockError } from '../domain/errors.ts'
import { sha256, type Digest } from '../domain/recipe.ts'
import type { Hole } from '../domain/release.ts'
import type { SectionTask } from '../domain/tasks.ts'
import type { TileQuality } from '../kernels/tile-quality.ts'
import { decodeTile } from '../storage/formats/image.ts'
import { putRaw } from '../storage/raw.ts'
import type { Deps } from './context.ts'
import { batch } from './pages.ts'
import { progress, timedKernel } from './meter.ts'
import { json, produce } from './produce.ts'
import { configOf, saveDocument } from './documents.ts'
import { identityOf, listed, openSource, type TileSource } from './sources/source.ts'

/** `x`, `y`: nominal position of the first pixel, in pixels. */
export interface IngestedTile extends TileQuality, Readonly<Record<'x' | 'y' | 'width' | 'height', number>> {
  readonly name: string
  /** Key of the tile's bytes in the raw archive. */
  readonly sha256: Digest
}

export interface SectionManifest {
  readonly section: number
  readonly tiles: readonly IngestedTile[]
  readonly rejected: readonly { readonly name: string; readonly reason: string }[]
}

export async function ingest(deps: Deps, task: SectionTask): Promise<BatchOutcome> {
  const { context, first, last, slab } = task
  const config = await configOf(deps, context.config)
  const tiles = await listed(deps, context, slab, first, last)
  const source = openSource(config)
  const identity = await identityOf(config, tiles, source)
  const changed = (): HillockError =>
    new HillockError('SourceChanged', `the source of sections ${first} to ${last} changed while it was read`)
  if (context.source !== undefined && context.source !== sha256(canonicalJson(await source!.whole()))) throw changed()
  const read = (tile: TileEntry): Promise<Uint8Array> =>
    source ? source.bytes(tile) : deps.artifacts.get(slab!, tile.file)
  const outcomes: Outcome[] = []
  for (let z = first; z <= last; z++) {
    const entries = tiles.filter(t => t.section === z)
    outcomes.push(await ingestSection(deps, config, z, entries, read))
    progress(z - first + 1, last - first + 1)
  }
  if ((await identityOf(config, tiles, source)) !== identity) throw changed()
  return { ...(await batch(deps, task.page, outcomes)), source: identity }
}

interface Read {
  readonly tile: TileEntry
  readonly bytes?: Uint8Array
  readonly digest?: Digest
  readonly reason?: string
}

async function ingestSection(
  deps: Deps,
  config: RunConfig,
  z: number,
  entries: readonly TileEntry[],
  read: TileSource['bytes'],
): Promise<Outcome> {
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const reads: Read[] = []
  const names = new Set<string>()
  const digests = new Map<Digest, string>()
  for (const tile of sorted) {
    if (names.has(tile.name)) {
      reads.push({ tile, reason: 'duplicate: the layout lists this tile twice' })
      continue
    }
    names.add(tile.name)
    try {
      const bytes = await read(tile)
      const digest = sha256(bytes)
      const twin = digests.get(digest)
      if (twin) reads.push({ tile, digest, reason: `duplicate: the same bytes as tile ${twin}` })
      else reads.push({ tile, bytes, digest })
      digests.set(digest, twin ?? tile.name)
    } catch (e) {
      if (!isHillockError(e, 'BadTileError')) throw e
      reads.push({ tile, reason: e.message })
    }
  }
  // The listing without its paths: where a file lies says nothing about what it holds.
  const listing = sorted.map(({ name, x, y, width, height }) => ({ name, x, y, width, height }))
  const order = {
    stage: 'ingest',
    key: String(z),
    parameters: config.stages.ingest,
    inputs: {
      listing: sha256(canonicalJson(listing as unknown as Json)),
      ...Object.fromEntries(reads.flatMap(r => (r.digest ? [[`tile/${r.tile.name}`, r.digest]] : []))),
    },
    extent: { section: z },
  } as const
  return produce(deps, config, order, async put => {
    // As they came, whatever is wrong with them: what a recipe takes in can be looked at afterwards.
    await saveDocument(deps, listing)
    for (const { bytes } of reads) if (bytes) await putRaw(deps.objects, bytes)
    const good: IngestedTile[] = []
    const holes: Hole[] = []
    for (const r of reads) {
      try {
        if (r.reason !== undefined) throw new HillockError('BadTileError', r.reason)
        good.push(await check(deps, config, r.tile, r.bytes!, r.digest!))
      } catch (e) {
        if (!isHillockError(e, 'BadTileError')) throw e
        holes.push({ stage: 'ingest', what: `section ${z} tile ${r.tile.name}`, reason: e.message })
      }
    }
    const manifest: SectionManifest = {
      section: z,
      tiles: good,
      rejected: holes.map(h => ({ name: h.what, reason: h.reason })),
    }
    await put('manifest.json', json(manifest))
    return {
      voxels: good.reduce((n, t) => n + t.width * t.height, 0),
      summary: { tiles: good.length, rejected: holes.length },
      holes,
    }
  })
}

/** Verifies one tile. @throws HillockError BadTileError that says what is wrong with it. */
async function check(
  deps: Deps,
  config: RunConfig,
  tile: TileEntry,
  bytes: Uint8Array,
  digest: Digest,
): Promise<IngestedTile> {
  const image = await timedKernel('decode', () => decodeTile(bytes, tile.name))
  if (image.width !== tile.width || image.height !== tile.height)
    throw new HillockError(
      'BadTileError',
      `wrong shape: ${image.width} x ${image.height} pixels, the layout says ${tile.width} x ${tile.height}`,
    )
  const q = await deps.compute('tileQuality', [image.data, image.width, image.height])
  const { blankStd, maxSaturated } = config.stages.ingest
  if (q.std < blankStd) throw new HillockError('BadTileError', `blank: grey values vary by ${q.std.toFixed(2)} only`)
  if (q.saturated > maxSaturated)
    throw new HillockError('BadTileError', `saturated: ${Math.round(q.saturated * 100)} % of the pixels`)
  const { name, x, y, width, height } = tile
  return { name, x, y, width, height, sha256: digest, ...q }
}
