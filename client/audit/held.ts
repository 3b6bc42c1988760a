// What an audit holds against each other before it executes anything again: histories and the server's copies, records, manifest, channels.
import type { Client } from '@temporalio/client'
import { archivedWith, nameOf, type Execution, type History } from '../../domain/provenance/history.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { Release } from '../../domain/release.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { Wrong } from '../../storage/provenance/reach.ts'
import { channelsOf } from '../catalogue.ts'
import { RecordCheck } from '../proof/records.ts'
import { archivesOf, proveChannel, proveRelease } from '../proof/release.ts'
import { Archives, type Located } from './histories.ts'
import type { Findings } from './report.ts'

/** @param refs every artifact behind the release */
export function held(
  objects: ObjectStore,
  client: Client,
  release: Release,
  refs: readonly ArtifactRef[],
  findings: Findings,
) {
  const { dataset } = release
  const records = new RecordCheck(objects, refs, (...found) => findings.add('lineage', ...found))

  /** The histories of the run itself, of earlier runs that made what it found, and of workflows that set channels; what is whole, one by one. */
  async function* histories(): AsyncGenerator<{ workflowId: string; history: History }> {
    const archives = new Archives(objects, client)
    const missing = (e: Execution) => (why: unknown) => findings.add('history', nameOf(e), (why as Error).message)
    const makers = await records.makers()
    const own = (await archives.of(release.run).catch(missing(release.run))) ?? []
    const found = new Map(own.map(h => [h.runId, h]))
    for (const e of [...makers, ...(await movers())]) {
      const h: Located | undefined = found.get(e.runId) ?? (await archives.find(e).catch(missing(e)))
      if (h) found.set(h.runId, h)
    }
    const listed = new Set([...found.values()].map(nameOf))
    if (own.length > 0 && !listed.has(nameOf(release.run)))
      findings.add('history', nameOf(release.run), 'the index of its own archive does not list it')
    for (const h of found.values()) {
      const history = await archives.load(h, findings)
      if (!history) continue
      await records.history(h, h.key, history)
      for (const r of own.includes(h) ? archivedWith(history, h, release.run) : [])
        if (!listed.has(nameOf(r)))
          findings.add('history', nameOf(r), `${h.workflowId} names it, the index does not list it`)
      yield { workflowId: h.workflowId, history }
    }
  }

  /** The workflows that set the channels which name the release. */
  async function movers(): Promise<Execution[]> {
    const set = Object.values(await channelsOf(objects, dataset))
    return set.flatMap(({ release: named, via }) => {
      const [workflowId, runId] = via?.split('#') ?? []
      return named === release.release && workflowId && runId ? [{ workflowId, runId }] : []
    })
  }

  /** Once all histories are through: by now nothing may be left open that they should tell of. */
  async function end(): Promise<void> {
    const wrong: Wrong = (...found) => findings.add('manifest', ...found)
    for (const name of await records.end()) findings.add('lineage', name, 'no history behind the release tells of it')
    const told = await archivesOf(objects, dataset)
    await proveRelease(objects, [dataset, release.release], release, told, wrong, wrong)
    for (const channel of Object.keys(await channelsOf(objects, dataset)))
      await proveChannel(objects, dataset, channel, told, wrong, wrong)
    Object.assign(findings.counts, records.counts)
  }

  return { records, histories, end }
}
