// The whole dataset, in phases: sections, alignment, regions, tree, products; then the release.
import { defineQuery, executeChild, setHandler, workflowInfo } from '@temporalio/workflow'
import { housekeeping } from './housekeeping.ts'
import { region, regionStages } from './region.ts'
import { release } from './release.ts'
import { sections } from './sections.ts'
import { runStage } from './stage.ts'
import { countOf, Tracker } from './tracker.ts'
import { window } from './window.ts'
import {
  queries,
  workflowIds,
  type Outcome,
  type Progress,
  type ReconstructInput,
  type Refs,
  type RunContext,
  type RunResult,
  type SurveyResult,
} from '../domain/contract.ts'
import { key } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { StageName } from '../domain/stages.ts'
import { stages } from '../domain/stages.ts'
import { childrenOf, neighbourhood, nodeKey, nodesAt, parentOf, rootLevel, type Node } from '../domain/tree.ts'

const progressQuery = defineQuery<Progress>(queries.progress)

/** Children and activities of one run that are in flight at once; more only waits in the task queues. */
const WIDTH = 8
/** Sections beyond a region that may fill its gaps: at least `stages.render.fillSections`. */
const REACH = 16

type TreeStage = 'agglomerate' | 'pyramid' | 'label-pyramid'

/** Entries of one index object, so that no payload grows with the dataset. */
const PAGE = 100

export async function reconstruct(input: ReconstructInput): Promise<RunResult> {
  const tracker = new Tracker()
  setHandler(progressQuery, () => tracker.progress())
  const survey = await housekeeping.survey(input)
  return new Reconstruction(survey, tracker).run(input)
}

class Reconstruction {
  private readonly context: RunContext
  private readonly survey: SurveyResult
  private readonly tracker: Tracker
  private readonly refs = new Map<string, Record<string, ArtifactRef>>()
  private readonly indexes: string[] = []

  constructor(survey: SurveyResult, tracker: Tracker) {
    this.context = survey.context
    this.survey = survey
    this.tracker = tracker
  }

  async run(input: ReconstructInput): Promise<RunResult> {
    const sectionIndexes = await this.sections()
    await this.regions('image', sectionIndexes)
    if (this.context.through !== 'render') {
      for (const phase of ['maps', 'fragments', 'graph']) await this.regions(phase)
      await this.tree('tree', ['agglomerate'])
      for (const phase of ['objects', 'products']) await this.regions(phase)
    }
    await this.tree('pyramid', this.context.through === 'render' ? ['pyramid'] : ['pyramid', 'label-pyramid'])
    if (this.context.through !== 'render') {
      this.tracker.phase = 'dataset'
      await Promise.all([this.dataset('skeleton-join', ['skeleton']), this.dataset('graph', ['synapse', 'segment'])])
    }
    return this.release(input)
  }

  private async sections(): Promise<string[]> {
    const { batches, synthetic } = this.survey
    const count = batches.reduce((n, b) => n + b.last - b.first + 1, 0)
    this.tracker.phase = 'sections'
    if (synthetic) this.tracker.expect('phantom', batches.length)
    this.tracker.expect('ingest', count)
    this.tracker.expect('stitch', count)
    const stitched = await window(batches, WIDTH, async b => {
      const done = await executeChild(sections, {
        workflowId: workflowIds.sections(this.context, b.first),
        args: [{ context: this.context, ...b, synthetic }],
        staticSummary: `sections ${b.first} to ${b.last}`,
      })
      this.tracker.add(done.counts, done.holes)
      return done.index
    })
    const matched = this.survey.aligned ? [] : await this.matches(batches, stitched, count)
    this.tracker.phase = 'alignment'
    this.tracker.expect('align', 1)
    this.indexes.push(...stitched, ...matched)
    const aligned = await runStage('align', 'dataset', { context: this.context, indexes: [...stitched, ...matched] })
    this.record(aligned, 'all')
    return stitched
  }

  /** Each batch against itself and the one before, whose last sections its first ones are matched with. */
  private async matches(
    batches: SurveyResult['batches'],
    stitched: readonly string[],
    count: number,
  ): Promise<string[]> {
    this.tracker.phase = 'matches'
    this.tracker.expect('match', Math.max(0, count - 1) + Math.max(0, count - 2))
    return window([...batches.entries()], WIDTH, async ([i, b]) => {
      const indexes = i > 0 ? [stitched[i - 1]!, stitched[i]!] : [stitched[i]!]
      const done = await runStage('match', `z${b.first}-${b.last}`, {
        context: this.context,
        ...b,
        indexes,
        slab: null,
      })
      this.tracker.add(done.counts, done.holes)
      return done.index
    })
  }

  private async regions(phase: string, sectionIndexes: readonly string[] = []): Promise<void> {
    const { bounds, region: shape } = this.context
    const names = regionStages(phase)
    const cells = nodesAt(0, shape, bounds)
    this.tracker.phase = phase
    for (const s of names) this.tracker.expect(s, cells.length)
    await window(cells, WIDTH, async cell => {
      const refs: Record<string, Refs> = {}
      for (const s of names)
        for (const name of stages[s].inputs) {
          const input = name.replace('+', '')
          const known = this.refs.get(input)
          if (!known) continue
          const wanted =
            stages[input as StageName].scope === 'node'
              ? this.pathToRoot(cell)
              : stages[input as StageName].scope === 'dataset'
                ? ['all']
                : name.endsWith('+')
                  ? neighbourhood(cell, shape, bounds).map(key)
                  : [key(cell)]
          refs[input] = { ...refs[input], ...Object.fromEntries(wanted.map(k => [k, known[k]!])) }
        }
      const [z0, z1] = [cell[2] * shape[2], (cell[2] + 1) * shape[2]]
      const indexes = sectionIndexes.filter((_, i) => {
        const b = this.survey.batches[i]!
        return b.first < z1 + REACH && b.last >= z0 - REACH
      })
      const outcomes = await executeChild(region, {
        workflowId: workflowIds.region(this.context, phase, key(cell)),
        args: [{ phase, task: { context: this.context, level: 0, cell: key(cell), refs, indexes } }],
        staticSummary: `region ${key(cell)}: ${names.join(', ')}`,
        searchAttributes: { HillockRegion: [key(cell)], HillockStage: names, HillockDataset: [this.context.dataset] },
      })
      for (const o of outcomes) this.record(o, key(cell))
    })
    await this.page(names)
  }

  /** Stages of the region tree, level by level from the leaves. */
  private async tree(phase: string, names: readonly TreeStage[]): Promise<void> {
    const { bounds, region: shape } = this.context
    const root = rootLevel(bounds, shape)
    const levels = Array.from({ length: root + 1 }, (_, level) =>
      nodesAt(level, shape, bounds).map((coord): Node => ({ level, coord })),
    )
    this.tracker.phase = phase
    for (const stage of names) this.tracker.expect(stage, levels.flat().length)
    for (const nodes of levels)
      await window(
        nodes.flatMap(node => names.map(stage => ({ node, stage }))),
        WIDTH,
        async ({ node, stage }) => {
          const task = {
            context: this.context,
            level: node.level,
            cell: key(node.coord),
            refs: this.below(node, stage),
            indexes: [],
          }
          this.record(await runStage(stage, nodeKey(node), task), nodeKey(node))
        },
      )
    await this.page(names)
  }

  /** What a node reads: artifacts of its children, at the leaves those of its region. */
  private below(node: Node, stage: TreeStage): Record<string, Refs> {
    const { bounds, region: shape } = this.context
    const children = node.level === 0 ? [] : childrenOf(node, shape, bounds)
    const refs: Record<string, Refs> = {}
    for (const input of stages[stage].inputs) {
      const known = this.refs.get(input) ?? {}
      const wanted =
        stages[input as StageName].scope === 'node'
          ? children.map(nodeKey)
          : [node, ...children].filter(n => n.level === 0).map(n => key(n.coord))
      if (wanted.length > 0) refs[input] = Object.fromEntries(wanted.map(k => [k, known[k]!]))
    }
    return refs
  }

  private async dataset(stage: 'skeleton-join' | 'graph', inputs: string[]): Promise<void> {
    this.tracker.expect(stage, 1)
    const pages = await this.save(inputs)
    this.record(await runStage(stage, 'dataset', { context: this.context, indexes: pages }), 'all')
  }

  private async release(input: ReconstructInput): Promise<RunResult> {
    this.tracker.phase = 'release'
    if (this.context.through === 'evaluate') this.tracker.expect('evaluate', 1)
    await this.page(['align', 'skeleton-join', 'graph'])
    const done = await executeChild(release, {
      workflowId: workflowIds.release(this.context),
      args: [
        {
          context: this.context,
          indexes: this.indexes,
          holes: this.tracker.holes(),
          cost: this.tracker.cost(),
          approver: 'gate of the run file',
          runId: workflowInfo().runId,
        },
      ],
      staticSummary: `release of run ${input.run}`,
    })
    this.tracker.add(done.outcomes.map(countOf))
    this.tracker.release = done.release
    this.tracker.phase = 'done'
    return {
      ...done,
      channel: done.channel,
      holes: this.tracker.holes(),
      stages: this.tracker.stages(),
      cost: this.tracker.cost(),
    }
  }

  private record(o: Outcome, cell: string): void {
    const known = this.refs.get(o.stage) ?? {}
    known[cell] = o.ref
    this.refs.set(o.stage, known)
    this.tracker.add([countOf(o)], o.holes)
  }

  private pathToRoot(cell: readonly [number, number, number]): string[] {
    const root = rootLevel(this.context.bounds, this.context.region)
    const path: Node[] = [{ level: 0, coord: cell }]
    while (path.at(-1)!.level < root) path.push(parentOf(path.at(-1)!))
    return path.map(nodeKey)
  }

  /** Writes the refs of some stages as index objects and returns their digests. */
  private async save(names: readonly string[]): Promise<string[]> {
    const entries = names.flatMap(stage =>
      Object.entries(this.refs.get(stage) ?? {}).map(([cell, ref]) => ({ stage, cell, ref })),
    )
    const pages: string[] = []
    for (let i = 0; i < entries.length; i += PAGE) pages.push(await housekeeping.saveIndex(entries.slice(i, i + PAGE)))
    return pages
  }

  private async page(names: readonly string[]): Promise<void> {
    this.indexes.push(...(await this.save(names)))
  }
}
