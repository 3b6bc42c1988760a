// One phase over up to 64 cells, or over sweeps of them: what is the same as in an earlier run is not even visited.
import { defineQuery, executeChild, setHandler } from '@temporalio/workflow'
import { housekeeping } from './housekeeping.ts'
import { region } from './region.ts'
import { sections } from './sections.ts'
import { runStage } from './stage.ts'
import { countOf, Tracker } from './tracker.ts'
import { window } from './window.ts'
import {
  entryOf,
  queries,
  workflowIds,
  type IndexEntry,
  type Outcome,
  type Place,
  type Progress,
  type Refs,
  type Swept,
} from '../domain/contract.ts'
import { key } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { activeStages, isTopDown } from '../domain/phases.ts'
import { cellName, parseInput, readsAt } from '../domain/reads.ts'
import { stages, type StageName } from '../domain/stages.ts'
import { batchRange, nodesBelow, regionGrid, sectionGrid } from '../domain/sweep.ts'
import type { CellStage, PageTask } from '../domain/tasks.ts'
import { nodeKey, rootLevel, type Node } from '../domain/tree.ts'

/** Children and activities of one sweep that are in flight at once; more would only wait in the task queues. */
const WIDTH = 8

export async function sweep(place: Place): Promise<Swept> {
  const tracker = new Tracker()
  tracker.phase = place.phase
  setHandler(defineQuery<Progress>(queries.progress), () => tracker.progress())
  const probed = await housekeeping.probe(place)
  if (probed.found) return probed.found
  return new Sweep(place, tracker, probed.below).run()
}

class Sweep {
  private readonly place: Place
  private readonly tracker: Tracker
  private readonly known: readonly (Swept | null)[]
  private readonly names: readonly StageName[]
  private readonly entries: IndexEntry[] = []
  /** Artifacts of this phase that are known here, by stage and cell. */
  private readonly refs = new Map<string, Record<string, ArtifactRef>>()

  constructor(place: Place, tracker: Tracker, known: readonly (Swept | null)[]) {
    this.place = place
    this.tracker = tracker
    this.known = known
    this.names = activeStages(place.context).filter(s => stages[s].phase === place.phase)
    for (const [stage, refs] of Object.entries(place.above ?? {})) this.refs.set(stage, { ...refs })
  }

  async run(): Promise<Swept> {
    const { context, phase } = this.place
    const scope = stages[this.names[0]!].scope
    const ofSections = scope !== 'region' && scope !== 'node'
    const grid = ofSections ? sectionGrid(context.bounds) : regionGrid(context.bounds, context.region)
    const under = this.place.node.level - grid.span
    const below = nodesBelow(grid, this.place.node, under)
    let pages: PageTask['below'] = []
    if (scope !== 'node')
      pages = await this.children(below, under === 0 ? (ofSections ? 'sections' : 'region') : 'sweep')
    else if (isTopDown(phase)) {
      await this.levels(this.ownLevels(under + 1).reverse())
      if (under > 0) pages = await this.children(below, 'sweep')
    } else {
      if (under > 0) pages = await this.children(below, 'sweep')
      await this.levels(this.ownLevels(under === 0 ? 0 : under + 1))
    }
    const page = await housekeeping.savePage({ place: this.place, entries: this.entries, below: pages })
    const own = nodeKey(this.place.node)
    const top = [...this.refs].flatMap(([stage, refs]): [string, Refs][] =>
      refs[own] ? [[stage, { [own]: refs[own] }]] : [],
    )
    return { page, counts: this.tracker.counts(), top: Object.fromEntries(top) }
  }

  /** Levels of the region tree from `lowest` up to this sweep's own, as far as the tree goes. */
  private ownLevels(lowest: number): number[] {
    const highest = Math.min(this.place.node.level, rootLevel(this.place.context.bounds, this.place.context.region))
    return Array.from({ length: Math.max(0, highest - lowest + 1) }, (_, i) => lowest + i)
  }

  private async children(nodes: readonly Node[], kind: 'sweep' | 'region' | 'sections'): Promise<PageTask['below']> {
    return window([...nodes.entries()], WIDTH, async ([i, node]) => {
      const done = this.known[i] ?? (await this.child({ ...this.place, node, ...this.aboveOf(node) }, kind))
      this.tracker.add(done.counts)
      for (const [stage, refs] of Object.entries(done.top)) this.refs.set(stage, { ...this.refs.get(stage), ...refs })
      return { key: nodeKey(node), page: done.page }
    })
  }

  private async child(place: Place, kind: 'sweep' | 'region' | 'sections'): Promise<Swept> {
    const { context, phase, node } = place
    const cell = key(node.coord)
    if (kind === 'sweep') {
      const workflowId = workflowIds.sweep(context, phase, node)
      return this.tracker.follow(
        workflowId,
        executeChild(sweep, { workflowId, args: [place], staticSummary: `${phase}: node ${nodeKey(node)}` }),
      )
    }
    if (kind === 'sections') {
      const { first, last } = batchRange(node.coord, context.bounds)
      return executeChild(sections, {
        workflowId: workflowIds.sections(context, phase, first),
        args: [place],
        staticSummary: `sections ${first} to ${last}: ${this.names.join(', ')}`,
        searchAttributes: { HillockDataset: [context.dataset], HillockStage: [...this.names] },
      })
    }
    return executeChild(region, {
      workflowId: workflowIds.region(context, phase, cell),
      args: [place],
      staticSummary: `region ${cell}: ${this.names.join(', ')}`,
      searchAttributes: { HillockRegion: [cell], HillockStage: [...this.names], HillockDataset: [context.dataset] },
    })
  }

  /** Stages of the region tree, level by level. */
  private async levels(levels: readonly number[]): Promise<void> {
    const { context, roots } = this.place
    const grid = regionGrid(context.bounds, context.region)
    for (const level of levels) {
      const todo = nodesBelow(grid, this.place.node, level).flatMap(node => this.names.map(stage => ({ node, stage })))
      const made = await window(todo, WIDTH, async ({ node, stage }): Promise<Outcome> => {
        const task = { context, level, cell: key(node.coord), roots, refs: this.within(stage, node) }
        return runStage(stage as CellStage, nodeKey(node), task)
      })
      for (const o of made) {
        this.refs.set(o.stage, { ...this.refs.get(o.stage), [o.key]: o.ref })
        this.entries.push(entryOf(o))
        this.tracker.add([countOf(o)])
      }
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
