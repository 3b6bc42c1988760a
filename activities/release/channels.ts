// Channels: publish, roll back, take back; each is one compare-and-swap. And who decided about a candidate.
import { withoutMove, type ChannelValue } from '../../domain/releases/channel.ts'
import type { ChannelMove, Mover } from '../../domain/contract/release.ts'
import type { RollbackInput } from '../../domain/contract/rollback.ts'
import { configError, HillockError } from '../../domain/errors.ts'
import type { Digest } from '../../domain/recipe.ts'
import { manifestDigest, type Release } from '../../domain/release.ts'
import type { DecisionTask } from '../../domain/contract/activities.ts'
import { putDecision } from '../../storage/provenance/decisions.ts'
import { recordChannelMove } from '../../storage/provenance/channel-moves.ts'
import { readKey } from '../../storage/provenance/envelope.ts'
import { proveManifest } from '../../storage/provenance/proof.ts'
import { moveChannel, readChannel } from '../../storage/releases.ts'
import { putSignature } from '../../storage/provenance/signatures.ts'
import type { Deps } from '../context.ts'
import { refuseHeld } from './holds.ts'
import { refuseMarked } from '../housekeeping/marks.ts'
import { releaseOf } from './release.ts'
import { refusalOf } from './release-gate.ts'

/** Earlier releases that a channel remembers. */
const REMEMBERED = 20

/**
 * Points a channel at a release that is in the bucket; a channel that points at it already is left alone.
 * @throws HillockError by hand DatasetHeld while a rollback holds the dataset, and GateRejected for what the gate refuses
 */
export async function publish(deps: Deps, move: ChannelMove): Promise<ChannelValue> {
  if (move.force !== undefined) await refuseHeld(deps, { dataset: move.dataset })
  const manifest = await releaseOf(deps, move.dataset, move.release)
  const ref = await readChannel(deps.objects, move.dataset, move.channel)
  const now = ref?.value
  await vouch(deps, manifest, move.manifest)
  if (now?.release === move.release) return recorded(deps, move, now)
  // A release that waited at its gate may have been found bad, or changed, meanwhile.
  await refuseMarked(deps, manifest)
  const refusal = move.channel === 'published' && move.force !== undefined ? await refusalOf(deps, manifest) : null
  if (refusal !== null && !move.force) throw new HillockError('GateRejected', refusal)
  const reason = refusal === null ? move.reason : `${move.reason} (forced: ${refusal.split(': to publish')[0]})`
  const earlier = now ? [now.release, ...now.earlier].slice(0, REMEMBERED) : []
  return set(deps, move, ref?.version, now, { release: move.release, earlier, by: move.by, reason })
}

/**
 * Signs a release where there is a key. What was changed since its run wrote it is neither published nor signed; where nobody says what that was,
 * what is signed is made again first.
 * @throws HillockError ProvenanceError
 */
async function vouch(deps: Deps, manifest: Release, expected: Digest | undefined): Promise<void> {
  const why: string[] = []
  if (expected !== undefined && expected !== manifestDigest(manifest)) why.push('its run wrote another manifest')
  else if (expected === undefined && deps.signingKey !== undefined)
    await proveManifest(deps.objects, manifest, undefined, (what, text, d) =>
      why.push(`${what} ${text}${d ? `: ${d.field} is ${d.found}, expected ${d.expected}` : ''}`),
    )
  if (why.length > 0)
    throw new HillockError(
      'ProvenanceError',
      `${manifest.dataset}/${manifest.release} is not published: ${why[0]}; \`hillock verify\` tells more`,
    )
  if (deps.signingKey !== undefined)
    await putSignature(deps.objects, manifest, readKey(deps.signingKey, 'HILLOCK_SIGNING_KEY'))
}

/**
 * Points a channel back; one that no longer points at `from` is left alone: somebody has dealt with it.
 * @throws HillockError GateRejected for a release that the channel never named and the gate refuses
 */
export async function rollBack(deps: Deps, input: RollbackInput & { readonly via: string }): Promise<ChannelValue> {
  const ref = await readChannel(deps.objects, input.dataset, input.channel)
  if (!ref) throw configError(`channel ${input.channel} of ${input.dataset} is not set`)
  const now = ref.value
  if (now.release !== input.from) return recorded(deps, input, now)
  const to = input.to ?? now.earlier[0]
  if (to === undefined)
    throw configError(
      `${input.from} is the first release of ${input.dataset}/${input.channel}: there is nothing to go back to`,
    )
  const manifest = await releaseOf(deps, input.dataset, to)
  // What the channel has named before somebody has let pass.
  const refusal = now.earlier.includes(to) ? null : await refusalOf(deps, manifest)
  if (refusal !== null) throw new HillockError('GateRejected', refusal)
  const earlier = now.earlier.slice(now.earlier.indexOf(to) + 1)
  return set(deps, input, ref.version, now, { release: to, earlier, by: input.by, reason: input.reason })
}

export async function takeBack(deps: Deps, { dataset, channel, via }: Mover): Promise<void> {
  const ref = await readChannel(deps.objects, dataset, channel)
  if (!ref) return
  const without = withoutMove(ref.value, via)
  if (without !== ref.value) await moveChannel(deps.objects, dataset, channel, ref.version, without)
  const named = { by: via, reason: 'taken back', ...without }
  await recordChannelMove(deps.objects, dataset, channel, { ...named, release: without?.release ?? null }, Date.now())
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
  await moveChannel(deps.objects, dataset, channel, version, value)
  return recorded(deps, { dataset, channel }, value)
}

/** What a channel names, with when it began to: also where an earlier attempt moved it and ended before it could say so. */
async function recorded(
  deps: Deps,
  { dataset, channel }: Pick<Mover, 'dataset' | 'channel'>,
  value: ChannelValue,
): Promise<ChannelValue> {
  await recordChannelMove(deps.objects, dataset, channel, value, Date.now())
  return value
}
