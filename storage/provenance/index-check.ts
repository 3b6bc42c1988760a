// The index of one phase of a release, from its root down: every node against its sums and its subtree, every entry against the recipe behind it.
import type { Subtree } from '../../domain/contract/subtree.ts'
import { differences } from '../../domain/provenance/differences.ts'
import { cellBox, fromKey } from '../../domain/geometry.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { concerns } from '../../domain/plan/marks.ts'
import { cellOfExtent, IndexNode, indexNodeOf, type IndexEntry } from '../../domain/index/index-node.ts'
import type { Digest } from '../../domain/recipe.ts'
import { stages, type StageName } from '../../domain/stages.ts'
import { batchRange } from '../../domain/index/grid.ts'
import { nodeKey, type Node } from '../../domain/index/tree.ts'
import { kindOf, subtreesBelow, wholePhase } from '../../domain/index/order.ts'
import { mapBounded } from '../bounded.ts'
import { wrongFields } from '../lineage-record.ts'
import type { ObjectStore } from '../object-store.ts'
import { getRaw, rawKey } from '../raw.ts'
import type { Wrong } from './reach.ts'

const READS = 32

export class IndexCheck {
  /** Whether there is something that could not be read. */
  readonly unread = { pages: false, records: false }
  private readonly objects: ObjectStore
  private readonly of: Pick<Subtree, 'context' | 'phase'>
  private readonly lineage: (ref: ArtifactRef) => Promise<Lineage>
  private readonly wrong: Wrong

  constructor(
    objects: ObjectStore,
    of: Pick<Subtree, 'context' | 'phase'>,
    lineage: (ref: ArtifactRef) => Promise<Lineage>,
    wrong: Wrong,
  ) {
    this.objects = objects
    this.of = of
    this.lineage = lineage
    this.wrong = wrong
  }

  /** All entries, node by node. */
  async entries(root: Digest): Promise<IndexEntry[]> {
    const { context, phase } = this.of
    const page = await this.page(root, `pages of ${phase}`)
    return page ? this.below(root, page, wholePhase(context, phase, {}).node, true) : []
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

  /** @param first a batch of sections has a second node, of the same subtree, below its own. */
  private async below(digest: Digest, page: IndexNode, node: Node, first: boolean): Promise<IndexEntry[]> {
    const { context, phase } = this.of
    const key = rawKey(digest)
    for (const d of differences(indexNodeOf(page.entries, page.below).stages, page.stages, 'stages'))
      this.wrong(key, 'does not add up', d)
    await mapBounded(page.entries, READS, (e: IndexEntry) => this.entry(key, e, node))
    const batch = kindOf({ phase, node }) === 'sections'
    const nodes = batch && first ? [node] : subtreesBelow({ ...this.of, node })
    const { first: z0, last } = batchRange(node.coord, context.bounds)
    const keys = nodes.map(n => (batch ? `z${z0}-${last}` : nodeKey(n)))
    for (const d of differences(
      keys,
      page.below.map(b => b.key),
      'below',
    ))
      this.wrong(key, `does not list the subtrees below ${phase} ${nodeKey(node)}`, d)
    const entries = [...page.entries]
    for (const [i, b] of page.below.entries()) {
      const child = await this.page(b.page, `below ${key}`)
      if (!child) continue
      for (const d of differences(child.stages, b.stages, `below.${i}.stages`)) this.wrong(key, 'does not add up', d)
      if (nodes[i]) entries.push(...(await this.below(b.page, child, nodes[i], !batch)))
    }
    return entries
  }

  private async entry(key: string, { stage, cell, ref, holes = [] }: IndexEntry, node: Node): Promise<void> {
    const { context, phase } = this.of
    const wrong = (why: string, field: string, expected: unknown, found: unknown): void => {
      for (const d of differences(expected, found, `${stage} ${cell}: ${field}`)) this.wrong(key, why, d)
    }
    wrong('lists an artifact of another phase', 'phase', phase, stages[stage as StageName]?.phase)
    wrong('calls an artifact by another stage', 'ref.stage', stage, ref.stage)
    if (!(stage in stages)) return
    try {
      const { recipe, summary } = await this.lineage(ref)
      const { extent } = recipe
      wrong('lists an artifact of another cell', 'cell', cellOfExtent(stage as StageName, extent, context.region), cell)
      if (stages[stage as StageName].scope === 'region')
        wrong(
          'lists an artifact of another box',
          'extent',
          cellBox(fromKey(cell), context.region, context.bounds),
          extent,
        )
      if (!concerns({ stage, extent }, { context, node })) this.wrong(key, `is not the page of ${stage} ${cell}`)
      wrong('declares other holes than the lineage record', 'holes', summary['holes'] ?? [], holes)
    } catch (e) {
      this.unread.records = true
      this.wrong(`artifacts/${ref.stage}/${ref.recipe}/lineage.json`, (e as Error).message)
    }
  }
}
