// What a channel holds: the release that it names, who set it and why, and what it held before.
import { z } from 'zod'
import { differences, type Difference } from '../provenance/differences.ts'

export const ChannelValue = z.strictObject({
  release: z.string(),
  /** Releases that it pointed at before, the newest first; those that were rolled back are not among them. */
  earlier: z.array(z.string()).readonly(),
  by: z.string(),
  reason: z.string(),
  /** Who set it, and what it held then: what a saga goes back to. */
  via: z.string().exactOptional(),
  get before(): z.ZodExactOptional<z.ZodNullable<typeof ChannelValue>> {
    return ChannelValue.nullable().exactOptional()
  },
})
export type ChannelValue = Readonly<z.infer<typeof ChannelValue>>

/** Whether a move was made by a workflow, or by that run of one, which `via` names. */
const isBy = (move: ChannelValue, via: string): boolean => move.via === via || move.via?.startsWith(`${via}#`) === true

/** `now` as if `via` had never moved the channel: also where others have moved it since. Itself where `via` has not. */
export function withoutMove(now: ChannelValue, via: string): ChannelValue | null {
  if (isBy(now, via)) return now.before ?? null
  const { before } = now
  const kept = before && withoutMove(before, via)
  if (!before || kept === before) return now
  const gone = now.earlier.indexOf(before.release)
  return { ...now, before: kept!, earlier: now.earlier.filter((_, i) => i !== gone) }
}

/** What a channel holds by the word of histories. */
interface Heard {
  /** Values that it was set to. */
  readonly moves: readonly ChannelValue[]
  /** Who took a move of theirs back. */
  readonly takenBack: readonly string[]
}

/** In what a channel differs from what histories tell of it; undefined where they tell nothing of such a move. */
export function channelDifferences(found: ChannelValue, { moves, takenBack }: Heard): Difference[] | undefined {
  // What another move has replaced since, and has not given back, is no longer what the channel holds.
  const since = moves.find(
    m =>
      m.before &&
      !takenBack.some(via => isBy(m, via)) &&
      differences(m.before, { ...found, before: m.before.before }).length === 0,
  )
  const own = since ? [since] : moves.filter(m => m.via === found.via)
  const candidates = own.length > 0 ? own : moves.filter(m => m.release === found.release)
  const all = candidates.map(m => {
    const others = takenBack.filter(via => !isBy(m, via))
    const now = others.reduce((value: ChannelValue, via) => withoutMove(value, via) ?? value, m)
    return differences(now, takenBack.length > 0 ? { ...found, before: shortened(now.before, found.before) } : found)
  })
  return all.sort((a, b) => a.length - b.length)[0]
}

/** What was before, as far as `found` remembers it: the values that a channel goes back to forget what lies far back. */
function shortened(told: ChannelValue | null | undefined, found: ChannelValue | null | undefined): unknown {
  if (found === undefined) return told
  return found && told ? { ...found, before: shortened(told.before, found.before) } : found
}
