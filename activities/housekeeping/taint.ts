// A rollback's look at a bad release: what differs from the good one, what of that is tainted, which run file makes the patch.
import type { RunConfig } from '../../domain/config.ts'
import type { Diagnosis, QuarantineTask, RollbackInput } from '../../domain/contract/rollback.ts'
import type { IndexEntry } from '../../domain/index/index-node.ts'
import { configError } from '../../domain/errors.ts'
import { patchConfig } from '../../domain/plan/patch.ts'
import type { Release } from '../../domain/release.ts'
import type { StageName } from '../../domain/stages.ts'
import { tainted, type Spot } from '../../domain/plan/taint.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { differingBelow } from '../../storage/index-nodes.ts'
import { markOf } from '../../storage/quarantine.ts'
import { getRaw } from '../../storage/raw.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'
import { releaseOf } from '../release/release.ts'
import { configOf, saveDocument } from '../documents.ts'

type Entry = IndexEntry & Spot

export async function diagnose(deps: Deps, input: RollbackInput, good: string): Promise<Diagnosis> {
  const [bad, last] = await Promise.all([input.from, good].map(r => manifest(deps, input.dataset, r)))
  const { config, changed } = patchConfig(bad!.config, last!.config, input.regions ?? [])
  const differing: Entry[] = []
  for (const [phase, root] of Object.entries(bad!.release.pages))
    for await (const e of differingBelow(deps.objects, root, last!.release.pages[phase]))
      differing.push({ ...e, stage: e.stage as StageName })
  const { bounds, regionShape } = bad!.release
  const list = tainted(differing, changed, { bounds, region: regionShape })
  return { config, list: await saveDocument(deps, list), count: list.length }
}

async function manifest(deps: Deps, dataset: string, name: string): Promise<{ release: Release; config: RunConfig }> {
  const release = await releaseOf(deps, dataset, name)
  if (!release.config)
    throw configError(`release ${name} does not say with which run file it was made: roll back without --regions`)
  return { release, config: await configOf(deps, release.config) }
}

async function onEach(deps: Deps, list: string, act: (ref: IndexEntry['ref']) => Promise<unknown>): Promise<number> {
  const all = JSON.parse(Buffer.from(await getRaw(deps.objects, list)).toString()) as Entry[]
  let done = 0
  await mapBounded(all, 16, async e => {
    await act(e.ref)
    progress(++done, all.length)
  })
  return all.length
}

export const quarantine = (deps: Deps, { list, run, kind, by, reason }: QuarantineTask): Promise<number> =>
  onEach(deps, list, ref => deps.artifacts.quarantine(ref, { kind, reason, by, patch: run }))

/** Marks of others stay. */
export const liftQuarantine = (deps: Deps, { list, run, by }: QuarantineTask): Promise<number> =>
  onEach(deps, list, async ref => {
    const mark = await markOf(deps.objects, ref)
    if (mark?.patch === run) await deps.artifacts.lift(ref, { by, reason: `${run} is taken back` })
  })
