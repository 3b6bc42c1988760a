// What the fake bucket can do wrong, by name: which faults fit a request, which of them strikes, and how often each has struck.
import { random } from '../storage/formats/fixtures-plain.ts'

export const FAULTS = {
  '429 throttled': 'refused before anything happened',
  '503 unavailable': 'refused before anything happened',
  '408 timeout': 'refused before anything happened',
  reset: 'connection reset before the request was read to its end',
  'reset in mid-body': 'connection reset in the middle of the answer',
  'short read': 'fewer bytes than the object has, and no sign of it in the length',
  'flipped byte': 'one bit of the answer is wrong',
  'slow stream': 'the answer stands still in the middle',
  'lost response': 'the write succeeded, its answer did not arrive',
  'false 503': 'the write succeeded and was answered with 503',
  'race lost': 'somebody else wrote first: 412',
  'cut upload': 'a part of the upload has been kept, then the connection broke',
} as const
export type Fault = keyof typeof FAULTS

/** What kind of request it is, for the faults that fit it. */
export type Kind = 'read' | 'range' | 'look' | 'write' | 'remove' | 'session'

const REFUSALS: readonly Fault[] = ['429 throttled', '503 unavailable', '408 timeout', 'reset']
const FITTING: Record<Kind, readonly Fault[]> = {
  read: [...REFUSALS, 'reset in mid-body', 'short read', 'flipped byte', 'slow stream'],
  range: [...REFUSALS, 'reset in mid-body', 'short read', 'slow stream'],
  look: [...REFUSALS, 'reset in mid-body'],
  write: [...REFUSALS, 'lost response', 'false 503', 'race lost'],
  remove: [...REFUSALS, 'lost response', 'false 503'],
  session: [...REFUSALS, 'lost response', 'false 503', 'race lost', 'cut upload'],
}

export const fits = (fault: Fault, kind: Kind): boolean => FITTING[kind].includes(fault)

export interface FaultPlan {
  /** Of the requests so far. */
  readonly kinds: Kind[]
  readonly struck: ReadonlyMap<Fault, number>
  requests: number
  /** Share of requests that a fault strikes. */
  rate: number
  /** All requests are refused with 503: the bucket is away. */
  away: boolean
  /** One fault, at the request of this number, where it fits. */
  once: { readonly fault: Fault; readonly request: number } | undefined
  next(kind: Kind): Fault | undefined
  count(fault: Fault): void
}

export function faultPlan(seed: number, rate: number, without: readonly Fault[]): FaultPlan {
  const draw = random(seed)
  const struck = new Map<Fault, number>()
  return {
    struck,
    kinds: [],
    requests: 0,
    rate,
    away: false,
    once: undefined,
    next(kind) {
      const request = this.requests++
      this.kinds.push(kind)
      if (this.away) return '503 unavailable'
      if (this.once) return this.once.request === request && fits(this.once.fault, kind) ? this.once.fault : undefined
      const [hit, which] = [draw() < this.rate, draw()]
      const fitting = FITTING[kind].filter(f => !without.includes(f))
      return hit ? fitting[Math.floor(which * fitting.length)] : undefined
    },
    count: fault => void struck.set(fault, (struck.get(fault) ?? 0) + 1),
  }
}

export function faultTable(plan: FaultPlan): string {
  const total = [...plan.struck.values()].reduce((a, b) => a + b, 0)
  const rows = (Object.keys(FAULTS) as Fault[]).map(
    f => `  ${f.padEnd(18)} ${String(plan.struck.get(f) ?? 0).padStart(6)}  ${FAULTS[f]}`,
  )
  return [`${total} faults in ${plan.requests} requests`, ...rows].join('\n')
}
