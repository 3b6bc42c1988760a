// stitch: where the tiles of a section really lie, from their overlaps.
import type { BatchOutcome, Outcome } from '../../domain/contract.ts'
import type { SectionTask } from '../../domain/index/tasks.ts'
import type { Deps } from '../context.ts'
import { batch, refsBelow } from '../housekeeping/pages.ts'
import type { SectionManifest } from './ingest.ts'
import { progress } from '../meter.ts'
import { json, produce } from '../produce.ts'
import { loadTiles, readJson } from './sections.ts'
import { configOf } from '../documents.ts'
import { stitchSection } from '../../kernels/sections/stitch.ts'

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
      const tiles = await loadTiles(deps, manifest.tiles)
      const stitched = await deps.compute(stitchSection, [tiles, parameters])
      await put('stitch.json', json(stitched))
      return {
        voxels: tiles.reduce((n, t) => n + t.data.length, 0),
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
