// The histories behind a release: from the archive, held against their digests and against the server's copies.
import type { Client, WorkflowExecutionDescription } from '@temporalio/client'
import { workflowIds } from '../../domain/contract/names.ts'
import { HillockError } from '../../domain/errors.ts'
import {
  firstDifference,
  historyFault,
  isGone,
  misindexed,
  nameOf,
  type Execution,
  type History,
} from '../../domain/provenance/history.ts'
import { sha256 } from '../../domain/recipe.ts'
import {
  archivedText,
  archiveFolder,
  getHistoryIndex,
  historyDigest,
  historyKey,
  listHistoryIndexes,
  type ArchivedHistory,
  type HistoryIndex,
} from '../../storage/provenance/histories.ts'
import { readHistory } from '../../storage/encryption.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { archive } from '../../workflows/housekeeping/archive.ts'
import { call } from '../call.ts'
import { serverHistory } from '../history.ts'
import type { Findings } from './report.ts'

export interface Located extends ArchivedHistory {
  readonly key: string
}

const located = (index: HistoryIndex): Located[] =>
  index.histories.map(h => ({ ...h, key: historyKey(archiveFolder(index.root), h.runId) }))

/** Looks histories up by run, and has a run archived where nobody has done so yet. */
export class Archives {
  private readonly objects: ObjectStore
  private readonly client: Client
  private readonly known = new Map<string, Located>()

  constructor(objects: ObjectStore, client: Client) {
    this.objects = objects
    this.client = client
  }

  private learn(index: HistoryIndex): HistoryIndex {
    for (const h of located(index)) this.known.set(h.runId, h)
    return index
  }

  /** @throws HillockError MissingArtifact when neither the bucket nor the server has the histories of the run. */
  async of(root: Execution): Promise<Located[]> {
    let index = await getHistoryIndex(this.objects, archiveFolder(root))
    if (!index) {
      await call<typeof archive>(this.client, 'archive', workflowIds.archive(root), [root], { join: true })
      index = await getHistoryIndex(this.objects, archiveFolder(root))
    }
    return located(this.learn(index!))
  }

  /**
   * Any run that made something: through the archives of its name, or the server's word for what started it.
   * @throws HillockError MissingArtifact when it is nowhere, is concealed, or what started it has not ended yet.
   */
  async find(maker: Execution): Promise<Located> {
    if (!this.known.has(maker.runId)) {
      const run = maker.workflowId.split('/').slice(1, 3).join('/')
      for (const index of await listHistoryIndexes(this.objects, run)) this.learn(index)
    }
    if (!this.known.has(maker.runId)) await this.of(await this.rootOf(maker))
    const found = this.known.get(maker.runId)
    if (!found) throw new HillockError('MissingArtifact', 'the archive of its run does not list it')
    return found
  }

  private async rootOf(maker: Execution): Promise<Execution> {
    const describe = async ({ workflowId, runId }: Execution): Promise<WorkflowExecutionDescription> =>
      this.client.workflow.getHandle(workflowId, runId).describe()
    try {
      const root = (await describe(maker)).raw.workflowExecutionInfo!.rootExecution as Execution
      if ((await describe(root)).closeTime) return root
      throw new HillockError('MissingArtifact', `not archived yet: ${root.workflowId} is still under way`)
    } catch (e) {
      if (!isGone(e)) throw e
      throw new HillockError('MissingArtifact', 'neither the bucket nor Temporal has it')
    }
  }

  /** One history, if it is whole; what is wrong with it goes to `findings`. */
  async load(h: Located, findings: Findings): Promise<History | undefined> {
    const wrong = (why: string): undefined => findings.add('history', nameOf(h), why)
    const server = await serverHistory(this.client, h)
    let text: string | undefined
    let history: History
    try {
      text = await archivedText(this.objects, h.key)
      if (text === undefined) return wrong(`${h.key} is gone`)
      history = readHistory(text)
    } catch (e) {
      return wrong((e as Error).message)
    }
    // As they are held: encrypted, where they are.
    const [held, archived] = [server, text].map(t => t && (JSON.parse(t) as History)) as [History | undefined, History]
    const difference = held && firstDifference(held, archived)
    if (difference) wrong(`the archive differs from what Temporal holds, first in ${difference}`)
    const digest = historyDigest(archived)
    if (digest !== h.digest) wrong(`${h.key} has digest ${digest}, the index names ${h.digest}`)
    else if (sha256((await this.objects.get(h.key))!) !== h.packed)
      wrong(`${h.key} has other bytes than the index names`)
    const fault = historyFault(history)
    if (fault) return wrong(`${h.key} ${fault}`)
    for (const d of misindexed(history, h)) findings.add('history', nameOf(h), 'the index says something else', d)
    findings.counts[server ? 'onServer' : 'goneFromServer']++
    return history
  }
}
