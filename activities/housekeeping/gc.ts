// planCollection, collect: what no release, no channel and no running workflow names is listed, and after a time deleted.
import { Context } from '@temporalio/activity'
import type { Client } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import type { Collected, CollectTask } from '../../domain/contract/housekeeping.ts'
import type { IndexNode } from '../../domain/index/index-node.ts'
import { configError } from '../../domain/errors.ts'
import { foldersIn } from '../../domain/provenance/history.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { readCacheNote } from '../../storage/index-cache.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { readHistory } from '../../storage/encryption.ts'
import { LINEAGE } from '../../storage/lineage-record.ts'
import { getRaw, rawKey } from '../../storage/raw.ts'
import { Reach } from '../../storage/provenance/reach.ts'
import { releasesIn } from '../../storage/releases.ts'
import { getSealed, putSealed } from '../../storage/sealed.ts'
import type { Deps } from '../context.ts'
import { alone, runningWorkflows } from './gc-gate.ts'
import { progress } from '../meter.ts'
import { releaseOf } from '../release/release.ts'

const LISTS = 'gc/candidates/'
const WIDTH = 32
/** One pass deletes for no longer than this, so that the activities that wait for it do not time out. */
const PASS_MS = 300_000

/** Keys that nothing named at some time: of artifacts the prefix of all their objects. */
interface Candidates {
  readonly at: string
  readonly keys: readonly string[]
}

/** All that must stay. What a release names is known from its manifest even where something below is damaged. */
class Kept {
  private readonly reach: Reach
  private readonly deps: Deps
  private readonly releases = new Set<string>()
  private readonly recipes = new Set<string>()
  /** Something of a release could not be read: what it names of the raw archive is not known. */
  damaged: string | null = null

  constructor(deps: Deps) {
    this.deps = deps
    this.reach = new Reach(deps.objects, (what, why) => (this.damaged ??= `${what}: ${why}`))
  }

  /** Releases that have come since the last time. */
  async ofReleases(): Promise<void> {
    for await (const { dataset, release } of releasesIn(this.deps.objects)) {
      const name = `${dataset}/${release}`
      if (this.releases.has(name)) continue
      await this.reach.release(await releaseOf(this.deps, dataset, release))
      this.releases.add(name)
      progress(this.releases.size, this.releases.size + 1)
    }
    for await (const key of this.deps.objects.list('plans/')) {
      const plan = (await getSealed(this.deps.objects, key)) as { config: string } | undefined
      if (!plan) continue
      this.reach.raw.set(plan.config, key)
      const config = await getRaw(this.deps.objects, plan.config).catch(() => [])
      for (const f of foldersIn(Buffer.from(config).toString())) await this.reach.folder(f)
    }
  }

  /** What schedules name by content. */
  async ofSchedules(client: Client): Promise<void> {
    for await (const { scheduleId } of client.schedule.list()) {
      const { action } = await client.schedule.getHandle(scheduleId).describe()
      for (const f of foldersIn(JSON.stringify(action.args))) await this.reach.folder(f)
    }
  }

  /** Whatever the histories of running workflows mention: pages, artifacts, documents. */
  async ofRunning(client: Client): Promise<void> {
    const mentioned = new Set<string>()
    await mapBounded(await runningWorkflows(client), WIDTH, async ({ workflowId, runId }) => {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
      for (const d of await this.reach.mention(readHistory(historyToJSON(history)))) mentioned.add(d)
      progress(0, 0)
    })
    const before = new Set(this.reach.artifacts.keys())
    await mapBounded([...mentioned], WIDTH, async digest => {
      this.recipes.add(digest)
      if (await this.isPage(digest)) await this.reach.page(digest, 'a running workflow')
    })
    const fresh = new Map([...this.reach.artifacts].filter(([name]) => !before.has(name)))
    for await (const name of artifactsIn(this.deps)) {
      const [stage, recipe] = name.split('/') as [string, string]
      if (!this.recipes.has(recipe) || this.reach.artifacts.has(name)) continue
      const record = await this.deps.artifacts.lineage(stage, recipe)
      if (record) fresh.set(name, { stage, recipe, content: record.content } satisfies ArtifactRef)
    }
    await this.reach.follow([...fresh.values()])
  }

  private async isPage(digest: string): Promise<boolean> {
    if ((await this.deps.objects.size(rawKey(digest))) === undefined) return false
    try {
      const page = JSON.parse(Buffer.from(await getRaw(this.deps.objects, digest)).toString()) as Partial<IndexNode>
      return Array.isArray(page.entries) && Array.isArray(page.below)
    } catch {
      return false
    }
  }

  /** Whether an object of the raw archive, or all of an artifact, is named. */
  has(key: string): boolean {
    const parts = key.split('/')
    if (parts[0] === 'artifacts')
      return this.reach.artifacts.has(`${parts[1]}/${parts[2]}`) || this.recipes.has(parts[2]!)
    const digest = parts[3]!
    const { pages, raw, mentioned } = this.reach
    return this.damaged !== null || pages.has(digest) || raw.has(digest) || mentioned.has(digest)
  }

  /** A note of the cache is good while all artifacts of its index node stay. */
  readonly hasPage = (digest: string): boolean => this.reach.pages.has(digest)
}

/** `stage/recipe` of everything that has an object, with or without a record. */
async function* artifactsIn(deps: Deps): AsyncGenerator<string> {
  let last = ''
  for await (const key of deps.objects.list('artifacts/')) {
    const name = key.split('/').slice(1, 3).join('/')
    if (name !== last) yield (last = name)
  }
}

async function* unnamed(deps: Deps, kept: Kept): AsyncGenerator<string> {
  // First those that lead to others.
  for await (const key of deps.objects.list('memo/')) {
    const page = await readCacheNote(deps.objects, key).catch(() => undefined)
    if (page === undefined || !kept.hasPage(page)) yield key
  }
  for await (const name of artifactsIn(deps)) if (!kept.has(`artifacts/${name}`)) yield `artifacts/${name}/`
  for await (const key of deps.objects.list('raw/')) if (!kept.has(key)) yield key
}

/** Writes down what nothing names now. */
export async function planCollection(deps: Deps): Promise<Collected> {
  const kept = new Kept(deps)
  // Before the look at what there is: what is made meanwhile is named by nothing yet.
  const at = new Date().toISOString()
  await kept.ofReleases()
  await kept.ofRunning(Context.current().client)
  await kept.ofSchedules(Context.current().client)
  const keys: string[] = []
  for await (const key of unnamed(deps, kept)) progress(keys.push(key), keys.length + 1)
  await putSealed(deps.objects, `${LISTS}${at}.json`, { at, keys } satisfies Candidates)
  return { list: `${LISTS}${at}.json`, ...counted(keys), left: 0, damaged: kept.damaged }
}

const counted = (keys: readonly string[]): Pick<Collected, 'artifacts' | 'raw' | 'memo'> => ({
  artifacts: keys.filter(k => k.startsWith('artifacts/')).length,
  raw: keys.filter(k => k.startsWith('raw/')).length,
  memo: keys.filter(k => k.startsWith('memo/')).length,
})

/**
 * Deletes what nothing named when the newest list that is old enough was written, and nothing names now. While it deletes no other activity is under way.
 * @throws HillockError ConfigError when there is no list of that age.
 */
export async function collect(deps: Deps, { graceSeconds }: CollectTask): Promise<Collected> {
  const lists = await Array.fromAsync(deps.objects.list(LISTS))
  const old = lists.filter(k => Date.now() - Date.parse(k.slice(LISTS.length, -'.json'.length)) >= graceSeconds * 1000)
  const list = old.at(-1)
  if (list === undefined) throw configError('no list of candidates is old enough: run `hillock gc plan` and wait')
  const { at, keys } = (await getSealed(deps.objects, list)) as Candidates
  const kept = new Kept(deps)
  await kept.ofReleases()
  const deleted: string[] = []
  const left = await alone(deps.objects, async still => {
    await kept.ofReleases()
    await kept.ofRunning(Context.current().client)
    await kept.ofSchedules(Context.current().client)
    const since = Date.now()
    let todo = 0
    const gone = async (key: string): Promise<void> => {
      await still()
      if (Date.now() - since > PASS_MS) todo++
      else if (await deleteUnnamed(deps, kept, key, at)) progress(deleted.push(key), keys.length)
    }
    // A memory that leads nowhere is made again: all of them, whenever they were written.
    const notes: string[] = []
    for await (const key of unnamed(deps, kept)) {
      if (!key.startsWith('memo/')) break
      notes.push(key)
    }
    await mapBounded(notes, WIDTH, gone)
    for (const prefix of ['artifacts/', 'raw/'])
      await mapBounded(
        keys.filter(k => k.startsWith(prefix)),
        WIDTH,
        gone,
      )
    return todo
  })
  if (left === 0) await mapBounded(old, WIDTH, k => deps.objects.remove(k))
  return { list, ...counted(deleted), left, damaged: kept.damaged }
}

async function deleteUnnamed(deps: Deps, kept: Kept, key: string, at: string): Promise<boolean> {
  if (key.startsWith('memo/')) return deps.objects.remove(key).then(() => true)
  if (kept.has(key)) return false
  if (!key.startsWith('artifacts/')) return deps.objects.remove(key).then(() => true)
  const [, stage, recipe] = key.split('/') as [string, string, string]
  const record = await artifactStore(deps.objects)
    .lineage(stage, recipe)
    .catch(() => undefined)
  // Made again since the list was written.
  if (record && record.start > at) return false
  // The record first: half an artifact is none.
  await deps.objects.remove(`${key}${LINEAGE}`)
  const outputs = await Array.fromAsync(deps.objects.list(key))
  await mapBounded(outputs, WIDTH, k => deps.objects.remove(k))
  return record !== undefined || outputs.length > 0
}
