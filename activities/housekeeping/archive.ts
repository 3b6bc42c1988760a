// archive: the histories of a finished run and of all that it started, from Temporal into the bucket.
import { Context } from '@temporalio/activity'
import type { Client } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import type { Archived } from '../../domain/contract/housekeeping.ts'
import { HillockError } from '../../domain/errors.ts'
import { aboutHistory, archivedWith, isGone, type Execution, type History } from '../../domain/provenance/history.ts'
import { mapBounded } from '../../storage/bounded.ts'
import {
  archivedText,
  archiveFolder,
  byName,
  getHistoryIndex,
  historyDigest,
  historyKey,
  putHistory,
  putHistoryIndex,
  type ArchivedHistory,
} from '../../storage/provenance/histories.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'

/** Histories fetched at a time. */
const WIDTH = 8

/**
 * Null while one of the runs has not ended. What an earlier call has archived is read from there; the index comes last.
 * @throws HillockError MissingArtifact when the server no longer has one of them.
 */
export async function archive(deps: Deps, root: Execution): Promise<Archived | null> {
  const folder = archiveFolder(root)
  const known = await getHistoryIndex(deps.objects, folder)
  if (known) return { index: await putHistoryIndex(deps.objects, known), histories: known.histories.length }
  const { client } = Context.current()
  const seen = new Set([root.runId])
  const histories: ArchivedHistory[] = []
  let open: Execution[] = [root]
  while (open.length > 0) {
    const found = await mapBounded(open, WIDTH, async at => {
      const key = historyKey(folder, at.runId)
      const text = (await archivedText(deps.objects, key)) ?? (await closedHistory(client, at))
      if (text === null) return null
      const history = JSON.parse(text) as History
      const packed = await putHistory(deps.objects, key, history)
      histories.push({ ...aboutHistory(history), ...at, digest: historyDigest(history), packed })
      progress(histories.length, seen.size)
      return archivedWith(history, at, root)
    })
    if (found.includes(null)) return null
    open = found.flatMap(f => f ?? []).filter(e => !seen.has(e.runId) && seen.add(e.runId))
  }
  histories.sort(byName)
  return { index: await putHistoryIndex(deps.objects, { root, histories }), histories: histories.length }
}

async function closedHistory(client: Client, at: Execution): Promise<string | null> {
  const handle = client.workflow.getHandle(at.workflowId, at.runId)
  try {
    if (!(await handle.describe()).closeTime) return null
    return historyToJSON(await handle.fetchHistory())
  } catch (e) {
    if (!isGone(e)) throw e
    throw new HillockError('MissingArtifact', `Temporal no longer has the history of ${at.workflowId} (${at.runId})`)
  }
}
