// Index objects: lists of artifacts in the raw archive, so that payloads carry one digest instead of thousands of refs.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { BatchOutcome, IndexEntry, Outcome, Refs, StageCount } from '../domain/contract.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { getRaw, putRaw } from '../storage/raw.ts'
import type { Deps } from './context.ts'

export const saveIndex = (deps: Deps, entries: readonly IndexEntry[]): Promise<string> =>
  putRaw(deps.objects, Buffer.from(canonicalJson(entries as unknown as Json)))

export async function readIndexes(deps: Deps, digests: readonly string[]): Promise<IndexEntry[]> {
  const lists = await Promise.all(digests.map(d => getRaw(deps.objects, d)))
  return lists.flatMap(bytes => JSON.parse(Buffer.from(bytes).toString()) as IndexEntry[])
}

/** Artifacts of one stage, by cell. */
export const refsOf = (entries: readonly IndexEntry[], stage: string): Refs =>
  Object.fromEntries(entries.filter(e => e.stage === stage).map(e => [e.cell, e.ref]))

/** @throws Error when the index does not list what a stage needs: a fault of the workflow. */
export function one(refs: Refs, stage: string, cell: string): ArtifactRef {
  const ref = refs[cell]
  if (!ref) throw new Error(`the index lists no ${stage} artifact of ${cell}`)
  return ref
}

/** Sums the outcomes of a batch and saves its index: what was known of these sections, and what is new. */
export async function batch(
  deps: Deps,
  known: readonly IndexEntry[],
  outcomes: readonly Outcome[],
): Promise<BatchOutcome> {
  const counts = new Map<string, StageCount>()
  for (const o of outcomes) {
    const c = counts.get(o.stage)
    counts.set(o.stage, {
      stage: o.stage,
      made: (c?.made ?? 0) + (o.made ? 1 : 0),
      found: (c?.found ?? 0) + (o.made ? 0 : 1),
      quarantined: (c?.quarantined ?? 0) + o.holes.length,
      // One attempt of the activity made the whole batch.
      retries: o.retries,
      seconds: (c?.seconds ?? 0) + o.seconds,
      voxels: (c?.voxels ?? 0) + o.voxels,
      cost: (c?.cost ?? 0) + o.cost,
    })
  }
  const index = await saveIndex(deps, [...known, ...outcomes.map(o => ({ stage: o.stage, cell: o.key, ref: o.ref }))])
  return { index, counts: [...counts.values()], holes: outcomes.flatMap(o => o.holes) }
}
