// Channels: publish, roll back, take back; each is one compare-and-swap. And who decided about a candidate.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { ChannelMove, ChannelValue, Mover, RollbackInput } from '../domain/contract.ts'
import { HillockError } from '../domain/errors.ts'
import { Release } from '../domain/release.ts'
import type { DecisionTask } from '../domain/tasks.ts'
import { putDecision } from '../storage/decisions.ts'
import { moveChannel, readChannel } from '../storage/releases.ts'
import type { Deps } from './context.ts'
import { refuseMarked } from './marks.ts'
import { manifestOf } from './release.ts'

/** Earlier releases that a channel remembers. */
const REMEMBERED = 20

/** Points a channel at a release that is in the bucket; a channel that points at it already is left alone. */
export async function publish(deps: Deps, move: ChannelMove): Promise<ChannelValue> {
  const text = await manifestOf(deps, move.dataset, move.release)
  const ref = await readChannel(deps.objects, move.dataset, move.channel)
  const now = ref && (JSON.parse(ref.value) as ChannelValue)
  if (now?.release === move.release) return now
  // A release that waited at its gate may have been found bad meanwhile.
  const stages = Object.entries(Release.parse(JSON.parse(text)).stages)
  await refuseMarked(
    deps,
    stages.flatMap(([stage, refs]) => refs.map(ref => ({ stage, cell: ref.recipe.slice(0, 12), ref }))),
  )
  const earlier = now ? [now.release, ...now.earlier].slice(0, REMEMBERED) : []
  return set(deps, move, ref?.version, now, { release: move.release, earlier, by: move.by, reason: move.reason })
}

/** Points a channel back; one that no longer points at `from` is left alone: somebody has dealt with it. */
export async function rollBack(deps: Deps, input: RollbackInput & { readonly via: string }): Promise<ChannelValue> {
  const ref = await readChannel(deps.objects, input.dataset, input.channel)
  if (!ref) throw new HillockError('ConfigError', `channel ${input.channel} of ${input.dataset} is not set`)
  const now = JSON.parse(ref.value) as ChannelValue
  if (now.release !== input.from) return now
  const to = input.to ?? now.earlier[0]
  if (to === undefined)
    throw new HillockError(
      'ConfigError',
      `${input.from} is the first release of ${input.dataset}/${input.channel}: there is nothing to go back to`,
    )
  await manifestOf(deps, input.dataset, to)
  const earlier = now.earlier.slice(now.earlier.indexOf(to) + 1)
  return set(deps, input, ref.version, now, { release: to, earlier, by: input.by, reason: input.reason })
}

export async function takeBack(deps: Deps, { dataset, channel, via }: Mover): Promise<void> {
  const ref = await readChannel(deps.objects, dataset, channel)
  const now = ref && (JSON.parse(ref.value) as ChannelValue)
  const without = now && withoutMove(now, via)
  if (without === now) return
  const value = without ? canonicalJson(without as unknown as Json) : null
  await moveChannel(deps.objects, dataset, channel, ref!.version, value)
}

/** `now` as if `via` had never moved the channel: also where others have moved it since. Itself where `via` has not. */
function withoutMove(now: ChannelValue, via: string): ChannelValue | null {
  if (now.via === via || now.via?.startsWith(`${via}#`)) return now.before ?? null
  const { before } = now
  const kept = before && withoutMove(before, via)
  if (!before || kept === before) return now
  const gone = now.earlier.indexOf(before.release)
  return { ...now, before: kept!, earlier: now.earlier.filter((_, i) => i !== gone) }
}

export async function recordDecision(deps: Deps, { dataset, release, ...decision }: DecisionTask): Promise<void> {
  await putDecision(deps.objects, dataset, release, decision)
}

/** A patch is taken back, and then the rollback that it was made for. */
const KEPT = 2

/** A value with so many of those before it. */
function trimmed({ before, ...value }: ChannelValue, kept: number): ChannelValue {
  return kept > 1 && before !== undefined ? { ...value, before: before && trimmed(before, kept - 1) } : value
}

async function set(
  deps: Deps,
  { dataset, channel, via }: Mover,
  version: string | undefined,
  now: ChannelValue | undefined,
  to: ChannelValue,
): Promise<ChannelValue> {
  const value: ChannelValue = { ...to, via, before: now ? trimmed(now, KEPT) : null }
  await moveChannel(deps.objects, dataset, channel, version, canonicalJson(value as unknown as Json))
  return value
}
