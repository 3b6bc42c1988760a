// What verify and audit say of a bucket in which some objects are others: every object is read once, every history asked for once.
import type { Client } from '@temporalio/client'
import { held as heldAgainst } from '../../../client/audit/held.ts'
import { Findings } from '../../../client/audit/report.ts'
import { verify, type Finding } from '../../../client/verify.ts'
import { Release } from '../../../domain/release.ts'
import type { ObjectStore } from '../../../storage/object-store.ts'
import { allArtifacts } from '../../../storage/release-index.ts'
import { releaseKey } from '../../../storage/releases.ts'
import { getSealed } from '../../../storage/sealed.ts'

/** Objects that are others, by key; null: gone. */
export type Forged = Map<string, string | Uint8Array | null>

/** Reads every object once. */
export function remembering(store: ObjectStore): ObjectStore {
  const known = new Map<string, ReturnType<ObjectStore['get']>>()
  const get: ObjectStore['get'] = key => {
    if (!known.has(key)) known.set(key, store.get(key))
    return known.get(key)!
  }
  return {
    ...store,
    get,
    getRange: async (key, offset, length) => (await get(key))?.slice(offset, offset + length),
    size: async key => (await get(key))?.length,
  }
}

/** Asks the server for each history once. */
export function rememberHistories({ workflow }: Client): void {
  const known = new Map<string, Promise<never>>()
  const getHandle = workflow.getHandle.bind(workflow)
  workflow.getHandle = (workflowId, runId, ...rest) => {
    const handle = getHandle(workflowId, runId, ...rest)
    const [name, fetch] = [`${workflowId} ${runId}`, handle.fetchHistory.bind(handle)]
    handle.fetchHistory = () => known.get(name) ?? known.set(name, fetch() as Promise<never>).get(name)!
    return handle as never
  }
}

/** The bucket with other objects in it. */
function withForged(objects: ObjectStore, forged: Forged): ObjectStore {
  const get: ObjectStore['get'] = async key => {
    const other = forged.get(key)
    return other === undefined ? objects.get(key) : other === null ? undefined : new Uint8Array(Buffer.from(other))
  }
  return {
    ...objects,
    get,
    getRange: async (key, offset, length) => (await get(key))?.slice(offset, offset + length),
    size: async key => (await get(key))?.length,
    readRef: async key =>
      forged.get(key) ? { value: forged.get(key)!.toString(), version: '1' } : objects.readRef(key),
    async *list(prefix) {
      const keys = new Set([...forged.keys()].filter(k => k.startsWith(prefix)))
      for await (const k of objects.list(prefix)) keys.add(k)
      yield* [...keys].filter(k => forged.get(k) !== null).sort()
    },
  }
}

/** Both ways to look at a release of `tiny`. */
export interface Look {
  readonly verify: (name: string, forged: Forged) => Promise<readonly Finding[]>
  readonly audit: (name: string, forged: Forged) => Promise<readonly Finding[]>
}

export const looks = (objects: ObjectStore, client: () => Client): Look => ({
  async verify(name, forged) {
    const options = { all: true, progress: () => {} }
    return (await verify(withForged(objects, forged), { dataset: 'tiny', release: name }, options)).findings
  },
  async audit(name, forged) {
    const store = withForged(objects, forged)
    const parsed = Release.safeParse(await getSealed(store, releaseKey('tiny', name)))
    // Such a manifest is refused before there is anything to audit.
    if (!parsed.success) return [{ what: releaseKey('tiny', name), why: parsed.error.message }]
    const findings = new Findings()
    const refs = await allArtifacts(store, parsed.data)
    const held = heldAgainst(store, client(), parsed.data, refs, findings)
    for await (const _ of held.histories());
    await held.end()
    return findings.list
  },
})
