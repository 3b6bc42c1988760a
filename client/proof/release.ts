// A release, the decisions about it and the channels that name it, against what the histories in the bucket tell of those who made them.
import { differences } from '../../domain/provenance/differences.ts'
import { historyFault } from '../../domain/provenance/history.ts'
import { HistoryFacts } from '../../domain/provenance/history-facts.ts'
import { Release, releaseName } from '../../domain/release.ts'
import { channelDifferences } from '../../domain/releases/channel.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { wrongFields } from '../../storage/lineage-record.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { decisionKeys, readDecision } from '../../storage/provenance/decisions.ts'
import {
  archiveFolder,
  getHistory,
  getHistoryIndex,
  historyKey,
  type ArchivedHistory,
} from '../../storage/provenance/histories.ts'
import { proveManifest } from '../../storage/provenance/proof.ts'
import type { Wrong } from '../../storage/provenance/reach.ts'
import { readChannel, releaseKey } from '../../storage/releases.ts'

/** Workflows that assemble, publish, roll back or decide. */
const MOVERS: readonly string[] = ['release', 'publish', 'rollback']
const READS = 16

export interface Archives {
  readonly told: HistoryFacts
  /** Histories of movers, with their keys. */
  readonly movers: readonly (ArchivedHistory & { readonly key: string })[]
  /** Folders that were there when they were read: others may have come since. */
  readonly folders: ReadonlySet<string>
}

/** @param wrong hears of what is damaged, and left out. */
export async function archivesOf(objects: ObjectStore, dataset: string, wrong: Wrong = () => {}): Promise<Archives> {
  const told = new HistoryFacts()
  const movers: (ArchivedHistory & { readonly key: string })[] = []
  const folders = new Set<string>()
  for await (const key of objects.list(`histories/${dataset}/`)) {
    if (!key.endsWith('/index.json')) continue
    const folder = key.slice(0, -'/index.json'.length)
    folders.add(folder)
    const index = await getHistoryIndex(objects, folder).catch((e: unknown) => wrong(key, (e as Error).message))
    for (const h of index?.histories ?? [])
      if (MOVERS.includes(h.type)) movers.push({ ...h, key: historyKey(folder, h.runId) })
  }
  const histories = await mapBounded(movers, READS, m =>
    getHistory(objects, m.key, m.digest, m.packed).catch((e: unknown) => wrong(m.key, (e as Error).message)),
  )
  for (const [i, h] of histories.entries()) {
    const fault = h && historyFault(h)
    if (fault) wrong(movers[i]!.key, fault)
    else if (h) told.add(h)
  }
  return { told, movers, folders }
}

/** Tells what only the histories of workflows prove that are not in the bucket (yet). */
export type Unproven = (what: string, why: string) => void

/** `release/tiny/one` is archived with the run of that name, by which it was started; others by themselves. */
const folderOf = (workflowId: string): string => `${workflowId.split('/').slice(1).join('/')}/`

/** Whether an archive of this workflow, or of the run that it belongs to, was read: one may have come since. */
const archived = ({ folders }: Archives, workflowId: string): boolean =>
  [...folders].some(f => f.startsWith(`histories/${folderOf(workflowId)}`))

/** One channel; returns the release that it names, undefined when it is not set or cannot be read. */
export async function proveChannel(
  objects: ObjectStore,
  dataset: string,
  channel: string,
  archives: Archives,
  wrong: Wrong,
  unproven: Unproven,
): Promise<string | undefined> {
  const { told } = archives
  const key = `refs/${dataset}/${channel}`
  const ref = await readChannel(objects, dataset, channel).catch((e: unknown) => wrong(key, (e as Error).message))
  if (!ref) return undefined
  const { value } = ref
  if ((await objects.size(releaseKey(dataset, value.release))) === undefined)
    wrong(key, `names release ${value.release}, which is gone`)
  const here = <T extends { readonly dataset: string; readonly channel: string }>(all: readonly T[]): T[] =>
    all.filter(m => m.dataset === dataset && m.channel === channel)
  const moves = here(told.moves).map(m => m.value)
  const parted = channelDifferences(value, { moves, takenBack: here(told.takenBack).map(m => m.via) })
  for (const d of parted ?? []) wrong(key, 'says something else than the history of who set it', d)
  if (parted !== undefined) return value.release
  const [workflowId = '', run] = value.via?.split('#') ?? []
  const kind = workflowId.split('/')[0]!
  if (!run || !['release', 'publish', 'rollback'].includes(kind) || archived(archives, workflowId))
    for (const d of differences('the name of a workflow that set it', value.via, 'via'))
      wrong(key, 'was set by no workflow of which a history tells', d)
  else unproven(key, `the history of ${workflowId}, which set it, is not in the bucket (yet)`)
  return value.release
}

/** All decisions about a release. */
export async function proveDecisions(
  objects: ObjectStore,
  { dataset, release }: Pick<Release, 'dataset' | 'release'>,
  archives: Archives,
  wrong: Wrong,
  unproven: Unproven,
): Promise<void> {
  const { told } = archives
  const recorded = told.decisions.filter(d => d.dataset === dataset && d.release === release)
  const left = new Set(recorded)
  for await (const key of decisionKeys(objects, dataset, release)) {
    const found = await readDecision(objects, key).catch((e: unknown) => wrong(key, (e as Error).message))
    if (!found) continue
    const own = recorded.find(d => key.endsWith(`/${d.runId}.json`)) ?? recorded[0]
    if (own) {
      left.delete(own)
      const { dataset: _, release: __, ...decision } = own
      for (const d of differences(decision, found)) wrong(key, 'is not the decision that was recorded', d)
    } else if (archived(archives, found.workflowId)) wrong(key, 'no history tells of this decision')
    else unproven(key, `the history of ${found.workflowId}, which asked, is not in the bucket (yet)`)
  }
  for (const d of left) wrong(`decisions/${dataset}/${release}/${d.runId}.json`, `the decision of ${d.author} is gone`)
}

/** The manifest that lies under a key, if it is one. */
export function asManifest(value: unknown, key: string, wrong: Wrong): Release | undefined {
  const parsed = Release.safeParse(value)
  if (!parsed.success) wrong(key, `is not a manifest: ${wrongFields(parsed.error.issues)}`)
  return parsed.data
}

export async function proveRelease(
  objects: ObjectStore,
  [dataset, name]: readonly [dataset: string, name: string],
  release: Release,
  archives: Archives,
  wrong: Wrong,
  unproven: Unproven,
): Promise<void> {
  const key = releaseKey(dataset, name)
  for (const d of differences({ dataset, release: name }, { dataset: release.dataset, release: release.release }))
    wrong(key, 'lies under another name', d)
  const assembly = archives.told.assembly(name, release.run)
  if (!assembly) {
    const { workflowId } = release.run
    if (!archives.folders.has(archiveFolder(release.run)))
      unproven(key, `the histories of ${workflowId} are not in the bucket (yet)`)
    else wrong(key, `its run ${workflowId} has assembled no release`)
  }
  await proveManifest(objects, release, assembly, wrong)
  for (const d of differences(releaseName(release), name, 'release')) wrong(key, 'is not named by what it says', d)
  await proveDecisions(objects, release, archives, wrong, unproven)
}
