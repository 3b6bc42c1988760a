// stitch: where the tiles of a section really lie, from their overlaps.
import type { BatchOutcome, Outcome } from '../../domain/contract/artifacts.ts'
import type { SectionTask } from '../../domain/contract/activities.ts'
import type { Deps } from '../context.ts'
import { batch, refsBelow } from '../housekeeping/index-nodes.ts'
import type { IngestedTile, SectionManifest } from './ingest.ts'
import { progress } from '../meter.ts'
import { json, produce } from '../produce.ts'
import { decoded, loadTiles, readJson } from './sections.ts'
import { configOf } from '../documents.ts'
import { greyHistogram, intensityOf, patchesOf, tileGreys } from '../../kernels/sections/illumination.ts'
import { overlapsOf, seamMatches } from '../../kernels/sections/seams.ts'
import type { SectionStitch, SectionTile, StitchParams } from '../../kernels/sections/section-types.ts'
import { inOrder, placeTiles } from '../../kernels/sections/stitch.ts'
import { mapBounded } from '../../storage/bounded.ts'

export async function stitch(deps: Deps, task: SectionTask): Promise<BatchOutcome> {
  const { context, first, last } = task
  const config = await configOf(deps, context.config)
  const ingested = await refsBelow(deps, task.page ? [task.page] : [], 'ingest')
  const outcomes: Outcome[] = []
  for (let z = first; z <= last; z++) {
    const ref = ingested[String(z)]!
    const parameters = config.stages.stitch
    const order = {
      stage: 'stitch',
      key: String(z),
      parameters,
      inputs: { ingest: ref },
      extent: { section: z },
    } as const
    const work = produce(deps, config, order, async put => {
      const manifest = await readJson<SectionManifest>(deps, ref, 'manifest.json')
      if (manifest.tiles.length === 0) {
        await put('stitch.json', Buffer.from('null'))
        return { voxels: 0, summary: { tiles: 0 } }
      }
      const tiles = manifest.tiles
      const stitched = await stitchTiles(deps, tiles, parameters)
      await put('stitch.json', json(stitched))
      return {
        voxels: tiles.reduce((n, t) => n + t.width * t.height, 0),
        summary: {
          tiles: tiles.length,
          matches: stitched.matches.length,
          unmatched: [...stitched.unmatched],
          ...(stitched.matches.length
            ? { residualPx: stitched.residualPx.median, maxResidualPx: stitched.residualPx.max }
            : {}),
        },
      }
    })
    outcomes.push(await work)
    progress(z - first + 1, last - first + 1)
  }
  return batch(deps, task.page, outcomes)
}

/** Tiles, each with those that it overlaps, that are in memory at once. */
const WIDTH = 4

/** Stitches a section from what its tiles tell pair by pair and one by one, so that it may have any number of them. */
export async function stitchTiles(
  deps: Deps,
  listed: readonly IngestedTile[],
  p: StitchParams,
): Promise<SectionStitch> {
  const tiles = inOrder(listed)
  const pairs = overlapsOf(tiles)
  const load = (...which: number[]): Promise<SectionTile[]> =>
    loadTiles(
      deps,
      which.map(i => tiles[i]!),
      decoded,
    )
  const each = <T>(work: (i: number) => Promise<T>): Promise<T[]> =>
    mapBounded(tiles, WIDTH, async (_, i) => {
      const done = await work(i)
      progress(i, tiles.length)
      return done
    })
  const later = Map.groupBy(pairs, ([a]) => a)
  const seams = await each(async a => {
    const group = [a, ...(later.get(a) ?? []).map(([, b]) => b)]
    const own = group.slice(1).map((_, k) => [0, k + 1] as const)
    const found = own.length > 0 ? await deps.compute(seamMatches, [await load(...group), own, p]) : []
    return found.map(m => ({ ...m, a, b: group[m.b]! }))
  })
  const matches = seams.flat()
  const patches = patchesOf(tiles.length, matches)
  const greys = await each(async i => deps.compute(tileGreys, [(await load(i))[0]!, patches[i]!]))
  const placed = await deps.compute(placeTiles, [tiles, pairs, matches, greys, p])
  const histograms = await each(async i =>
    deps.compute(greyHistogram, [(await load(i))[0]!, placed.illumination, placed.transforms[i]!.gain]),
  )
  return { ...placed, intensity: intensityOf(histograms) }
}
