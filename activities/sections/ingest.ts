// ingest: every tile of a section is read, checked and archived; bad ones are set aside by name with the reason.
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import type { RunConfig } from '../../domain/config.ts'
import type { TileEntry } from '../../domain/run-file/source.ts'
import type { BatchOutcome, Outcome } from '../../domain/contract/artifacts.ts'
import { HillockError, isHillockError } from '../../domain/errors.ts'
import { boxName } from '../../domain/geometry.ts'
import { places } from '../../domain/run-file/layout.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import type { Hole } from '../../domain/release.ts'
import type { SectionTask } from '../../domain/contract/activities.ts'
import type { TileQuality } from '../../kernels/sections/tile-quality.ts'
import { decodeTile, type GreyMap } from '../../storage/formats/image.ts'
import type { Lack } from '../../storage/foreign/holes.ts'
import { putRaw } from '../../storage/raw.ts'
import type { Deps } from '../context.ts'
import { batch } from '../housekeeping/index-nodes.ts'
import { progress, timedKernel } from '../meter.ts'
import { json, produce } from '../produce.ts'
import { configOf, saveDocument } from '../documents.ts'
import { identityOf, listed, openSource, type TileSource } from '../sources/source.ts'
import { tileQuality } from '../../kernels/sections/tile-quality.ts'

/** `x`, `y`: nominal position of the first pixel, in pixels. */
export interface IngestedTile extends TileQuality, Readonly<Record<'x' | 'y' | 'width' | 'height', number>> {
  readonly name: string
  /** Key of the tile's bytes in the raw archive. */
  readonly sha256: Digest
  /** How their samples become grey values; absent where they are these. */
  readonly grey?: GreyMap
}

/** What is aligned already has black around it, and whole black slices; 0 shows nothing there. */
export const isAligned = ({ source, stages }: RunConfig): boolean =>
  'volume' in source || ('stack' in source && stages.align.method === 'none')

/** The declared mapping to grey values, as it enters manifests and recipes: nothing where there is none. */
export function greyOf(config: RunConfig): {
  grey?: { window?: [number, number]; invert?: true; void?: true }
} {
  const { window, invert } = config.stages.ingest
  if (!window && !invert) return {}
  const grey = { ...(window && { window: [...window] as [number, number] }), ...(invert && { invert }) }
  return { grey: isAligned(config) ? { ...grey, void: true } : grey }
}

export interface SectionManifest {
  readonly section: number
  readonly tiles: readonly IngestedTile[]
  readonly rejected: readonly { readonly name: string; readonly reason: string }[]
  /** Images of a place that another image of it stands for; absent where every place was imaged once. */
  readonly superseded?: readonly { readonly name: string; readonly reason: string }[]
  /** Of an aligned source: boxes of the dataset that it lacks and that reach into this section; absent where it lacks none. */
  readonly lacks?: readonly Lack[]
}

export async function ingest(deps: Deps, task: SectionTask): Promise<BatchOutcome> {
  const { context, first, last, slab } = task
  const config = await configOf(deps, context.config)
  const tiles = await listed(deps, context, slab, first, last)
  const source = openSource(config, deps.objects)
  const identity = await identityOf(config, tiles, source)
  const changed = (): HillockError =>
    new HillockError('SourceChanged', `the source of sections ${first} to ${last} changed while it was read`)
  if (context.source !== undefined && context.source !== sha256(canonicalJson(await source!.whole()))) throw changed()
  const imaged = slab && (await deps.artifacts.open(slab))
  const reader: Pick<TileSource, 'bytes' | 'lacks'> = source ?? {
    bytes: async tile => {
      // A tile that the specimen was not imaged with; one that is gone or damaged since is another matter.
      if (!imaged!.output(tile.file)) throw new HillockError('BadTileError', `missing: ${tile.file}`)
      return imaged!.get(tile.file)
    },
  }
  const outcomes: Outcome[] = []
  for (let z = first; z <= last; z++) {
    const entries = tiles.filter(t => t.section === z)
    outcomes.push(await ingestSection(deps, config, z, entries, reader))
    progress(z - first + 1, last - first + 1)
  }
  if ((await identityOf(config, tiles, source)) !== identity) throw changed()
  return { ...(await batch(deps, task.page, outcomes)), source: identity }
}

/** Bytes of a section's tiles that are held between the look at its recipe and the work; those of the others are read again. */
const HELD = 2 ** 27

interface Read {
  readonly tile: TileEntry
  /** As far as they are held. */
  readonly bytes?: Uint8Array
  readonly digest?: Digest
  readonly reason?: string
}

async function ingestSection(
  deps: Deps,
  config: RunConfig,
  z: number,
  entries: readonly TileEntry[],
  source: Pick<TileSource, 'bytes' | 'lacks'>,
): Promise<Outcome> {
  const { blankStd, maxSaturated } = config.stages.ingest
  const aligned = isAligned(config)
  // Parts of one slice: one of them may well be black, all of them not.
  const parts = !aligned && 'stack' in config.source && entries.length > 1
  const mayBeBlack = aligned || parts
  const superseded: { name: string; reason: string }[] = []
  const taken: TileEntry[] = []
  for (const images of places(entries)) taken.push(await bestOf(deps, config, images, source, superseded))
  const sorted = taken.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const reads: Read[] = []
  const digests = new Map<Digest, string>()
  let held = 0
  for (const tile of sorted) {
    try {
      const bytes = await source.bytes(tile)
      const digest = sha256(bytes)
      // What is black is alike everywhere.
      const twin = mayBeBlack ? undefined : digests.get(digest)
      if (twin) reads.push({ tile, digest, reason: `duplicate: the same bytes as tile ${twin}` })
      else reads.push({ tile, digest, ...((held += bytes.length) <= HELD && { bytes }) })
      digests.set(digest, twin ?? tile.name)
    } catch (e) {
      if (!isHillockError(e, 'BadTileError')) throw e
      reads.push({ tile, reason: e.message })
    }
  }
  const lacks = await lacksIn(z, sorted, source)
  const unread = Object.fromEntries(reads.flatMap(r => (r.digest ? [] : [[r.tile.name, r.reason!]])))
  // The listing without its paths: where a file lies says nothing about what it holds.
  const listing = sorted.map(({ name, x, y, width, height }) => ({ name, x, y, width, height }))
  const order = {
    stage: 'ingest',
    key: String(z),
    parameters: {
      // Nothing else of it plays a part where black is no fault.
      ...(aligned ? { aligned } : { blankStd, maxSaturated, ...(parts && { parts }) }),
      ...greyOf(config).grey,
      ...(Object.keys(unread).length > 0 && { unread }),
    },
    inputs: {
      listing: sha256(canonicalJson(listing as unknown as Json)),
      ...(superseded.length > 0 && { superseded: sha256(canonicalJson(superseded)) }),
      ...(lacks.length > 0 && { lacks: sha256(canonicalJson(lacks as unknown as Json)) }),
      ...Object.fromEntries(reads.flatMap(r => (r.digest ? [[`tile/${r.tile.name}`, r.digest]] : []))),
    },
    extent: { section: z },
  } as const
  return produce(deps, config, order, async put => {
    await saveDocument(deps, listing)
    if (superseded.length > 0) await saveDocument(deps, superseded)
    if (lacks.length > 0) await saveDocument(deps, lacks)
    const good: IngestedTile[] = []
    const holes: Hole[] = []
    // Tiles go into the archive as they came, whatever is wrong with them: what a recipe takes in can be looked at afterwards.
    for (const r of reads) {
      try {
        if (r.reason !== undefined) throw new HillockError('BadTileError', r.reason)
        const bytes = r.bytes ?? (await again(r, z, source))
        await putRaw(deps.objects, bytes)
        good.push(await check(deps, config, r.tile, bytes, r.digest!, mayBeBlack))
      } catch (e) {
        if (!isHillockError(e, 'BadTileError')) throw e
        holes.push({ stage: 'ingest', what: `section ${z} tile ${r.tile.name}`, reason: e.message })
      }
    }
    if (parts && good.every(t => t.std < blankStd))
      for (const { name } of good.splice(0))
        holes.push({ stage: 'ingest', what: `section ${z} tile ${name}`, reason: 'blank, like the whole slice' })
    const manifest: SectionManifest = {
      section: z,
      tiles: good,
      rejected: holes.map(h => ({ name: h.what, reason: h.reason })),
      ...(superseded.length > 0 && { superseded }),
      ...(lacks.length > 0 && { lacks }),
    }
    // Declared once: by the first section that it reaches into.
    for (const { box, reason } of lacks)
      if (box.min[2] === z) holes.push({ stage: 'ingest', what: `box ${boxName(box)}`, reason })
    await put('manifest.json', json(manifest))
    return {
      voxels: good.reduce((n, t) => n + t.width * t.height, 0),
      summary: {
        tiles: good.length,
        rejected: manifest.rejected.length,
        ...(superseded.length > 0 && { superseded: superseded.map(t => `${t.name}: ${t.reason}`) }),
      },
      holes,
    }
  })
}

/** The bytes of a tile that was read before. @throws HillockError SourceChanged when they are others */
async function again({ tile, digest }: Read, z: number, source: Pick<TileSource, 'bytes'>): Promise<Uint8Array> {
  const bytes = await source.bytes(tile).catch((e: unknown) => {
    if (!isHillockError(e, 'BadTileError')) throw e
    return undefined
  })
  if (bytes && sha256(bytes) === digest) return bytes
  throw new HillockError('SourceChanged', `tile ${tile.name} of section ${z} changed while it was read`)
}

/** The image that stands for a place: the last that is good; why the others do not is added to `superseded`. */
async function bestOf(
  deps: Deps,
  config: RunConfig,
  images: readonly TileEntry[],
  source: Pick<TileSource, 'bytes' | 'lacks'>,
  superseded: { name: string; reason: string }[],
): Promise<TileEntry> {
  const last = images.at(-1)!
  if (images.length === 1) return last
  const faults = new Map<TileEntry, string>()
  let best: TileEntry | undefined
  for (const tile of images.toReversed()) {
    try {
      const bytes = await source.bytes(tile)
      await check(deps, config, tile, bytes, sha256(bytes), isAligned(config))
      best = tile
      break
    } catch (e) {
      if (!isHillockError(e, 'BadTileError')) throw e
      faults.set(tile, e.message)
    }
  }
  const taken = best ?? last
  for (const tile of images) {
    const fault = faults.get(tile)
    const reason = fault ? `imaged again, and this image is bad: ${fault}` : 'imaged again: a later image is used'
    if (tile !== taken) superseded.push({ name: tile.name, reason: `superseded: ${reason}` })
  }
  return taken
}

/** What an aligned source lacks in a section, each box once. */
async function lacksIn(z: number, tiles: readonly TileEntry[], source: Pick<TileSource, 'lacks'>): Promise<Lack[]> {
  const all = new Map<string, Lack>()
  for (const tile of tiles)
    for (const lack of (await source.lacks?.(tile)) ?? [])
      if (lack.box.min[2] <= z && z < lack.box.max[2]) all.set(boxName(lack.box), lack)
  return [...all.values()]
}

/** Verifies one tile, which may be black in an aligned source or as a part of a slice. @throws HillockError BadTileError that says what is wrong with it. */
export async function check(
  deps: Deps,
  config: RunConfig,
  tile: TileEntry,
  bytes: Uint8Array,
  digest: Digest,
  mayBeBlack: boolean,
): Promise<IngestedTile> {
  const image = await timedKernel('decode', () => decodeTile(bytes, tile.name, greyOf(config).grey))
  if (image.width !== tile.width || image.height !== tile.height)
    throw new HillockError(
      'BadTileError',
      `wrong shape: ${image.width} x ${image.height} pixels, the layout says ${tile.width} x ${tile.height}`,
    )
  const q = await deps.compute(tileQuality, [image.data, image.width, image.height])
  const { blankStd, maxSaturated } = config.stages.ingest
  if (!mayBeBlack && q.std < blankStd)
    throw new HillockError('BadTileError', `blank: grey values vary by ${q.std.toFixed(2)} only`)
  if (!mayBeBlack && q.saturated > maxSaturated)
    throw new HillockError('BadTileError', `saturated: ${Math.round(q.saturated * 100)} % of the pixels`)
  const { name, x, y, width, height } = tile
  return { name, x, y, width, height, sha256: digest, ...greyOf(config), ...q }
}
