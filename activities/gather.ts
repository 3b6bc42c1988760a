// What a stage reads, looked up in the index just before it runs; tasks carry nothing but the roots.
import type { Refs } from '../domain/contract/artifacts.ts'
import type { RunContext } from '../domain/contract/run.ts'
import { fromKey } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { gridOf } from '../domain/index/phases.ts'
import { cellName, parseInput, readsAt } from '../domain/index/reads.ts'
import { stages, type StageName } from '../domain/stages.ts'
import type { CellTask, DatasetTask } from '../domain/contract/activities.ts'
import type { Node } from '../domain/index/tree.ts'
import type { Deps } from './context.ts'
import { nodeTowards, readIndexNode, refsBelow, sectionNodes } from './housekeeping/index-nodes.ts'

type Found = Pick<DatasetTask, 'roots'>

/** Index nodes of all that a stage has made in an earlier phase; none where the run does without. */
const rootOf = ({ roots }: Found, stage: StageName): string[] => {
  const root = roots[stages[stage].phase]
  return root === undefined ? [] : [root]
}

/** All that a stage has made, by cell. */
export const madeBy = (deps: Deps, task: Found, stage: StageName): Promise<Refs> =>
  refsBelow(deps, rootOf(task, stage), stage)

/** Index nodes of what a stage has made of the sections `z0 <= z < z1`, or of all. */
export async function nodesOf(
  deps: Deps,
  task: Found & { readonly context: RunContext },
  stage: StageName,
  [z0, z1]: readonly [number, number] = [-Infinity, Infinity],
): Promise<string[]> {
  const { bounds } = task.context
  return (await Promise.all(rootOf(task, stage).map(root => sectionNodes(deps, root, bounds, z0, z1)))).flat()
}

/** The artifact of a stage at a node. @throws Error when the index lists none: a fault of the workflow. */
async function lookUp(deps: Deps, task: CellTask, stage: StageName, node: Node): Promise<ArtifactRef> {
  const root = task.roots[stages[stage].phase]
  if (root === undefined) throw new Error(`${stage} is wanted, but phase ${stages[stage].phase} has no index yet`)
  const dataset = stages[stage].scope === 'dataset'
  const digest = dataset ? root : (await nodeTowards(deps, root, gridOf(stage, task.context), node)).digest
  const cell = cellName(stage, node)
  const entry = (await readIndexNode(deps, digest)).entries.find(e => e.stage === stage && e.cell === cell)
  if (!entry) throw new Error(`the index lists no ${stage} artifact of ${cell}`)
  return entry.ref
}

/** The task with the artifacts of earlier phases that `stage` reads. */
export async function gather(deps: Deps, stage: StageName, task: CellTask): Promise<CellTask> {
  const node: Node = { level: task.level, coord: fromKey(task.cell) }
  const refs: Record<string, Refs> = { ...task.refs }
  for (const name of stages[stage].inputs) {
    const input = parseInput(name)
    const row = stages[input.stage]
    if (row.phase === stages[stage].phase || !['region', 'node', 'dataset'].includes(row.scope)) continue
    const nodes = readsAt(input, node, task.context)
    const found = await Promise.all(
      nodes.map(async n => [cellName(input.stage, n), await lookUp(deps, task, input.stage, n)] as const),
    )
    refs[input.stage] = { ...refs[input.stage], ...Object.fromEntries(found) }
  }
  return { ...task, refs }
}
