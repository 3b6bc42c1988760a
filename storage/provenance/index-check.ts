// The index of one phase of a release, from its root down: every node against its sums and its subtree, every entry against the recipe behind it.
import type { RunContext } from '../../domain/contract/run.ts'
import type { Subtree } from '../../domain/contract/subtree.ts'
import { differences } from '../../domain/provenance/differences.ts'
import { cellBox, fromKey, map3, type Box } from '../../domain/geometry.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { concerns } from '../../domain/plan/marks.ts'
import { cellOfExtent, IndexNode, indexNodeOf, nodeOfCell, type IndexEntry } from '../../domain/index/index-node.ts'
import type { Digest } from '../../domain/recipe.ts'
import { stages, type StageName } from '../../domain/stages.ts'
import { batchRange } from '../../domain/index/grid.ts'
import { nodeKey } from '../../domain/index/tree.ts'
import { kindOf, subtreesBelow, wholePhase } from '../../domain/index/order.ts'
import { IMAGES } from '../../domain/index/phases.ts'
import { mapBounded } from '../bounded.ts'
import { indexNodes, type ReadNode } from '../index-nodes.ts'
import { wrongFields } from '../lineage-record.ts'
import type { ObjectStore } from '../object-store.ts'
import { getRaw, rawKey } from '../raw.ts'
import type { Wrong } from './reach.ts'

const READS = 32

export class IndexCheck {
  /** Whether there is something that could not be read. */
  readonly unread = { pages: false, records: false }
  /** Cells that have an artifact, by stage. */
  readonly counts = new Map<string, number>()
  /** What the images of its regions cover together. */
  extent: Box | undefined
  private readonly objects: ObjectStore
  private readonly context: RunContext
  private readonly lineage: (ref: ArtifactRef) => Promise<Lineage>
  private readonly wrong: Wrong

  constructor(
    objects: ObjectStore,
    context: RunContext,
    lineage: (ref: ArtifactRef) => Promise<Lineage>,
    wrong: Wrong,
  ) {
    this.objects = objects
    this.context = context
    this.lineage = lineage
    this.wrong = wrong
  }

  /** All nodes of a phase, and the artifacts that they list, one node after the other. */
  async phase(phase: string, root: Digest): Promise<void> {
    const { context } = this
    const page: ReadNode = (digest, by) => this.page(digest, by === null ? `pages of ${phase}` : `below ${rawKey(by)}`)
    // A batch of sections has a second node, of the same subtree, below its own.
    let [last, cells] = ['', new Set<string>()]
    for await (const visited of indexNodes(page, root, wholePhase(context, phase, {}).node)) {
      const { node, at, digest, named } = visited
      const first = last !== nodeKey(at)
      if (first) [last, cells] = [nodeKey(at), new Set()]
      const key = rawKey(digest)
      for (const d of differences(indexNodeOf(node.entries, node.below).stages, node.stages, 'stages'))
        this.wrong(key, 'does not add up', d)
      for (const d of named ? differences(node.stages, named.stages, 'stages') : [])
        this.wrong(key, 'is not what the node above says of it', d)
      await mapBounded(node.entries, READS, (e: IndexEntry) => this.entry(key, e, { context, phase, node: at }))
      for (const { stage, cell } of node.entries) {
        if (cells.has(`${stage} ${cell}`)) this.wrong(key, `lists ${stage} ${cell} twice`)
        else this.counts.set(stage, (this.counts.get(stage) ?? 0) + 1)
        cells.add(`${stage} ${cell}`)
      }
      const batch = kindOf({ phase, node: at }) === 'sections'
      const nodes = batch && first ? [at] : batch ? [] : subtreesBelow({ context, phase, node: at })
      const { first: z0, last: z1 } = batchRange(at.coord, context.bounds)
      const keys = nodes.map(n => (batch ? `z${z0}-${z1}` : nodeKey(n)))
      const found = node.below.map(b => b.key)
      for (const d of differences(keys, found, 'below'))
        this.wrong(key, `does not list the subtrees below ${phase} ${nodeKey(at)}`, d)
    }
  }

  private async page(digest: Digest, by: string): Promise<IndexNode | undefined> {
    try {
      const parsed = IndexNode.safeParse(JSON.parse(Buffer.from(await getRaw(this.objects, digest)).toString()))
      if (parsed.success) return parsed.data
      this.wrong(rawKey(digest), `is no page: ${wrongFields(parsed.error.issues)} (${by})`)
    } catch (e) {
      this.wrong(rawKey(digest), `${(e as Error).message} (${by})`)
    }
    this.unread.pages = true
    return undefined
  }

  private async entry(
    key: string,
    { stage, cell, ref, holes = [] }: IndexEntry,
    { context, phase, node }: Pick<Subtree, 'context' | 'phase' | 'node'>,
  ): Promise<void> {
    const wrong = (why: string, field: string, expected: unknown, found: unknown): void => {
      for (const d of differences(expected, found, `${stage} ${cell}: ${field}`)) this.wrong(key, why, d)
    }
    wrong('lists an artifact of another phase', 'phase', phase, stages[stage as StageName]?.phase)
    wrong('calls an artifact by another stage', 'ref.stage', stage, ref.stage)
    if (!(stage in stages)) return
    try {
      const { recipe, summary } = await this.lineage(ref)
      const { extent } = recipe
      const own = cellOfExtent(stage as StageName, extent, context.region)
      wrong('lists an artifact of another cell', 'cell', own, cell)
      if (stages[stage as StageName].scope === 'region')
        wrong(
          'lists an artifact of another box',
          'extent',
          cellBox(fromKey(cell), context.region, context.bounds),
          extent,
        )
      // The node above, which lists what lies higher up in the tree, is not its place, nor is one beside.
      const { level } = nodeOfCell(stage as StageName, own)
      const lower = subtreesBelow({ context, phase, node })[0]
      if (!concerns({ stage, extent }, { context, node }) || (lower && level <= lower.level && extent !== 'dataset'))
        this.wrong(key, `is not the page of ${stage} ${cell}`)
      if (stage === IMAGES && typeof extent === 'object' && 'min' in extent) this.extent = hull(this.extent, extent)
      wrong('declares other holes than the lineage record', 'holes', summary['holes'] ?? [], holes)
    } catch (e) {
      this.unread.records = true
      this.wrong(`artifacts/${ref.stage}/${ref.recipe}/lineage.json`, (e as Error).message)
    }
  }
}

/** The smallest box that holds both. */
const hull = (a: Box | undefined, b: Box): Box => ({
  min: map3(i => Math.min(a?.min[i] ?? Infinity, b.min[i])),
  max: map3(i => Math.max(a?.max[i] ?? -Infinity, b.max[i])),
})
