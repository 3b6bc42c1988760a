// The index of a release, from its roots down: every node against its sums and its subtree, every entry against the recipe behind it.
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

interface Checked {
  /** Whether there is something that could not be read. */
  readonly unread: { pages: boolean; records: boolean }
  /** Cells that have an artifact, by stage. */
  readonly counts: Map<string, number>
  /** What the images of its regions cover together. */
  extent: Box | undefined
}

/** All nodes of every phase, and the artifacts that they list, one node after the other. @param roots by phase */
export async function checkIndex(
  objects: ObjectStore,
  context: RunContext,
  roots: Readonly<Record<string, Digest>>,
  lineage: (ref: ArtifactRef) => Promise<Lineage>,
  wrong: Wrong,
): Promise<Checked> {
  const checked: Checked = { unread: { pages: false, records: false }, counts: new Map(), extent: undefined }

  async function checkPhase(phase: string, root: Digest): Promise<void> {
    const read: ReadNode = (digest, by) => page(digest, by === null ? `pages of ${phase}` : `below ${rawKey(by)}`)
    // A batch of sections has a second node, of the same subtree, below its own.
    let [last, cells] = ['', new Set<string>()]
    for await (const visited of indexNodes(read, root, wholePhase(context, phase, {}).node)) {
      const { node, at, digest, named } = visited
      const first = last !== nodeKey(at)
      if (first) [last, cells] = [nodeKey(at), new Set()]
      const key = rawKey(digest)
      for (const d of differences(indexNodeOf(node.entries, node.below).stages, node.stages, 'stages'))
        wrong(key, 'does not add up', d)
      for (const d of named ? differences(node.stages, named.stages, 'stages') : [])
        wrong(key, 'is not what the node above says of it', d)
      await mapBounded(node.entries, READS, e => checkEntry(key, e, { context, phase, node: at }))
      for (const { stage, cell } of node.entries) {
        if (cells.has(`${stage} ${cell}`)) wrong(key, `lists ${stage} ${cell} twice`)
        else checked.counts.set(stage, (checked.counts.get(stage) ?? 0) + 1)
        cells.add(`${stage} ${cell}`)
      }
      const batch = kindOf({ phase, node: at }) === 'sections'
      const nodes = batch && first ? [at] : batch ? [] : subtreesBelow({ context, phase, node: at })
      const { first: z0, last: z1 } = batchRange(at.coord, context.bounds)
      const keys = nodes.map(n => (batch ? `z${z0}-${z1}` : nodeKey(n)))
      const found = node.below.map(b => b.key)
      for (const d of differences(keys, found, 'below'))
        wrong(key, `does not list the subtrees below ${phase} ${nodeKey(at)}`, d)
    }
  }

  async function page(digest: Digest, by: string): Promise<IndexNode | undefined> {
    try {
      const parsed = IndexNode.safeParse(JSON.parse(Buffer.from(await getRaw(objects, digest)).toString()))
      if (parsed.success) return parsed.data
      wrong(rawKey(digest), `is no page: ${wrongFields(parsed.error.issues)} (${by})`)
    } catch (e) {
      wrong(rawKey(digest), `${(e as Error).message} (${by})`)
    }
    checked.unread.pages = true
    return undefined
  }

  async function checkEntry(
    key: string,
    { stage, cell, ref, holes = [] }: IndexEntry,
    subtree: Pick<Subtree, 'context' | 'phase' | 'node'>,
  ): Promise<void> {
    const same = (why: string, field: string, expected: unknown, found: unknown): void => {
      for (const d of differences(expected, found, `${stage} ${cell}: ${field}`)) wrong(key, why, d)
    }
    same('lists an artifact of another phase', 'phase', subtree.phase, stages[stage as StageName]?.phase)
    same('calls an artifact by another stage', 'ref.stage', stage, ref.stage)
    if (!(stage in stages)) return
    try {
      const { recipe, summary } = await lineage(ref)
      const { extent } = recipe
      const { region, bounds } = context
      const own = cellOfExtent(stage as StageName, extent, region)
      same('lists an artifact of another cell', 'cell', own, cell)
      if (stages[stage as StageName].scope === 'region')
        same('lists an artifact of another box', 'extent', cellBox(fromKey(cell), region, bounds), extent)
      // The node above, which lists what lies higher up in the tree, is not its place, nor is one beside.
      const { level } = nodeOfCell(stage as StageName, own)
      const lower = subtreesBelow(subtree)[0]
      if (!concerns({ stage, extent }, subtree) || (lower && level <= lower.level && extent !== 'dataset'))
        wrong(key, `is not the page of ${stage} ${cell}`)
      if (stage === IMAGES && typeof extent === 'object' && 'min' in extent)
        checked.extent = hull(checked.extent, extent)
      same('declares other holes than the lineage record', 'holes', summary['holes'] ?? [], holes)
    } catch (e) {
      checked.unread.records = true
      wrong(`artifacts/${ref.stage}/${ref.recipe}/lineage.json`, (e as Error).message)
    }
  }

  for (const [phase, root] of Object.entries(roots)) await checkPhase(phase, root)
  return checked
}

/** The smallest box that holds both. */
const hull = (a: Box | undefined, b: Box): Box => ({
  min: map3(i => Math.min(a?.min[i] ?? Infinity, b.min[i])),
  max: map3(i => Math.max(a?.max[i] ?? -Infinity, b.max[i])),
})
