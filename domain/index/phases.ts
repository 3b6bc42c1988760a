// Which stages and phases a run goes through, in the order of the stage table.
import type { RunContext } from '../contract/run.ts'
import type { RunConfig } from '../config.ts'
import { AFFINITY } from '../models.ts'
import { EM, layers, stageNames, stages, type StageName, type VolumeRow } from '../stages.ts'
import { levelsOf, parseInput } from './reads.ts'
import { BATCH, frontierLevel, rangeGrid, rangesOf, regionGrid, sectionGrid, type Grid } from './grid.ts'
import { nodesAt } from './tree.ts'

/** What decides which stages a run has. */
type Extent = Pick<RunContext, 'through' | 'synthetic' | 'aligned'> &
  Partial<Pick<RunContext, 'bounds' | 'region'>> & { readonly models?: object | undefined }

export const extentOf = (c: RunConfig): Extent => ({
  through: c.through,
  synthetic: 'phantom' in c.source,
  aligned: c.stages.align.method === 'none',
  models: c.models,
})

/**
 * Stages of a run: those whose model it has, and all that they read; one that ends with the images has what these rest on. Directories
 * only where it is known that there are more regions than a range reads.
 */
export function activeStages(run: Extent): StageName[] {
  const has = { synthetic: run.synthetic, unaligned: !run.aligned }
  const many = run.bounds !== undefined && frontierLevel(run.bounds, run.region!) > 0
  const out = new Set<StageName>()
  const lacks = (s: StageName): boolean => {
    const { model, only, directory, inputs } = stages[s]
    if (only) return !has[only]
    if (directory && !many) return true
    if (model && !model.orKernel && model.role !== AFFINITY && !(model.role in (run.models ?? {}))) return true
    return inputs
      .map(i => parseInput(i).stage)
      .some(i => i !== s && !stages[i].only && !stages[i].directory && !out.has(i))
  }
  for (const s of stageNames) if (!lacks(s)) out.add(s)
  const names = [...out]
  return run.through === 'evaluate' ? names : names.filter(s => behindImages.has(s))
}

const emRow = layers.find(l => l.layer === EM) as VolumeRow
/** The stage that makes the voxels of the layer that every release has. */
export const IMAGES = emRow.regions as StageName
/** The stage of that layer, and all behind it. */
const behindImages = new Set<StageName>([emRow.stage])
for (const s of behindImages) for (const i of stages[s].inputs) behindImages.add(parseInput(i).stage)

/** Phases that are one activity for the whole dataset, not a walk over cells. */
export const isDatasetPhase = (phase: string): boolean =>
  stageNames.some(s => stages[s].phase === phase && ['dataset', 'release'].includes(stages[s].scope))

type Cells = Pick<RunContext, 'bounds' | 'region' | 'partitions'>

/** Into how many ranges a stage shares all segments out. */
export const rangesIn = (stage: StageName, { bounds, region, partitions }: Cells): number =>
  (stages[stage].layers?.some(l => l.kind === 'tables') && partitions) || rangesOf(bounds, region)

/** The grid that the cells of a stage lie on. */
export function gridOf(stage: StageName, context: Cells): Grid {
  const { bounds, region } = context
  if (stages[stage].scope === 'range') return rangeGrid(rangesIn(stage, context))
  return isOfSections(stage) ? sectionGrid(bounds) : regionGrid(bounds, region)
}

/** Stages of single sections, or of some beside each other. */
export const isOfSections = (stage: StageName): boolean => ['slab', 'section', 'pair'].includes(stages[stage].scope)

/** Phases that go from the root of the tree down to its leaves. */
export const isTopDown = (phase: string): boolean =>
  stageNames.some(s => stages[s].phase === phase && stages[s].inputs.includes(`${s}>`))

export const phasesOf = (run: Extent): string[] => [...new Set(activeStages(run).map(s => stages[s].phase))]

/** Artifacts that a run looks for, by stage. */
export function expected(context: RunContext): Map<StageName, number> {
  const { bounds, region } = context
  const sections = bounds.max[2]
  const cells = regionGrid(bounds, region).cells.reduce((n, c) => n * c)
  const nodesOf = (stage: StageName): number => {
    const [lowest, highest] = levelsOf(stage, context)
    let n = 0
    for (let l = lowest; l <= highest; l++) n += nodesAt(l, region, bounds).length
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
      case 'range':
        return rangesIn(s, context)
      case 'node':
        return nodesOf(s)
      default:
        return 1
    }
  }
  return new Map(activeStages(context).map(s => [s, count(s)]))
}
