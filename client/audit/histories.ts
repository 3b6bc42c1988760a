// The histories behind a release: from the archive, held against their digests and against the server's copies.
import { isGrpcServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { queues, workflowIds } from '../../domain/contract.ts'
import { firstDifference, type Execution, type History } from '../../domain/history.ts'
import {
  archiveFolder,
  getHistory,
  getHistoryIndex,
  historyDigest,
  historyKey,
  listHistoryIndexes,
  type ArchivedHistory,
  type HistoryIndex,
} from '../../storage/histories.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { archive } from '../../workflows/archive.ts'
import { causeOf } from '../execute.ts'
import type { Findings } from './report.ts'

export interface Located extends ArchivedHistory {
  readonly key: string
}

const NOT_FOUND = 5
const isGone = (e: unknown): boolean =>
  e instanceof WorkflowNotFoundError || (isGrpcServiceError(e) && (e.code as number) === NOT_FOUND)

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
      await this.client.workflow
        .execute<typeof archive>('archive', {
          workflowId: workflowIds.archive(root),
          workflowIdConflictPolicy: 'USE_EXISTING',
          taskQueue: queues.workflow,
          args: [root],
        })
        .catch((e: unknown) => {
          throw causeOf(e)
        })
      index = await getHistoryIndex(this.objects, archiveFolder(root))
    }
    return located(this.learn(index!))
  }

  /** Any run that made something: through the archives of its name, or the server's word for what started it. */
  async find({ workflowId, runId }: Execution): Promise<Located | undefined> {
    const known = this.known.get(runId)
    if (known) return known
    const run = workflowId.split('/').slice(1, 3).join('/')
    for (const index of await listHistoryIndexes(this.objects, run)) this.learn(index)
    if (!this.known.has(runId)) {
      const root = await this.rootOf({ workflowId, runId })
      if (root) await this.of(root)
    }
    return this.known.get(runId)
  }

  private async rootOf({ workflowId, runId }: Execution): Promise<Execution | undefined> {
    try {
      const { raw } = await this.client.workflow.getHandle(workflowId, runId).describe()
      const root = raw.workflowExecutionInfo?.rootExecution
      return { workflowId: root?.workflowId ?? workflowId, runId: root?.runId ?? runId }
    } catch (e) {
      if (isGone(e)) return undefined
      throw e
    }
  }

  /** One history, if it is whole; what is wrong with it goes to `findings`. */
  async load(h: Located, findings: Findings): Promise<History | undefined> {
    const wrong = (why: string): undefined => findings.add('history', `${h.workflowId} (${h.runId})`, why)
    const server = await this.fromServer(h)
    let history: History | undefined
    try {
      history = await getHistory(this.objects, h.key)
    } catch (e) {
      return wrong((e as Error).message)
    }
    if (!history) return wrong(`${h.key} is gone`)
    const difference = server && firstDifference(server, history)
    if (difference) wrong(`the archive differs from what Temporal holds, first in ${difference}`)
    const digest = historyDigest(history)
    if (digest !== h.digest) wrong(`${h.key} has digest ${digest}, the index names ${h.digest}`)
    findings.count(server ? 'onServer' : 'goneFromServer')
    return history
  }

  private async fromServer({ workflowId, runId }: Execution): Promise<History | undefined> {
    try {
      const fetched = await this.client.workflow.getHandle(workflowId, runId).fetchHistory()
      return JSON.parse(historyToJSON(fetched)) as History
    } catch (e) {
      if (isGone(e)) return undefined
      throw e
    }
  }
}
