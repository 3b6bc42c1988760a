// What executes our stage: the mean around every voxel, across the borders of regions.
import { voxels, type CellTask, type Outcome, type StageName } from 'hillock/domain'
import {
  configFor,
  emVolume,
  halo,
  ofRegion,
  produce,
  putVolume,
  readVolume,
  refs,
  regionBox,
  touching,
  type Deps,
} from 'hillock/worker'
import { mean } from './mean.ts'

const BLUR = 'blur' as StageName

export async function blur(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const parameters = config.stages[BLUR] as unknown as { radius: number }
  const box = regionBox(task)
  const outer = halo(box, parameters.radius, task.context.bounds)
  const order = ofRegion(BLUR, task, parameters, touching(task, 'render', outer))
  return produce(deps, config, order, async put => {
    const em = await readVolume(deps, task, refs(task, 'render'), emVolume, outer)
    await putVolume(put, mean(em, outer, box, parameters.radius), box, emVolume)
    return { voxels: voxels(box) }
  })
}
