// measure: of every segment in a region its voxels, box and centre, and its contacts, as sums that add up over regions.
import type { Outcome } from '../../domain/contract/artifacts.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import { shapeOf, voxels } from '../../domain/geometry.ts'
import { compactIds } from '../../kernels/segmentation/compact-ids.ts'
import { measure as measureRegion } from '../../kernels/segmentation/measure.ts'
import { lowSides, readStage, regionBox, seen, touching } from '../cells.ts'
import { moved, type Deps } from '../context.ts'
import { configFor } from '../documents.ts'
import { ofRegion, produce } from '../produce.ts'
import { arrays } from '../segmentation/agglomerate.ts'

export async function measure(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const box = regionBox(task)
  const outer = seen(task, 'measure', 'segment')
  const order = ofRegion('measure', task, config.stages.measure, touching(task, 'segment', outer))
  return produce(deps, config, order, async put => {
    const { labels, ids } = await deps.compute(compactIds, [moved(await readStage(deps, task, 'segment', outer))])
    const where = { shape: shapeOf(outer), low: lowSides(outer, box), origin: outer.min }
    const { segments, contacts } = await deps.compute(measureRegion, [{ labels: moved(labels), ids, ...where }])
    await put('segments.bin', arrays(segments))
    await put('contacts.bin', arrays(contacts))
    return { voxels: voxels(box), summary: { segments: segments.id.length, contacts: contacts.a.length } }
  })
}
