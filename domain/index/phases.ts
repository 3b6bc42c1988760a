// Which stages and phases a run goes through, in the order of the stage table.
import type { RunContext } from '../contract.ts'
import { stageNames, stages, type StageName } from '../stages.ts'
import { BATCH, regionGrid } from './sweep.ts'
import { nodesAt, rootLevel } from './tree.ts'

type Extent = Pick<RunContext, 'through' | 'synthetic' | 'aligned'>

/** Stages of a run; one that ends with the images has no segmentation and what follows from it. */
export const activeStages = ({ through, synthetic, aligned }: Extent): StageName[] =>
  stageNames.filter(
    s =>
      (s !== 'phantom' || synthetic) &&
      (s !== 'match' || !aligned) &&
      (through === 'evaluate' || s === 'pyramid' || stageNames.indexOf(s) <= stageNames.indexOf('render')),
  )

/** Phases that are one activity for the whole dataset, not a walk over cells. */
export const isDatasetPhase = (phase: string): boolean =>
  stageNames.some(s => stages[s].phase === phase && ['dataset', 'release'].includes(stages[s].scope))

/** Phases that go from the root of the tree down to its leaves. */
export const isTopDown = (phase: string): boolean =>
  stageNames.some(s => stages[s].phase === phase && stages[s].inputs.includes(`${s}>`))

export const phasesOf = (run: Extent): string[] => [...new Set(activeStages(run).map(s => stages[s].phase))]

/** Artifacts that a run looks for, by stage. */
export function expected(context: RunContext): Map<StageName, number> {
  const { bounds, region } = context
  const sections = bounds.max[2]
  const cells = regionGrid(bounds, region).cells.reduce((n, c) => n * c)
  const nodesFrom = (level: number): number => {
    let n = 0
    for (let l = level; l <= rootLevel(bounds, region); l++) n += nodesAt(l, region, bounds).length
    return n
  }
  const count = (s: StageName): number => {
    switch (stages[s].scope) {
      case 'slab':
        return Math.ceil(sections / BATCH)
      case 'section':
        return sections
      case 'pair':
        return Math.max(0, sections - 1) + Math.max(0, sections - 2)
      case 'region':
        return cells
      case 'node':
        return nodesFrom(stages[s].lowest ?? 0)
      default:
        return 1
    }
  }
  return new Map(activeStages(context).map(s => [s, count(s)]))
}
