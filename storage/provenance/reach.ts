// What releases rest on, found by following digests: index nodes, artifacts, objects of the raw archive, histories.
import type { IndexNode } from '../../domain/index/index-node.ts'
import { differences, type Difference } from '../../domain/provenance/differences.ts'
import {
  archivedWith,
  digestsIn,
  historyFault,
  misindexed,
  nameOf,
  type Execution,
  type History,
} from '../../domain/provenance/history.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { Digest } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import { artifactStore } from '../artifacts.ts'
import { mapBounded } from '../bounded.ts'
import { readListing } from '../foreign/archived.ts'
import { indexNodes, type ReadNode } from '../index-nodes.ts'
import { archiveFolder, getHistory, getHistoryIndex, historyKey, type ArchivedHistory } from './histories.ts'
import type { ObjectStore } from '../object-store.ts'
import { getRaw, rawKey } from '../raw.ts'
import { tileDocuments } from '../tile-lists.ts'

/** Small objects that are read at a time. */
const READS = 32

/** Is told what of a release is missing or wrong, by key or name, why, and in which field; may throw to end the walk. */
export type Wrong = (what: string, why: string, field?: Difference) => void
type Hear = (h: ArchivedHistory, key: string, history: History) => Promise<void>

export const artifactName = (ref: Pick<ArtifactRef, 'stage' | 'recipe'>): string => `${ref.stage}/${ref.recipe}`

/** All that has been reached so far; several releases may share one. */
export class Reach {
  readonly artifacts = new Map<string, ArtifactRef>()
  /** Pages whose artifacts have all been reached. */
  readonly pages = new Set<Digest>()
  /** Objects of the raw archive that recipes and manifests name, and who does. */
  readonly raw = new Map<Digest, string>()
  /** Digests in histories: of documents of the raw archive among others. */
  readonly mentioned = new Set<Digest>()
  readonly archives = new Set<string>()
  private readonly contents = new Set<Digest>()
  private readonly parts = new Set<Digest>()
  private readonly runs = new Set<string>()
  private readonly lists = new Set<Digest>()
  private readonly objects: ObjectStore
  private readonly wrong: Wrong

  private readonly hear: Hear | undefined

  /** @param hear is given every history that is whole. */
  constructor(objects: ObjectStore, wrong: Wrong, hear?: Hear) {
    this.objects = objects
    this.wrong = wrong
    this.hear = hear
  }

  async release(r: Release): Promise<void> {
    const name = `release ${r.dataset}/${r.release}`
    const before = new Set(this.artifacts.keys())
    for (const [phase, root] of Object.entries(r.pages)) await this.page(root, `${name}, pages of ${phase}`)
    for (const ref of Object.values(r.stages ?? {}).flat()) this.artifacts.set(artifactName(ref), ref)
    if (r.config) this.raw.set(r.config, `run file of ${name}`)
    await this.follow([...this.artifacts].filter(([k]) => !before.has(k)).map(([, ref]) => ref))
    await this.archive(r.run)
  }

  /** An index node and all below it; the artifacts that they list are reached, but not followed. */
  async page(digest: Digest, by: string): Promise<void> {
    const read: ReadNode = async (d, above) => {
      if (this.pages.has(d)) return undefined
      try {
        return JSON.parse(Buffer.from(await getRaw(this.objects, d)).toString()) as IndexNode
      } catch (e) {
        this.wrong(above === null ? by : `page ${above}`, (e as Error).message)
        return undefined
      }
    }
    for await (const { node, digest: d } of indexNodes(read, digest)) {
      for (const { ref } of node.entries) this.artifacts.set(artifactName(ref), ref)
      this.pages.add(d)
    }
  }

  /** Reads the records of artifacts: their inputs are artifacts, parts of artifacts, or objects of the raw archive. */
  async follow(refs: readonly ArtifactRef[]): Promise<void> {
    const artifacts = artifactStore(this.objects, { quarantined: true })
    const inputs: (readonly [Digest, string])[] = []
    const makers = new Map<string, Execution>()
    await mapBounded(refs, READS, async ref => {
      const name = artifactName(ref)
      this.contents.add(ref.content)
      const record = await artifacts.lineage(ref.stage, ref.recipe).catch((e: unknown) => (e as Error).message)
      if (!record || typeof record === 'string')
        return this.wrong(`artifacts/${name}/lineage.json`, record || 'there is no lineage record')
      if (record.content !== ref.content)
        this.wrong(`artifacts/${name}/lineage.json`, `has content ${record.content}, it was named with ${ref.content}`)
      for (const o of record.outputs) this.parts.add(o.sha256)
      for (const [input, digest] of Object.entries(record.recipe.inputs)) inputs.push([digest, `${input} of ${name}`])
      if (record.recipe.model) this.raw.set(record.recipe.model, `model of ${name}`)
      makers.set(record.runId, { workflowId: record.workflowId, runId: record.runId })
    })
    const open = inputs.filter(([digest]) => !this.contents.has(digest) && !this.raw.has(digest))
    await mapBounded(open, READS, async ([digest, by]) => {
      // The tiles of a phantom are parts of an artifact too, but what stages read is the raw archive.
      if (!this.parts.has(digest) || (await this.objects.size(rawKey(digest))) !== undefined)
        this.raw.set(digest, `input ${by}`)
    })
    for (const maker of makers.values()) await this.archivesOf(maker)
  }

  /** Archives of all runs of the name under which an artifact was made. */
  private async archivesOf({ workflowId }: Execution): Promise<void> {
    const run = workflowId.split('/').slice(1, 3).join('/')
    if (run === '' || this.runs.has(run)) return
    this.runs.add(run)
    for await (const key of this.objects.list(`histories/${run}/`))
      if (key.endsWith('/index.json')) await this.archiveAt(key.slice(0, -'/index.json'.length))
  }

  private async archive(root: Execution): Promise<void> {
    if (await this.objects.size(`${archiveFolder(root)}/index.json`)) await this.archiveAt(archiveFolder(root))
  }

  /** What a folder that is named by content holds. */
  async folder(digest: Digest): Promise<void> {
    if (this.lists.has(digest)) return
    this.lists.add(digest)
    this.mentioned.add(digest)
    for (const d of Object.values(await readListing(this.objects, digest).catch(() => ({})))) this.mentioned.add(d)
  }

  /** Takes in the digests that a history mentions, and returns them; of lists of tiles and folders also what they name. */
  async mention(history: History): Promise<Iterable<Digest>> {
    const { all, lists, folders } = digestsIn(history)
    for (const f of folders) await this.folder(f)
    for (const d of all) this.mentioned.add(d)
    for (const list of lists) {
      if (this.lists.has(list)) continue
      this.lists.add(list)
      // One that is gone or damaged is found as what it is.
      for (const d of await tileDocuments(this.objects, list).catch(() => [])) this.mentioned.add(d)
    }
    return all
  }

  async archiveAt(folder: string): Promise<void> {
    if (this.archives.has(folder)) return
    this.archives.add(folder)
    const index = await getHistoryIndex(this.objects, folder).catch((e: unknown) =>
      this.wrong(`${folder}/index.json`, (e as Error).message),
    )
    if (!index) return
    const listed = new Set(index.histories.map(nameOf))
    for (const d of differences(folder, archiveFolder(index.root), 'root'))
      this.wrong(`${folder}/index.json`, 'is the index of another run', d)
    if (!listed.has(nameOf(index.root))) this.wrong(nameOf(index.root), 'the index of its own archive does not list it')
    await mapBounded(index.histories, READS, async h => {
      const key = historyKey(folder, h.runId)
      const history = await getHistory(this.objects, key, h.digest, h.packed).catch((e: unknown) => e as Error)
      if (!history || history instanceof Error) return this.wrong(key, history?.message ?? 'is gone')
      const fault = historyFault(history)
      if (fault) return this.wrong(key, fault)
      for (const d of misindexed(history, h))
        this.wrong(`${folder}/index.json`, `does not say what the history of ${h.runId} does`, d)
      for (const r of archivedWith(history, h, index.root))
        if (!listed.has(nameOf(r))) this.wrong(nameOf(r), `${h.workflowId} names it, the index does not list it`)
      await this.mention(history)
      await this.hear?.(h, key, history)
    })
  }
}
