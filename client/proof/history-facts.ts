// What the archives of a dataset tell of its releases and channels: read from the histories of those workflows alone that move or decide something.
import { historyFault } from '../../domain/provenance/history.ts'
import { HistoryFacts } from '../../domain/provenance/history-facts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { getHistory, getHistoryIndex, historyKey, type ArchivedHistory } from '../../storage/provenance/histories.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { Wrong } from '../../storage/provenance/reach.ts'

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
