// A store over another: reads fall through, except for hidden keys; writes and removals stay in the upper one.
import { configError } from '../../domain/errors.ts'
import type { ObjectStore } from '../object-store.ts'

/** What `hidden` names is looked for in `upper` alone; refs cannot be moved. */
export const overlayStore = (
  lower: ObjectStore,
  upper: ObjectStore,
  hidden: (key: string) => boolean,
): ObjectStore => ({
  url: upper.url,
  get: async (key, options) =>
    (await upper.get(key, options)) ?? (hidden(key) ? undefined : await lower.get(key, options)),
  getRange: async (key, offset, length) =>
    (await upper.getRange(key, offset, length)) ??
    (hidden(key) ? undefined : await lower.getRange(key, offset, length)),
  size: async key => (await upper.size(key)) ?? (hidden(key) ? undefined : await lower.size(key)),
  putIfAbsent: (key, bytes) => upper.putIfAbsent(key, bytes),
  readRef: key => lower.readRef(key),
  swapRef: async key => {
    throw configError(`${key} cannot be moved from a scratch store`)
  },
  remove: key => upper.remove(key),
  list: (prefix, after) => lower.list(prefix, after),
})
