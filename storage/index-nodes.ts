// Nodes of the index as readers meet them: one by one from memory, all below a root as a stream, or the one artifact of a cell.
import { LRUCache } from 'lru-cache'
import { fromKey } from '../domain/geometry.ts'
import { nodeOfCell, type IndexEntry, type IndexNode, type StageSum } from '../domain/index/index-node.ts'
import type { Node } from '../domain/index/tree.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { Behind } from '../domain/releases/manifest.ts'
import type { Digest } from '../domain/recipe.ts'
import type { StageName } from '../domain/stages.ts'
import { inOrder } from './bounded.ts'
import { countCache } from './cache-counts.ts'
import type { ObjectStore } from './object-store.ts'
import { getRaw } from './raw.ts'

/** Bytes of nodes that are kept: they never change. */
const KEPT = 16 << 20
/** Nodes below one that are read ahead of who takes their artifacts. */
const AHEAD = 8
/** Lineage records, likewise. */
const RECORDS = 32

const known = new LRUCache<Digest, { node: IndexNode; bytes: number }, ObjectStore>({
  maxSize: KEPT,
  sizeCalculation: n => n.bytes,
  ignoreFetchAbort: true,
  fetchMethod: (digest, _before, { context }) => nodeIn(context, digest),
})

async function nodeIn(objects: ObjectStore, digest: Digest): Promise<{ node: IndexNode; bytes: number }> {
  const bytes = await getRaw(objects, digest)
  return { node: JSON.parse(Buffer.from(bytes).toString()) as IndexNode, bytes: bytes.length }
}

/** @throws HillockError MissingArtifact when it is gone or damaged */
export async function readIndexNode(objects: ObjectStore, digest: Digest): Promise<IndexNode> {
  countCache('index nodes', known.has(digest))
  return (await known.fetch(digest, { context: objects }))!.node
}

/** For a walk over all nodes: what is met once is not kept. */
export const nodeReader =
  (objects: ObjectStore): ReadNode =>
  async digest =>
    (await nodeIn(objects, digest)).node

/** Reads a node that another names; undefined for one that is to be left out with all below it. */
export type ReadNode = (digest: Digest, by: Digest | null) => Promise<IndexNode | undefined>

/** Where it is of no matter. */
const ANYWHERE: Node = { level: 0, coord: [0, 0, 0] }

export interface Visited {
  readonly digest: Digest
  readonly node: IndexNode
  /** Of the fan-out, region or batch that it lists; a batch of sections may have a second one below its own. */
  readonly at: Node
  /** How the node above names it; null for a root. */
  readonly named: IndexNode['below'][number] | null
}

/**
 * All nodes from a root down, in the order of the grid: one before those below it, a bounded number in memory.
 * @param place of the root
 * @param descend whether to go down to a node
 */
export async function* indexNodes(
  read: ReadNode,
  root: Digest,
  place: Node = ANYWHERE,
  descend: (below: IndexNode['below'][number]) => boolean = () => true,
): AsyncGenerator<Visited> {
  async function* from(visited: Visited): AsyncGenerator<Visited> {
    yield visited
    const below = visited.node.below.filter(descend)
    for await (const { named, node } of inOrder(below, AHEAD, async b => ({
      named: b,
      node: await read(b.page, visited.digest),
    })))
      if (node) yield* from({ digest: named.page, node, at: placeOf(named.key) ?? visited.at, named })
  }
  const node = await read(root, null)
  if (node) yield* from({ digest: root, node, at: place, named: null })
}

/** Of the key of a node below another; undefined for that of the sections of a batch, which is where the batch is. */
const placeOf = (key: string): Node | undefined => {
  const [, level, coord] = /^(\d+)\/(\d+_\d+_\d+)$/.exec(key) ?? []
  return coord === undefined ? undefined : { level: Number(level), coord: fromKey(coord) }
}

type Wanted = (stage: string, sum: StageSum | undefined) => boolean

/** Every artifact below some nodes, in the order of the grid. @param wanted of what stages, by what a node holds of them */
export async function* entriesBelow(
  read: ReadNode,
  roots: readonly Digest[],
  wanted?: Wanted,
): AsyncGenerator<IndexEntry> {
  const any = (b: IndexNode['below'][number]): boolean =>
    !wanted || Object.entries(b.stages).some(([stage, sum]) => wanted(stage, sum))
  for (const page of roots)
    for await (const { node } of indexNodes(read, page, ANYWHERE, any))
      for (const e of node.entries) if (!wanted || wanted(e.stage, node.stages[e.stage])) yield e
}

/** What a release rests on, read from the roots of its index. @param lineage reads the record of an artifact */
export function behindRoots(
  objects: ObjectStore,
  roots: Readonly<Record<string, Digest>>,
  lineage: Behind['lineage'],
  read = nodeReader(objects),
): Behind {
  const entries = (wanted?: Wanted): AsyncGenerator<IndexEntry> => entriesBelow(read, Object.values(roots), wanted)
  return {
    lineage,
    entries,
    async sums() {
      const nodes = await Promise.all(Object.values(roots).map(d => read(d, null)))
      return Object.assign({}, ...nodes.map(n => n?.stages)) as IndexNode['stages']
    },
    async *holes() {
      for await (const e of entries((_, sum) => sum !== undefined && sum.holes > 0))
        if (e.holes?.length) yield { ...e, holes: e.holes }
    },
    records: stage =>
      inOrder(
        entries(s => s === stage),
        RECORDS,
        e => lineage(e.ref),
      ),
  }
}

/** The artifact of a cell, by the path from a root down to it; undefined where the index lists none. */
export async function artifactBelow(
  objects: ObjectStore,
  root: Digest,
  stage: StageName,
  cell: string,
): Promise<ArtifactRef | undefined> {
  const wanted = nodeOfCell(stage, cell)
  const holds = (key: string): boolean => {
    const at = placeOf(key)
    const up = 2 ** ((at?.level ?? 0) - wanted.level)
    return !at || (up >= 1 && at.coord.every((c, a) => c === Math.floor(wanted.coord[a]! / up)))
  }
  for (let digest: Digest | undefined = root; digest !== undefined;) {
    const node: IndexNode = await readIndexNode(objects, digest)
    const entry = node.entries.find(e => e.stage === stage && e.cell === cell)
    if (entry) return entry.ref
    digest = node.below.find(b => b.stages[stage] && holds(b.key))?.page
  }
  return undefined
}

/** Artifacts below a node that have another content than those of the same stage and cell below another; what the two share is not walked. */
export async function* differingBelow(
  objects: ObjectStore,
  page: Digest | undefined,
  other: Digest | undefined,
  wanted: (stage: string) => boolean = () => true,
): AsyncGenerator<IndexEntry> {
  if (page === undefined || page === other) return
  const own = await readIndexNode(objects, page)
  const theirs = other === undefined ? undefined : await readIndexNode(objects, other)
  const contents = new Map(theirs?.entries.map(e => [`${e.stage} ${e.cell}`, e.ref.content]))
  for (const e of own.entries) if (wanted(e.stage) && contents.get(`${e.stage} ${e.cell}`) !== e.ref.content) yield e
  for (const b of own.below.filter(x => Object.keys(x.stages).some(wanted)))
    yield* differingBelow(objects, b.page, theirs?.below.find(t => t.key === b.key)?.page, wanted)
}
