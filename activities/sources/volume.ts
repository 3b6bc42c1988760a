// A source that is an aligned volume: its extent, and its slices, read slab by slab.
import type { RunConfig } from '../../domain/config.ts'
import type { TileEntry, VolumeSource } from '../../domain/run-file/source.ts'
import { configError, HillockError } from '../../domain/errors.ts'
import { boxAt, boxName, contains, map3, shapeOf, subtract, translate, type Box } from '../../domain/geometry.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import { canonicalJson } from '../../domain/canonical.ts'
import { openVolume } from '../../storage/foreign/volume.ts'
import { lacksOf, type Lack } from '../../storage/foreign/holes.ts'
import type { ForeignVolume, VolumeHole } from '../../storage/foreign/types.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { cached } from '../../storage/cached.ts'
import { tilePng } from './slices.ts'
import type { TileSource } from './source.ts'

interface Opened {
  readonly volume: ForeignVolume
  /** What is taken of it. */
  readonly box: Box
}

/** Data types that become grey values of 8 bits: the deeper ones by the window of the run file. */
const GREYS: readonly string[] = ['uint8', 'uint16']

/** @throws HillockError ConfigError when there is no volume of EM, or it does not hold the box. */
async function open(source: VolumeSource, { stages }: RunConfig, objects?: ObjectStore): Promise<Opened> {
  const fail = (why: string): HillockError => configError(`source.volume: ${source.url}: ${why}`)
  const volume = await openVolume(source.url, source.format, objects)
  const mip = volume.mips[source.mip]
  if (!mip) throw fail(`there is no mip ${source.mip}; they go from 0 to ${volume.mips.length - 1}`)
  if (mip.unread) throw fail(`mip ${source.mip}: ${mip.unread}`)
  if (!GREYS.includes(mip.dataType) || volume.channels !== 1)
    throw fail(
      `holds ${volume.channels === 1 ? '' : `${volume.channels} channels of `}${mip.dataType}; EM is one channel of ${GREYS.join(' or ')}`,
    )
  if (mip.dataType !== 'uint8' && !stages.ingest.window)
    throw fail(
      `holds ${mip.dataType}: say which values become black and white, --set "stages.ingest.window=[low, high]"; hillock import measures them`,
    )
  const box = source.box ?? mip.bounds
  if (!contains(mip.bounds, box)) throw fail(`box ${boxName(box)} lies outside ${boxName(mip.bounds)}`)
  return { volume, box }
}

/** Memory of one slab of slices, and how many are kept: sections are asked for in batches, one after the other, several batches at a time. */
const SLAB_BYTES = 1 << 27
const KEPT = 4

/** Slabs that were read last, by what the objects behind them looked like. */
const slabs = new Map<unknown, Promise<Slab>>()

interface Slab {
  readonly data: Uint8Array | Uint16Array
  readonly holes: readonly VolumeHole[]
}

export function volumeSource(source: VolumeSource, config: RunConfig, objects?: ObjectStore): TileSource {
  let opened: Promise<Opened> | undefined
  const stamps = new Map<string, Promise<Digest>>()
  const stampOfSlab = async (part: Box): Promise<Digest> => {
    const { volume } = await opened!
    return sha256(canonicalJson([volume.metadata, source.mip, await volume.stamps(source.mip, part)]))
  }
  const stamp = (part: Box): Promise<Digest> => cached(stamps, boxName(part), Infinity, () => stampOfSlab(part))
  const slabOf = async (tile: TileEntry): Promise<{ data: Slab['data']; box: Box; lacks: readonly Lack[] }> => {
    const now = await (opened ??= open(source, config, objects))
    const part = slabAround(now, source.mip, tile)
    const before = await stamp(part)
    const { data, holes } = await cached(slabs, `${source.url} ${boxName(part)} ${before}`, KEPT, async () => {
      const holes: VolumeHole[] = []
      const data = (await now.volume.read(source.mip, part, holes)) as Uint8Array | Uint16Array
      // What is kept under a stamp is what was there under that stamp.
      if ((await stampOfSlab(part)) !== before)
        throw new HillockError('SourceChanged', `${source.url} changed while ${boxName(part)} was read`)
      return { data, holes }
    })
    const toDataset = subtract([0, 0, 0], now.box.min)
    const lacks = lacksOf(holes).map(l => ({ ...l, box: translate(l.box, toDataset) }))
    return { data, box: translate(part, toDataset), lacks }
  }
  return {
    async survey() {
      const { volume, box } = await (opened ??= open(source, config, objects))
      // What a host does not give is found out before anything starts; what is damaged is found where it lies.
      await volume.read(
        source.mip,
        boxAt(
          map3(a => Math.floor((box.min[a] + box.max[a]) / 2)),
          [1, 1, 1],
        ),
        [],
      )
      return { bounds: { min: [0, 0, 0], max: shapeOf(box) }, offset: box.min, tiles: null }
    },
    async whole() {
      const { volume, box } = await open(source, config, objects)
      return { ...source, box: { min: [...box.min], max: [...box.max] }, metadata: volume.metadata }
    },
    async identity(tiles) {
      opened = open(source, config, objects)
      stamps.clear()
      const parts = new Map<string, Box>()
      for (const t of tiles) {
        const part = slabAround(await opened, source.mip, t)
        parts.set(boxName(part), part)
      }
      const out: [string, Digest][] = []
      for (const [name, part] of parts) out.push([name, await stamp(part)])
      return out
    },
    async bytes(tile) {
      const { data, box } = await slabOf(tile)
      return tilePng(tile, data, box)
    },
    async lacks(tile) {
      return (await slabOf(tile)).lacks
    },
  }
}

/** The tile through whole chunks in depth, as far as memory allows; in coordinates of the source. */
function slabAround({ volume, box }: Opened, mip: number, { x, y, width, height, section }: TileEntry): Box {
  const { chunk, bounds } = volume.mips[mip]!
  const z = box.min[2] + section
  const depth = Math.max(1, Math.min(chunk[2], Math.floor(SLAB_BYTES / (width * height))))
  const origin = bounds.min[2]
  const step = Math.floor((z - origin) / depth)
  return {
    min: [box.min[0] + x, box.min[1] + y, Math.max(box.min[2], origin + step * depth)],
    max: [box.min[0] + x + width, box.min[1] + y + height, Math.min(box.max[2], origin + (step + 1) * depth)],
  }
}
