// Documents of the raw archive that activities read by digest: the run file as it holds for them, lists, index nodes.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import { configAt, type RunConfig } from '../domain/config.ts'
import type { CellTask } from '../domain/contract/activities.ts'
import { getRaw, putRaw } from '../storage/raw.ts'
import type { Deps } from './context.ts'
import { cached } from '../storage/cached.ts'

const documents = new Map<unknown, Promise<unknown>>()
/** Parsed JSON of the raw archive, kept for the few documents that every activity of a run reads. */
export const document = <T>(deps: Deps, digest: string): Promise<T> =>
  cached(documents, digest, 32, async () =>
    JSON.parse(Buffer.from(await getRaw(deps.objects, digest)).toString()),
  ) as Promise<T>

export const configOf = (deps: Deps, digest: string): Promise<RunConfig> => document(deps, digest)
/** The run file as it holds for the region of a task; above the leaves of the tree nothing differs. */
export const configFor = async (deps: Deps, { context, level, cell }: CellTask): Promise<RunConfig> => {
  const config = await configOf(deps, context.config)
  return level === 0 ? configAt(config, cell) : config
}
export const saveDocument = (deps: Deps, value: unknown): Promise<string> =>
  putRaw(deps.objects, Buffer.from(canonicalJson(value as Json)))
