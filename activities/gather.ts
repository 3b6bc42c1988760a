// What a stage reads, looked up in the index just before it runs; tasks carry nothing but the roots.
import type { Refs } from '../domain/contract/artifacts.ts'
import { fromKey } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { frontierLevel, rangeName } from '../domain/index/grid.ts'
import { rangesIn } from '../domain/index/phases.ts'
import { cellName, parseInput, readsAt } from '../domain/index/reads.ts'
import { stages, type StageName } from '../domain/stages.ts'
import type { CellTask, DatasetTask, RangeTask } from '../domain/contract/activities.ts'
import { nodesAt, type Node } from '../domain/index/tree.ts'
import { mapBounded } from '../storage/bounded.ts'
import { artifactBelow } from '../storage/index-nodes.ts'
import type { Deps } from './context.ts'
import { refsBelow, sectionNodes } from './housekeeping/index-nodes.ts'

/** Index nodes that are read at once. */
const READS = 16

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
  task: DatasetTask,
  stage: StageName,
  [z0, z1]: readonly [number, number] = [-Infinity, Infinity],
): Promise<string[]> {
  const { bounds } = task.context
  return (await Promise.all(rootOf(task, stage).map(root => sectionNodes(deps, root, bounds, z0, z1)))).flat()
}

/** The artifact of a stage in a cell. @throws Error when the index lists none: a fault of the workflow. */
async function lookUp(deps: Deps, task: DatasetTask, stage: StageName, cell: string): Promise<ArtifactRef> {
  const root = task.roots[stages[stage].phase]
  if (root === undefined) throw new Error(`${stage} is wanted, but phase ${stages[stage].phase} has no index yet`)
  const ref = await artifactBelow(deps.objects, root, stage, cell)
  if (!ref) throw new Error(`the index lists no ${stage} artifact of ${cell}`)
  return ref
}

/** What a stage has made of some regions or nodes, by cell. */
export async function madeAt(deps: Deps, task: DatasetTask, stage: StageName, nodes: readonly Node[]): Promise<Refs> {
  const cells = nodes.map(n => cellName(stage, n))
  const found = await mapBounded(cells, READS, async c => [c, await lookUp(deps, task, stage, c)] as const)
  return Object.fromEntries(found)
}

/**
 * What ranges read of a directory, by stage and cell: its artifacts where the region tree has few enough nodes; where there are few
 * enough regions, all that it would be made from.
 */
export async function atFrontier(deps: Deps, task: DatasetTask, directory: StageName): Promise<Record<string, Refs>> {
  const { bounds, region } = task.context
  const level = frontierLevel(bounds, region)
  const ofRegions = stages[directory].inputs.map(i => parseInput(i).stage).filter(s => s !== directory)
  const nodes = nodesAt(level, region, bounds).map(coord => ({ level, coord }))
  const names = level > 0 ? [directory] : ofRegions
  return Object.fromEntries(await Promise.all(names.map(async s => [s, await madeAt(deps, task, s, nodes)] as const)))
}

/** What a stage has made of the segments of a range, by its own ranges: it may have more of them or fewer, in powers of two. */
export async function ofSegments(deps: Deps, { range, of, ...task }: RangeTask, stage: StageName): Promise<Refs> {
  const own = rangesIn(stage, task.context)
  const ranges = Array.from({ length: Math.max(1, own / of) }, (_, i) => (range % own) + i * of)
  const names = ranges.map(r => rangeName(r, own))
  return Object.fromEntries(await Promise.all(names.map(async n => [n, await lookUp(deps, task, stage, n)] as const)))
}

/** What a stage has made of its first range. */
export const ofFirstRange = (deps: Deps, task: RangeTask, stage: StageName): Promise<ArtifactRef> =>
  lookUp(deps, task, stage, rangeName(0, rangesIn(stage, task.context)))

/** The task with the artifacts of earlier phases that `stage` reads. */
export async function gather(deps: Deps, stage: StageName, task: CellTask): Promise<CellTask> {
  const node: Node = { level: task.level, coord: fromKey(task.cell) }
  const refs: Record<string, Refs> = { ...task.refs }
  for (const name of stages[stage].inputs) {
    const input = parseInput(name)
    const row = stages[input.stage]
    if (row.phase === stages[stage].phase || !['region', 'node', 'dataset'].includes(row.scope)) continue
    const nodes = readsAt(input, node, task.context)
    refs[input.stage] = { ...refs[input.stage], ...(await madeAt(deps, task, input.stage, nodes)) }
  }
  return { ...task, refs }
}
