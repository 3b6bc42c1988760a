// What releases rest on, found by following digests: pages, artifacts, objects of the raw archive, histories.
import type { Page } from '../domain/contract.ts'
import { digestsIn, type Execution } from '../domain/history.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { Digest } from '../domain/recipe.ts'
import type { Release } from '../domain/release.ts'
import { artifactStore } from './artifacts.ts'
import { mapBounded } from './bounded.ts'
import { archiveFolder, getHistory, getHistoryIndex, historyKey } from './histories.ts'
import type { ObjectStore } from './object-store.ts'
import { getRaw, rawKey } from './raw.ts'

/** Small objects that are read at a time. */
const READS = 32

/** Is told what of a release is missing or wrong, by key or name, and why; may throw to end the walk. */
export type Wrong = (what: string, why: string) => void

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
  private readonly objects: ObjectStore
  private readonly wrong: Wrong

  constructor(objects: ObjectStore, wrong: Wrong) {
    this.objects = objects
    this.wrong = wrong
  }

  async release(r: Release): Promise<void> {
    const name = `release ${r.dataset}/${r.release}`
    const [before, listed] = [new Set(this.artifacts.keys()), new Set(this.listed)]
    for (const [phase, root] of Object.entries(r.pages)) await this.page(root, `${name}, pages of ${phase}`)
    const named = Object.values(r.stages).flat()
    const inPages = (ref: ArtifactRef): boolean => this.listed.has(artifactName(ref))
    if (Object.keys(r.pages).length > 0)
      for (const ref of named.filter(ref => !inPages(ref))) this.wrong(name, `no page lists ${artifactName(ref)}`)
    const all = new Set(named.map(artifactName))
    for (const k of this.listed)
      if (!listed.has(k) && !all.has(k)) this.wrong(name, `its stages lack ${k}, which a page lists`)
    for (const layer of Object.values(r.layers).flatMap(l => l ?? []))
      for (const refs of 'mips' in layer ? [layer.regions, ...layer.mips.map(m => m.artifacts)] : [layer.artifacts])
        for (const ref of Object.values(refs))
          if (!all.has(artifactName(ref))) this.wrong(name, `its stages lack ${artifactName(ref)}, which a layer names`)
    for (const ref of named) this.artifacts.set(artifactName(ref), ref)
    if (r.config) this.raw.set(r.config, `run file of ${name}`)
    await this.follow([...this.artifacts].filter(([k]) => !before.has(k)).map(([, ref]) => ref))
    await this.archive(r.run)
  }

  private readonly listed = new Set<string>()

  /** A page and all below it; the artifacts that they list are reached, but not followed. */
  async page(digest: Digest, by: string): Promise<void> {
    if (this.pages.has(digest)) return
    let page: Page
    try {
      page = JSON.parse(Buffer.from(await getRaw(this.objects, digest)).toString()) as Page
    } catch (e) {
      return this.wrong(by, (e as Error).message)
    }
    for (const { ref } of page.entries) {
      this.listed.add(artifactName(ref))
      this.artifacts.set(artifactName(ref), ref)
    }
    await mapBounded(page.below, READS, b => this.page(b.page, `page ${digest}`))
    this.pages.add(digest)
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

  async archiveAt(folder: string): Promise<void> {
    if (this.archives.has(folder)) return
    this.archives.add(folder)
    const index = await getHistoryIndex(this.objects, folder).catch((e: unknown) =>
      this.wrong(`${folder}/index.json`, (e as Error).message),
    )
    await mapBounded(index?.histories ?? [], READS, async h => {
      const key = historyKey(folder, h.runId)
      try {
        const history = await getHistory(this.objects, key, h.digest, h.packed)
        if (!history) this.wrong(key, 'is gone')
        else for (const d of digestsIn(history)) this.mentioned.add(d)
      } catch (e) {
        this.wrong(key, (e as Error).message)
      }
    })
  }
}
