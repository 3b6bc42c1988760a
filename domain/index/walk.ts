// The order of a run, as pure decisions over abstract steps: workflows take them durably, the plan takes them without work.
import { entryOf, type BatchOutcome, type Outcome, type Refs } from '../contract/artifacts.ts'
import type { Place, Probed, Saved, Swept } from '../contract/place.ts'
import type { RunContext, StageCount } from '../contract/run.ts'
import type { IndexEntry } from './page.ts'
import { countOf, summed } from '../slo/counts.ts'
import { fromKey, key } from '../geometry.ts'
import type { ArtifactRef } from '../lineage.ts'
import { activeStages, gridOf, isDatasetPhase, isOfSections, isTopDown, phasesOf } from './phases.ts'
import { cellName, parseInput, readsAt } from './reads.ts'
import { stageNames, stages, type StageName } from '../stages.ts'
import { batchRange, nodesBelow, rangeName, rangesOf, regionGrid, topSweep, type Grid } from './sweep.ts'
import type { CellTask, DatasetTask, PageTask, RangeTask, SectionStage, SectionTask } from '../contract/activities.ts'
import { nodeKey, rootLevel, type Node } from './tree.ts'
import { window } from './window.ts'

/** What a place below a sweep is: a sweep of its own, a region, a batch of sections, or a range of segments. */
export type PlaceKind = 'sweep' | 'region' | 'sections' | 'range'

/** What a workflow takes durably, and a plan without work. */
export interface Steps {
  probe(place: Place): Promise<Probed>
  savePage(task: PageTask): Promise<Saved>
  /** One activity; `what` is the part of its name that says which. */
  make(
    stage: Exclude<StageName, SectionStage>,
    what: string,
    task: CellTask | RangeTask | DatasetTask | SectionTask,
  ): Promise<Outcome>
  makeBatch(stage: SectionStage, what: string, task: SectionTask): Promise<BatchOutcome>
  /** `walkPlace` of it, somewhere else. */
  visit(place: Place): Promise<Swept>
}

/** Places and activities of one sweep that are under way at once; more would only wait in the task queues. */
export const WIDTH = 8

export const stagesOf = ({ context, phase }: Pick<Place, 'context' | 'phase'>): StageName[] =>
  activeStages(context).filter(s => stages[s].phase === phase)

export function kindOf({ phase, node }: Pick<Place, 'phase' | 'node'>): PlaceKind {
  if (node.level > 0) return 'sweep'
  const stage = firstOf(phase)
  return isOfSections(stage) ? 'sections' : stages[stage].scope === 'range' ? 'range' : 'region'
}

const firstOf = (phase: string): StageName => stageNames.find(s => stages[s].phase === phase)!

const gridOfPhase = (context: RunContext, phase: string): Grid => gridOf(firstOf(phase), context)

/** The place that is a whole phase. */
export const wholePhase = (context: RunContext, phase: string, roots: Place['roots']): Place => ({
  context,
  phase,
  roots,
  node: topSweep(gridOfPhase(context, phase)),
})

/** Places whose pages the page of a sweep, or of a phase that is none, lists. */
export function placesBelow({ context, phase, node }: Pick<Place, 'context' | 'phase' | 'node'>): Node[] {
  if (isDatasetPhase(phase) || node.level === 0) return []
  const grid = gridOfPhase(context, phase)
  const under = node.level - grid.span
  return under === 0 && stages[stagesOf({ context, phase })[0]!].scope === 'node' ? [] : nodesBelow(grid, node, under)
}

/** All phases but the release, in order; each reads what those before it have made. Returns the root page of every phase. */
export async function walkRun(
  context: RunContext,
  walk: (place: Place) => Promise<string>,
): Promise<Record<string, string>> {
  const roots: Record<string, string> = {}
  for (const phase of phasesOf(context).filter(p => p !== 'release'))
    roots[phase] = await walk(wholePhase(context, phase, { ...roots }))
  return roots
}

/** A whole phase; returns its root page. */
export const walkPhase = async (place: Place, steps: Steps): Promise<string> =>
  (await (isDatasetPhase(place.phase) ? walkDataset(place, steps) : steps.visit(place))).page

/** Some regions of a phase before the others; what is made there, the phase finds. */
export async function walkAhead(place: Place, regions: readonly string[], steps: Steps): Promise<StageCount[]> {
  const nodes = regions.map(r => ({ level: 0, coord: fromKey(r) }))
  const done = await window(nodes, WIDTH, node => steps.visit({ ...place, node }))
  return summed(done.flatMap(d => d.counts))
}

/** A phase that takes the dataset as a whole. */
async function walkDataset(place: Place, steps: Steps): Promise<Saved> {
  const { context, roots } = place
  const made = await Promise.all(stagesOf(place).map(s => steps.make(s as never, 'dataset', { context, roots })))
  return steps.savePage({ place, entries: made.map(entryOf), below: [] })
}

/** All that is to be done at one place. */
export const walkPlace = (place: Place, steps: Steps): Promise<Swept> =>
  ({ sweep: walkSweep, region: walkRegion, sections: walkSections, range: walkRange })[kindOf(place)](place, steps)

/** The stages of one region within one phase: those that read each other in order, the others side by side. */
async function walkRegion(place: Place, steps: Steps): Promise<Swept> {
  const { context, roots } = place
  const cell = key(place.node.coord)
  const started = new Map<string, Promise<Outcome>>()
  for (const stage of stagesOf(place)) {
    const before = stages[stage].inputs.flatMap(i => started.get(parseInput(i).stage) ?? [])
    started.set(
      stage,
      Promise.all(before).then(own => {
        const refs = Object.fromEntries(own.map(o => [o.stage, { [cell]: o.ref }]))
        return steps.make(stage as never, cell, { context, level: 0, cell, roots, refs })
      }),
    )
  }
  const outcomes = await Promise.all(started.values())
  const saved = await steps.savePage({ place, entries: outcomes.map(entryOf), below: [] })
  return { ...saved, counts: outcomes.map(countOf), top: {} }
}

/** The stages of one batch of sections within one phase, one after the other; each sees the page of what the one before has made. */
async function walkSections(place: Place, steps: Steps): Promise<Swept> {
  const { context, roots } = place
  const { first, last } = batchRange(place.node.coord, context.bounds)
  const what = `z${first}-${last}`
  const entries: IndexEntry[] = []
  const counts: StageCount[] = []
  let slab: Outcome | null = null
  let page: string | null = null
  let source: string | undefined
  for (const stage of stagesOf(place)) {
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
  const below = [{ key: what, page: page!, ...(source && { source }) }]
  return { ...(await steps.savePage({ place, entries, below })), counts, top: {} }
}

/** What becomes of the segments of one range within one phase. */
async function walkRange(place: Place, steps: Steps): Promise<Swept> {
  const { context, roots, node } = place
  const of = rangesOf(context.bounds, context.region)
  const range = node.coord[2]
  const outcomes = await Promise.all(
    stagesOf(place).map(s => steps.make(s as never, rangeName(range, of), { context, range, of, roots })),
  )
  const saved = await steps.savePage({ place, entries: outcomes.map(entryOf), below: [] })
  return { ...saved, counts: outcomes.map(countOf), top: {} }
}

/** One phase over up to 64 cells, or over sweeps of them; what is the same as in an earlier run is not visited. */
async function walkSweep(place: Place, steps: Steps): Promise<Swept> {
  const probed = await steps.probe(place)
  return probed.found ?? new Sweep(place, steps, probed.below).run()
}

class Sweep {
  private readonly place: Place
  private readonly steps: Steps
  private readonly known: Probed['below']
  private readonly names: readonly StageName[]
  private readonly entries: IndexEntry[] = []
  private readonly counts: StageCount[] = []
  /** Artifacts of this phase that are known here, by stage and cell. */
  private readonly refs = new Map<string, Record<string, ArtifactRef>>()

  constructor(place: Place, steps: Steps, known: Probed['below']) {
    this.place = place
    this.steps = steps
    this.known = known
    this.names = stagesOf(place)
    for (const [stage, refs] of Object.entries(place.above ?? {})) this.refs.set(stage, { ...refs })
  }

  async run(): Promise<Swept> {
    const { context, phase, node } = this.place
    const grid = gridOfPhase(context, phase)
    const under = node.level - grid.span
    const nodes = placesBelow(this.place)
    const topDown = isTopDown(phase)
    if (topDown) await this.levels(this.ownLevels(under + 1).reverse())
    const below = await this.visit(nodes)
    if (!topDown && stages[this.names[0]!].scope === 'node')
      await this.levels(this.ownLevels(under === 0 ? 0 : under + 1))
    const saved = await this.steps.savePage({ place: this.place, entries: this.entries, below })
    const own = nodeKey(node)
    const top = [...this.refs].flatMap(([s, refs]): [string, Refs][] => (refs[own] ? [[s, { [own]: refs[own] }]] : []))
    return { ...saved, counts: summed(this.counts), top: Object.fromEntries(top) }
  }

  /** Levels of the region tree from `lowest` up to this sweep's own, as far as the tree goes. */
  private ownLevels(lowest: number): number[] {
    const highest = Math.min(this.place.node.level, rootLevel(this.place.context.bounds, this.place.context.region))
    return Array.from({ length: Math.max(0, highest - lowest + 1) }, (_, i) => lowest + i)
  }

  private async visit(nodes: readonly Node[]): Promise<PageTask['below']> {
    return window([...nodes.entries()], WIDTH, async ([i, node]) => {
      const done = this.known[i] ?? (await this.steps.visit({ ...this.place, node, ...this.aboveOf(node) }))
      this.counts.push(...done.counts)
      for (const [stage, refs] of Object.entries(done.top)) this.refs.set(stage, { ...this.refs.get(stage), ...refs })
      return { key: nodeKey(node), page: done.page, ...(done.source && { source: done.source }) }
    })
  }

  /** Stages of the region tree, level by level. */
  private async levels(levels: readonly number[]): Promise<void> {
    const { context, roots } = this.place
    const grid = regionGrid(context.bounds, context.region)
    for (const level of levels) {
      const todo = nodesBelow(grid, this.place.node, level).flatMap(node => this.names.map(stage => ({ node, stage })))
      const made = await window(todo, WIDTH, ({ node, stage }) => {
        const task = { context, level, cell: key(node.coord), roots, refs: this.within(stage, node) }
        return this.steps.make(stage as never, nodeKey(node), task)
      })
      for (const o of made) this.refs.set(o.stage, { ...this.refs.get(o.stage), [o.key]: o.ref })
      this.entries.push(...made.map(entryOf))
      this.counts.push(...made.map(countOf))
    }
  }

  /** What a stage of the tree reads of this phase: its children's artifacts, or its parent's. */
  private within(stage: StageName, node: Node): Record<string, Refs> {
    const out: Record<string, Refs> = {}
    for (const name of stages[stage].inputs) {
      const input = parseInput(name)
      if (stages[input.stage].phase !== this.place.phase) continue
      const known = this.refs.get(input.stage) ?? {}
      const cells = readsAt(input, node, this.place.context).map(n => cellName(input.stage, n))
      out[input.stage] = Object.fromEntries(cells.flatMap(c => (known[c] ? [[c, known[c]]] : [])))
    }
    return out
  }

  private aboveOf(node: Node): Pick<Place, 'above'> {
    if (!isTopDown(this.place.phase)) return {}
    return { above: Object.fromEntries(this.names.map(s => [s, this.within(s, node)[s]!])) }
  }
}
