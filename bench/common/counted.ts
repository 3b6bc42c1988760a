// Counting of what readers fetch: requests, and bytes of their answers.
import type { Files } from '../../storage/foreign/files.ts'

export interface Cost {
  bytes: number
  requests: number
}
let cost: Cost = { bytes: 0, requests: 0 }
/** What a viewer has already: it asks for nothing twice within a call. */
const seen = new Set<string>()
export const counted = (files: Files): Files => {
  const count = <T extends Uint8Array | undefined>(what: string, bytes: T): T => {
    if (!seen.has(what)) cost = { bytes: cost.bytes + (bytes?.length ?? 0), requests: cost.requests + 1 }
    seen.add(what)
    return bytes
  }
  return {
    ...files,
    get: async path => count(`${files.url}/${path}`, await files.get(path)),
    range: async (path, offset, length) =>
      count(`${files.url}/${path} ${offset} ${length}`, await files.range(path, offset, length)),
  }
}
/** Mean cost of `times` calls, as text. */
export async function costOf(times: number, f: () => Promise<unknown>): Promise<string> {
  let [bytes, requests] = [0, 0]
  for (let i = 0; i < times; i++) {
    seen.clear()
    cost = { bytes: 0, requests: 0 }
    await f()
    bytes += cost.bytes / times
    requests += cost.requests / times
  }
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 2 : 1)} MiB, ${requests.toFixed(0)}`
}
