// Every activity of Hillock, ready for a worker: stages by name and housekeeping, with heartbeats and typed failures.
import type { Housekeeping, StageActivities } from '../domain/tasks.ts'
import { affinity } from './affinity.ts'
import { agglomerate } from './agglomerate.ts'
import { align } from './align.ts'
import type { Deps } from './context.ts'
import { evaluate, evaluateRelease } from './evaluate.ts'
import { graph } from './graph.ts'
import { guarded } from './guard.ts'
import { saveIndex } from './index-objects.ts'
import { ingest } from './ingest.ts'
import { match } from './match.ts'
import { mergeTable } from './merge-table.ts'
import { mesh } from './mesh.ts'
import { meteredCompute, meteredInfer, meteredStore } from './meter.ts'
import { phantom } from './phantom.ts'
import { labelPyramid, pyramid } from './pyramid.ts'
import { rag } from './rag.ts'
import { assemble, publish, rollBack } from './release.ts'
import { render } from './render.ts'
import { segment } from './segment.ts'
import { skeletonJoin } from './skeleton-join.ts'
import { skeleton } from './skeleton.ts'
import { stitch } from './stitch.ts'
import { supervoxel } from './supervoxel.ts'
import { survey } from './survey.ts'
import { synapseMap } from './synapse-map.ts'
import { synapse } from './synapse.ts'
import { artifactStore } from '../storage/artifacts.ts'

type Bare = { [S in keyof StageActivities]: (deps: Deps, task: never) => ReturnType<StageActivities[S]> }

const stageActivities = {
  phantom,
  ingest,
  stitch,
  match,
  align,
  render,
  affinity,
  'synapse-map': synapseMap,
  supervoxel,
  rag,
  agglomerate,
  'merge-table': mergeTable,
  segment,
  synapse,
  mesh,
  skeleton,
  'skeleton-join': skeletonJoin,
  graph,
  pyramid,
  'label-pyramid': labelPyramid,
  evaluate,
} satisfies Bare

const housekeeping = { survey, saveIndex, assemble, publish, rollBack, evaluateRelease } satisfies {
  [H in keyof Housekeeping]: (deps: Deps, ...args: Parameters<Housekeeping[H]>) => ReturnType<Housekeeping[H]>
}

/** Stores and pools of `plain` are wrapped so that every activity's time is booked by kind. */
export function createActivities(plain: Deps): StageActivities & Housekeeping {
  const objects = meteredStore(plain.objects)
  const deps: Deps = {
    ...plain,
    objects,
    artifacts: artifactStore(objects),
    compute: meteredCompute(plain.compute),
    infer: meteredInfer(plain.infer),
  }
  return guarded({ ...stageActivities, ...housekeeping }, deps) as unknown as StageActivities & Housekeeping
}
