// What is asked most right now: requests by prefix of the bucket, shard and table partition, as rates over the last minute.
import { LRUCache } from 'lru-cache'
import { LIMITS, type HotKind } from '../domain/slo/hot-spots.ts'

/** Of a request counts 1/e of its weight after so long. */
const FADE_MS = 60_000
/** Names that are kept of a kind: those that nobody has asked for longest go first. */
const KEPT = 4096

export interface HotSpot {
  readonly kind: HotKind
  readonly name: string
  /** Since the server was started, or since it was forgotten. */
  readonly requests: number
  readonly bytes: number
  /** Of one request; null where it is not measured. */
  readonly ms: number | null
  readonly perSecond: number
  /** More is asked of it than one such thing is good for. */
  readonly saturated: boolean
}

interface Count {
  requests: number
  bytes: number
  ms: number
  /** Requests, those that are long ago counted less. */
  weight: number
  at: number
}

const faded = ({ weight, at }: Count, now: number): number => weight * Math.exp((at - now) / FADE_MS)

export class HotSpots {
  private readonly kinds = new Map<HotKind, LRUCache<string, Count>>()

  count(kind: HotKind, name: string, bytes: number, ms = 0, now = Date.now()): void {
    const counts = this.kinds.get(kind) ?? new LRUCache<string, Count>({ max: KEPT })
    this.kinds.set(kind, counts)
    const own = counts.get(name) ?? { requests: 0, bytes: 0, ms: 0, weight: 0, at: now }
    own.weight = faded(own, now) + 1
    own.at = now
    own.requests++
    own.bytes += bytes
    own.ms += ms
    counts.set(name, own)
  }

  /** The hottest first. */
  top(kind: HotKind, most: number, now = Date.now()): HotSpot[] {
    return [...(this.kinds.get(kind)?.entries() ?? [])]
      .map(([name, own]) => {
        const perSecond = (faded(own, now) / FADE_MS) * 1000
        const { requests, bytes } = own
        const ms = own.ms > 0 ? own.ms / requests : null
        return { kind, name, requests, bytes, ms, perSecond, saturated: perSecond > LIMITS[kind] }
      })
      .sort((a, b) => b.perSecond - a.perSecond || b.requests - a.requests || (a.name < b.name ? -1 : 1))
      .slice(0, most)
  }
}
