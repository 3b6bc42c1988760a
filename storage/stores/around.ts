// A store with something around every request: what retries, limits, metrics and timing have in common.
import type { Attempts, ObjectStore } from '../object-store.ts'

export type Operation = 'get' | 'size' | 'put' | 'ref' | 'remove'

/** Sends one request by calling `work`, once or more; `written`: bytes that it would write. */
export type Around = <T>(
  operation: Operation,
  key: string,
  work: (attempts?: Attempts) => Promise<T>,
  written: number,
) => Promise<T>

/** `list` is passed on as it is. */
export const around = (store: ObjectStore, each: Around): ObjectStore => ({
  url: store.url,
  get: (key, options) => each('get', key, () => store.get(key, options), 0),
  getRange: (key, offset, length) => each('get', key, () => store.getRange(key, offset, length), 0),
  size: key => each('size', key, () => store.size(key), 0),
  putIfAbsent: (key, bytes, own) =>
    each('put', key, (attempts = own) => store.putIfAbsent(key, bytes, attempts), bytes.length),
  readRef: key => each('ref', key, () => store.readRef(key), 0),
  swapRef: (key, expected, value, own) =>
    each('ref', key, (attempts = own) => store.swapRef(key, expected, value, attempts), value.length),
  remove: key => each('remove', key, () => store.remove(key), 0),
  list: (prefix, after) => store.list(prefix, after),
})
