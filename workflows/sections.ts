// One batch of sections: (synthetic source ->) verified tiles -> tile transforms; in a later phase, matches with those before.
import { housekeeping } from './housekeeping.ts'
import { runStage } from './stage.ts'
import { countOf } from './tracker.ts'
import { entryOf, type Place, type Swept } from '../domain/contract.ts'
import { batchRange } from '../domain/sweep.ts'

export async function sections(place: Place): Promise<Swept> {
  const { context, phase, roots } = place
  const { first, last } = batchRange(place.node.coord, context.bounds)
  const what = `z${first}-${last}`
  const task = { context, first, last, roots, page: null, slab: null }
  if (phase === 'matches') {
    const matched = await runStage('match', what, task)
    const page = await housekeeping.savePage({ place, entries: [], below: [{ key: what, page: matched.page }] })
    return { page, counts: matched.counts, top: {} }
  }
  const slab = context.synthetic ? await runStage('phantom', what, task) : null
  const ingested = await runStage('ingest', what, { ...task, slab: slab?.ref ?? null })
  const stitched = await runStage('stitch', what, { ...task, page: ingested.page })
  const page = await housekeeping.savePage({
    place,
    entries: slab ? [entryOf(slab)] : [],
    below: [{ key: what, page: stitched.page }],
  })
  return { page, counts: [...(slab ? [countOf(slab)] : []), ...ingested.counts, ...stitched.counts], top: {} }
}
