// Whether tiles can be used, before anything starts: all are looked for, some are read as `ingest` will.
import type { RunConfig } from '../../domain/config.ts'
import type { TileEntry } from '../../domain/run-file/source.ts'
import { HillockError, isHillockError } from '../../domain/errors.ts'
import { tooMany } from '../../domain/releases/release-gate.ts'
import { sha256 } from '../../domain/recipe.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { inputs } from '../../storage/foreign/inputs.ts'
import type { Deps } from '../context.ts'
import { check, isAligned } from '../sections/ingest.ts'
import { progress } from '../meter.ts'
import type { TileSource } from './source.ts'

/** Tiles that are looked for, and side by side; and tiles that are read. */
const LOOKED_FOR = 20_000
const WIDTH = 32
const READ = 8

/** @throws HillockError SourceError when more tiles cannot be used than a release may lack. */
export async function checkTiles(
  deps: Deps,
  config: RunConfig,
  source: TileSource,
  tiles: readonly TileEntry[],
): Promise<void> {
  const { tileHoles } = config.release.gate
  const fail = (bad: readonly string[], of: number): HillockError =>
    new HillockError(
      'SourceError',
      `source: ${bad.length} of ${of} tiles${of < tiles.length ? ' looked at' : ''} cannot be used, more than release.gate.tileHoles (${tileHoles}) allows; the first is ${bad[0]}`,
    )
  const wanted = spread(tiles, LOOKED_FOR)
  const files = inputs(deps.objects)
  let done = 0
  const reasons = await mapBounded(wanted, WIDTH, async tile => {
    progress(++done, wanted.length)
    return refused(() => files.check(tile.file, 'BadTileError'))
  })
  const there = wanted.filter((_, i) => reasons[i] === null)
  const bad = wanted.flatMap((tile, i) => (reasons[i] === null ? [] : [`${nameOf(tile)}: ${reasons[i]}`]))
  if (tooMany(bad.length, wanted.length, tileHoles)) throw fail(bad, wanted.length)
  const read = spread(there, READ)
  const unfit: string[] = []
  for (const tile of read) {
    const why = await refused(async () => {
      const bytes = await source.bytes(tile)
      await check(deps, config, tile, bytes, sha256(bytes), isAligned(config))
    })
    if (why !== null) unfit.push(`${nameOf(tile)}: ${why}`)
  }
  // Of a few among many only a majority tells something.
  const most = read.length === there.length ? tooMany(unfit.length, read.length, tileHoles) : 2 * unfit.length > READ
  if (most || (unfit.length > 0 && unfit.length === read.length)) throw fail(unfit, read.length)
}

const nameOf = ({ section, name }: TileEntry): string => `section ${section} tile ${name}`

/** At most `n` of them, evenly spread. */
const spread = <T>(all: readonly T[], n: number): T[] =>
  Array.from(
    { length: Math.min(n, all.length) },
    (_, i) => all[Math.floor((i * all.length) / Math.min(n, all.length))]!,
  )

async function refused(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work()
    return null
  } catch (e) {
    if (!isHillockError(e, 'BadTileError')) throw e
    return e.message
  }
}
