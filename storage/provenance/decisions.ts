// Who approved or rejected a release candidate, and why: one immutable object per decision.
import { z } from 'zod'
import { getDocument } from '../documents.ts'
import type { ObjectStore } from '../object-store.ts'
import { putSealed } from '../sealed.ts'

export const Decision = z.strictObject({
  gate: z.string(),
  decision: z.enum(['approve', 'reject', 'retry']),
  author: z.string(),
  reason: z.string(),
  at: z.number(),
  workflowId: z.string(),
  /** Run id of the workflow that asked: equal candidates of two runs are decided twice. */
  runId: z.string(),
})
export type Decision = z.infer<typeof Decision>

const prefix = (dataset: string, release: string): string => `decisions/${dataset}/${release}/`

export const putDecision = (
  objects: ObjectStore,
  dataset: string,
  release: string,
  d: Decision,
): Promise<'created' | 'exists'> => putSealed(objects, `${prefix(dataset, release)}${d.runId}.json`, d)

export const decisionKeys = (objects: ObjectStore, dataset: string, release: string): AsyncIterable<string> =>
  objects.list(prefix(dataset, release))

/** @throws HillockError MissingArtifact when it is damaged, or is no decision. */
export const readDecision = async (objects: ObjectStore, key: string): Promise<Decision> =>
  (await getDocument(objects, key, 'decision', Decision))!

/** All decisions about a release, the oldest first. */
export async function decisionsOn(objects: ObjectStore, dataset: string, release: string): Promise<Decision[]> {
  const all = await Array.fromAsync(decisionKeys(objects, dataset, release), k => readDecision(objects, k))
  return all.sort((a, b) => a.at - b.at)
}
