// Nodes of the index: immutable lists of artifacts in the raw archive, as a tree per phase that equal runs share.
import type { IndexNodeTask } from '../../domain/contract/activities.ts'
import { entryOf, type BatchOutcome, type Outcome, type Refs } from '../../domain/contract/artifacts.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import type { Saved } from '../../domain/contract/subtree.ts'
import { countOf, summed } from '../../domain/slo/counts.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { indexNodeOf, type IndexEntry, type IndexNode } from '../../domain/index/index-node.ts'
import { BATCH, nodesBelow, sectionGrid, rootOf, type Grid } from '../../domain/index/grid.ts'
import { nodeKey, type Node } from '../../domain/index/tree.ts'
import type { Deps } from '../context.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { entriesBelow, readIndexNode as readNode } from '../../storage/index-nodes.ts'
import { saveDocument } from '../documents.ts'

export const readIndexNode = (deps: Deps, digest: string): Promise<IndexNode> => readNode(deps.objects, digest)

/** Writes a node of own artifacts and nodes below. */
export async function writeIndexNode(
  deps: Deps,
  entries: readonly IndexEntry[],
  below: readonly { readonly key: string; readonly page: string }[] = [],
): Promise<string> {
  const nodes = await Promise.all(
    below.map(async b => ({ key: b.key, page: b.page, stages: (await readIndexNode(deps, b.page)).stages })),
  )
  return saveDocument(deps, indexNodeOf(entries, nodes))
}

/** The index nodes below that of a task: those of its cells are written first, by `save`. */
export const savedBelow = (
  { subtree, below }: IndexNodeTask,
  save: (cell: IndexNodeTask) => Promise<Saved>,
): Promise<(Saved & { readonly key: string })[]> =>
  mapBounded(below, WRITES, async b => {
    if ('page' in b) return b
    return { key: nodeKey(b.node), ...(await save({ ...b, subtree: { ...subtree, node: b.node } })) }
  })

/** Index nodes of cells that are written at once. */
const WRITES = 8

export async function refsBelow(deps: Deps, digests: readonly string[], stage: string): Promise<Refs> {
  const refs: Record<string, ArtifactRef> = {}
  for await (const e of entriesBelow(
    d => readIndexNode(deps, d),
    digests,
    s => s === stage,
  ))
    refs[e.cell] = e.ref
  return refs
}

/** Goes down the index towards `node`: its own index node, or the lowest one above that lists its artifacts itself. */
export async function nodeTowards(
  deps: Deps,
  root: string,
  grid: Grid,
  node: Node,
): Promise<{ digest: string; at: Node }> {
  let at = rootOf(grid)
  let digest = root
  while (at.level > node.level) {
    const next: Node = { level: at.level - grid.span, coord: ancestor(node, at.level - grid.span) }
    const found =
      next.level < node.level ? undefined : (await readIndexNode(deps, digest)).below.find(b => b.key === nodeKey(next))
    if (!found) break
    at = next
    digest = found.page
  }
  return { digest, at }
}

const ancestor = (n: Node, level: number): Node['coord'] =>
  n.coord.map(c => (level > n.level ? c >> (level - n.level) : c)) as unknown as Node['coord']

/** Index nodes of the batches that hold some of the sections `z0 <= z < z1`. */
export async function sectionNodes(
  deps: Deps,
  root: string,
  bounds: RunContext['bounds'],
  z0: number,
  z1: number,
): Promise<string[]> {
  const grid = sectionGrid(bounds)
  const batches = nodesBelow(grid, rootOf(grid), 0).filter(
    n => n.coord[2] * BATCH < z1 && (n.coord[2] + 1) * BATCH > z0,
  )
  return Promise.all(batches.map(async n => (await nodeTowards(deps, root, grid, n)).digest))
}

/** Sums the outcomes of a batch and writes its index node: what was known of these sections in this phase, and what is new. */
export async function batch(deps: Deps, page: string | null, outcomes: readonly Outcome[]): Promise<BatchOutcome> {
  // One attempt of the activity made the whole batch.
  const counts = summed(outcomes.map(countOf)).map(c => ({ ...c, retries: outcomes[0]!.retries }))
  const before = page ? (await readIndexNode(deps, page)).entries : []
  const written = await writeIndexNode(deps, [...before, ...outcomes.map(entryOf)])
  return { page: written, counts, records: outcomes.flatMap(o => o.record ?? []) }
}
