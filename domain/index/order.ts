// The order of a run, as pure decisions over abstract steps: workflows take them durably, the plan takes them without work.
import { entryOf, type BatchOutcome, type Outcome, type Refs } from '../contract/artifacts.ts'
import type { Subtree, CacheLookup, Saved, SubtreeResult } from '../contract/subtree.ts'
import type { RunContext, StageCount } from '../contract/run.ts'
import type { IndexEntry } from './index-node.ts'
import { countOf, summed } from '../slo/counts.ts'
import { fromKey, key, product } from '../geometry.ts'
import type { ArtifactRef } from '../lineage.ts'
import { activeStages, gridOf, isDatasetPhase, isOfSections, isTopDown, phasesOf, rangesIn } from './phases.ts'
import { cellName, hasLevel, parseInput, readsAt } from './reads.ts'
import { stageNames, stages, type StageName } from '../stages.ts'
import { batchRange, nodesBelow, rangeName, regionGrid, rootOf, type Grid } from './grid.ts'
import type {
  CellIndex,
  CellTask,
  DatasetTask,
  IndexNodeTask,
  RangeTask,
  SectionStage,
  SectionTask,
} from '../contract/activities.ts'
import { nodeKey, rootLevel, type Node } from './tree.ts'
import { window } from './window.ts'

/** What a subtree is: a fan-out over many cells, or one of these. */
type SubtreeKind = 'fanOut' | 'region' | 'sections' | 'range'

/** What has come of a cell: the fan-out writes its index node together with its own. */
interface CellResult extends Pick<CellIndex, 'entries' | 'below'> {
  readonly counts: readonly StageCount[]
}

/** What a workflow takes durably, and a plan without work. */
export interface Steps {
  lookUpCache(subtree: Subtree): Promise<CacheLookup>
  saveIndexNode(task: IndexNodeTask): Promise<Saved>
  /** One activity; `what` is the part of its name that says which. */
  make(
    stage: Exclude<StageName, SectionStage>,
    what: string,
    task: CellTask | RangeTask | DatasetTask | SectionTask,
  ): Promise<Outcome>
  makeBatch(stage: SectionStage, what: string, task: SectionTask): Promise<BatchOutcome>
  /** Hears what has come of a cell or of a node of the region tree. */
  spent(counts: readonly StageCount[]): Promise<void>
  /** `runFanOut` of a fan-out below, somewhere else. */
  visit(subtree: Subtree): Promise<SubtreeResult>
}

/** Cells, nodes or fan-outs of one fan-out that are under way at once; more would only wait in the task queues. */
export const WIDTH = 8
/** A phase of at most so many cells is no workflow of its own: those of a run come to less than 2,000 events together. */
const SMALL = 16

export const stagesOf = ({ context, phase }: Pick<Subtree, 'context' | 'phase'>): StageName[] =>
  activeStages(context).filter(s => stages[s].phase === phase)

export function kindOf({ phase, node }: Pick<Subtree, 'phase' | 'node'>): SubtreeKind {
  if (node.level > 0) return 'fanOut'
  const stage = firstOf(phase)
  return isOfSections(stage) ? 'sections' : stages[stage].scope === 'range' ? 'range' : 'region'
}

const firstOf = (phase: string): StageName => stageNames.find(s => stages[s].phase === phase)!

const gridOfPhase = (context: RunContext, phase: string): Grid => gridOf(firstOf(phase), context)

export const isSmall = ({ context, phase }: Pick<Subtree, 'context' | 'phase'>): boolean =>
  product(gridOfPhase(context, phase).cells) <= SMALL

/** The subtree that is a whole phase. */
export const wholePhase = (context: RunContext, phase: string, roots: Subtree['roots']): Subtree => ({
  context,
  phase,
  roots,
  node: rootOf(gridOfPhase(context, phase)),
})

/** Subtrees whose index nodes that of a fan-out, or of a phase that is none, lists. */
export function subtreesBelow({ context, phase, node }: Pick<Subtree, 'context' | 'phase' | 'node'>): Node[] {
  if (isDatasetPhase(phase) || node.level === 0) return []
  const grid = gridOfPhase(context, phase)
  const under = node.level - grid.span
  return under === 0 && stages[stagesOf({ context, phase })[0]!].scope === 'node' ? [] : nodesBelow(grid, node, under)
}

/** Phases that a phase rests on: those whose artifacts its stages read, and all that these rest on. */
function restsOn(phase: string, context: RunContext): Set<string> {
  const out = new Set<string>()
  for (const s of stagesOf({ context, phase }))
    for (const input of stages[s].inputs) {
      const before = stages[parseInput(input).stage].phase
      if (before !== phase && !out.has(before)) for (const p of [before, ...restsOn(before, context)]) out.add(p)
    }
  return out
}

/** All phases but the release, each as soon as those are over that it rests on. Returns the root of the index of every phase. */
export async function runPhases(
  context: RunContext,
  run: (subtree: Subtree) => Promise<string>,
): Promise<Record<string, string>> {
  const roots = new Map<string, Promise<string>>()
  const rootsOf = async (phases: readonly string[]): Promise<Record<string, string>> =>
    Object.fromEntries(await Promise.all(phases.map(async p => [p, await roots.get(p)!] as const)))
  for (const phase of phasesOf(context).filter(p => p !== 'release')) {
    const before = restsOn(phase, context)
    const known = rootsOf([...roots.keys()].filter(p => before.has(p)))
    roots.set(
      phase,
      known.then(own => run(wholePhase(context, phase, own))),
    )
  }
  return rootsOf([...roots.keys()])
}

/** A whole phase; returns the root of its index. */
export const runPhase = async (subtree: Subtree, steps: Steps): Promise<string> =>
  (await (isDatasetPhase(subtree.phase) ? runDataset(subtree, steps) : steps.visit(subtree))).page

/** Some regions of a phase before the others; what is made there, the phase finds. */
export async function runAhead(subtree: Subtree, regions: readonly string[], steps: Steps): Promise<StageCount[]> {
  const nodes = regions.map(r => ({ level: 0, coord: fromKey(r) }))
  const done = await window(nodes, WIDTH, node => runCell({ ...subtree, node }, steps))
  return summed(done.flatMap(d => d.counts))
}

/** A phase that takes the dataset as a whole. */
async function runDataset(subtree: Subtree, steps: Steps): Promise<Saved> {
  const { context, roots } = subtree
  const made = await Promise.all(stagesOf(subtree).map(s => steps.make(s as never, 'dataset', { context, roots })))
  return steps.saveIndexNode({ subtree, entries: made.map(entryOf), below: [] })
}

const runCell = (subtree: Subtree, steps: Steps): Promise<CellResult> =>
  (kindOf(subtree) === 'sections' ? runSections : runStages)(subtree, steps)

/** The stages of one region, or of one range of segments, within one phase: those that read each other in order, the others side by side. */
async function runStages(subtree: Subtree, steps: Steps): Promise<CellResult> {
  const { context, phase, node, roots } = subtree
  const [range, of] = [node.coord[2], rangesIn(firstOf(phase), context)]
  const ofRegion = kindOf(subtree) === 'region'
  const cell = ofRegion ? key(node.coord) : rangeName(range, of)
  const started = new Map<string, Promise<Outcome>>()
  for (const stage of stagesOf(subtree)) {
    const before = stages[stage].inputs.flatMap(i => started.get(parseInput(i).stage) ?? [])
    started.set(
      stage,
      Promise.all(before).then(own => {
        const refs = Object.fromEntries(own.map(o => [o.stage, { [cell]: o.ref }]))
        const task = ofRegion ? { context, level: 0, cell, roots, refs } : { context, range, of, roots }
        return steps.make(stage as never, cell, task)
      }),
    )
  }
  const made = await Promise.all(started.values())
  return { entries: made.map(entryOf), below: [], counts: made.map(countOf) }
}

/** The stages of one batch of sections within one phase, one after the other; each sees the index node of what the one before has made. */
async function runSections(subtree: Subtree, steps: Steps): Promise<CellResult> {
  const { context, roots } = subtree
  const { first, last } = batchRange(subtree.node.coord, context.bounds)
  const what = `z${first}-${last}`
  const entries: IndexEntry[] = []
  const counts: StageCount[] = []
  let slab: Outcome | null = null
  let page: string | null = null
  let source: string | undefined
  for (const stage of stagesOf(subtree)) {
    const reads: ArtifactRef | null = slab && stages[stage].inputs.includes(slab.stage) ? slab.ref : null
    const task: SectionTask = { context, first, last, roots, page, slab: reads }
    if (stages[stage].scope === 'slab') {
      slab = await steps.make(stage as never, what, task)
      entries.push(entryOf(slab))
      counts.push(countOf(slab))
    } else {
      const made: BatchOutcome = await steps.makeBatch(stage as SectionStage, what, task)
      page = made.page
      source = made.source ?? source
      counts.push(...made.counts)
    }
  }
  return { entries, below: [{ key: what, page: page!, ...(source && { source }) }], counts }
}

/** One phase over up to 64 cells, or over fan-outs of them; what is the same as in an earlier run is not visited. */
export async function runFanOut(subtree: Subtree, steps: Steps): Promise<SubtreeResult> {
  const { found, below: known } = await steps.lookUpCache(subtree)
  if (found) return found
  const { context, phase, node, roots } = subtree
  const names = stagesOf(subtree)
  const entries: IndexEntry[] = []
  const counts: StageCount[] = []
  /** Artifacts of this phase that are known here, by stage and cell. */
  const refs = new Map<string, Refs>(Object.entries(subtree.fromParent ?? {}))
  const know = (stage: string, more: Refs): void => void refs.set(stage, { ...refs.get(stage), ...more })

  /** What a stage of the tree reads of this phase: its children's artifacts, or its parent's. */
  const within = (stage: StageName, at: Node): Record<string, Refs> => {
    const own = stages[stage].inputs.map(parseInput).filter(input => stages[input.stage].phase === phase)
    const read = own.map((input): [string, Refs] => {
      const there = refs.get(input.stage) ?? {}
      const cells = readsAt(input, at, context).map(n => cellName(input.stage, n))
      return [input.stage, Object.fromEntries(cells.flatMap(c => (there[c] ? [[c, there[c]]] : [])))]
    })
    return Object.fromEntries(read)
  }

  /** Stages of the region tree, level by level: from `lowest` up to this fan-out's own, as far as the tree goes. */
  const levelsFrom = (lowest: number): number[] => {
    const highest = Math.min(node.level, rootLevel(context.bounds, context.region))
    return Array.from({ length: Math.max(0, highest - lowest + 1) }, (_, i) => lowest + i)
  }
  const makeLevels = async (levels: readonly number[]): Promise<void> => {
    const regions = regionGrid(context.bounds, context.region)
    for (const level of levels) {
      const todo = nodesBelow(regions, node, level).flatMap(at =>
        names.filter(s => hasLevel(s, level, context)).map(stage => ({ at, stage })),
      )
      const made = await window(todo, WIDTH, async ({ at, stage }) => {
        const task = { context, level, cell: key(at.coord), roots, refs: within(stage, at) }
        const outcome = await steps.make(stage as never, nodeKey(at), task)
        await steps.spent([countOf(outcome)])
        return outcome
      })
      for (const o of made) know(o.stage, { [o.key]: o.ref })
      entries.push(...made.map(entryOf))
      counts.push(...made.map(countOf))
    }
  }

  const under = node.level - gridOfPhase(context, phase).span
  const topDown = isTopDown(phase)
  if (topDown) await makeLevels(levelsFrom(under + 1).reverse())
  const below = await window([...subtreesBelow(subtree).entries()], WIDTH, async ([i, at]) => {
    const fromParent = topDown && Object.fromEntries(names.map(s => [s, within(s, at)[s]!]))
    const there = { ...subtree, node: at, ...(fromParent && { fromParent }) }
    if (!known[i] && at.level === 0) {
      const { counts: own, ...index } = await runCell(there, steps)
      counts.push(...own)
      await steps.spent(own)
      return { node: at, ...index }
    }
    const done = known[i] ?? (await steps.visit(there))
    counts.push(...done.counts)
    for (const [stage, more] of Object.entries(done.forParent)) know(stage, more)
    return { key: nodeKey(at), page: done.page, ...(done.source && { source: done.source }) }
  })
  if (!topDown && stages[names[0]!].scope === 'node') await makeLevels(levelsFrom(under === 0 ? 0 : under + 1))
  const saved = await steps.saveIndexNode({ subtree, entries, below })
  const own = nodeKey(node)
  const forParent = [...refs].flatMap(([s, all]): [string, Refs][] => (all[own] ? [[s, { [own]: all[own] }]] : []))
  return { ...saved, counts: summed(counts), forParent: Object.fromEntries(forParent) }
}
