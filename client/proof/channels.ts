// Channels and decisions against what histories tell of those who made them.
import { channelDifferences } from '../../domain/releases/channel.ts'
import { differences } from '../../domain/provenance/differences.ts'
import type { Release } from '../../domain/release.ts'
import { decisionKeys, readDecision } from '../../storage/provenance/decisions.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { Wrong } from '../../storage/provenance/reach.ts'
import { readChannel, releaseKey } from '../../storage/releases.ts'
import type { Archives } from './history-facts.ts'

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
