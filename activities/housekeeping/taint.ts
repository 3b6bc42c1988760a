// A rollback's look at a bad release: what differs from the good one, what of that is tainted, which run file makes the patch.
import type { RunConfig } from '../../domain/config.ts'
import type { Diagnosis, QuarantineTask, RollbackInput } from '../../domain/contract/rollback.ts'
import type { IndexEntry } from '../../domain/index/index-node.ts'
import { HillockError } from '../../domain/errors.ts'
import { patchConfig } from '../../domain/plan/patch.ts'
import type { Release } from '../../domain/release.ts'
import type { StageName } from '../../domain/stages.ts'
import { tainted, type Spot } from '../../domain/plan/taint.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { markOf } from '../../storage/quarantine.ts'
import { getRaw } from '../../storage/raw.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'
import { readIndexNode } from './index-nodes.ts'
import { releaseOf } from '../release/release.ts'
import { configOf, saveDocument } from '../documents.ts'

type Entry = IndexEntry & Spot

export async function diagnose(deps: Deps, input: RollbackInput, good: string): Promise<Diagnosis> {
  const [bad, last] = await Promise.all([input.from, good].map(r => manifest(deps, input.dataset, r)))
  const { config, changed } = patchConfig(bad!.config, last!.config, input.regions ?? [])
  const differing: Entry[] = []
  for (const [phase, root] of Object.entries(bad!.release.pages))
    for await (const e of differingBelow(deps, root, last!.release.pages[phase])) differing.push(e)
  const { bounds, regionShape } = bad!.release
  const list = tainted(differing, changed, { bounds, region: regionShape })
  return { config, list: await saveDocument(deps, list), count: list.length }
}

async function manifest(deps: Deps, dataset: string, name: string): Promise<{ release: Release; config: RunConfig }> {
  const release = await releaseOf(deps, dataset, name)
  if (!release.config)
    throw new HillockError(
      'ConfigError',
      `release ${name} does not say with which run file it was made: roll back without --regions`,
    )
  return { release, config: await configOf(deps, release.config) }
}

/** Artifacts below an index node that have another content than those of the same stage and cell below another; what the two share is not walked. */
async function* differingBelow(deps: Deps, page: string, other: string | undefined): AsyncGenerator<Entry> {
  if (page === other) return
  const own = await readIndexNode(deps, page)
  const theirs = other === undefined ? undefined : await readIndexNode(deps, other)
  const contents = new Map(theirs?.entries.map(e => [`${e.stage} ${e.cell}`, e.ref.content]))
  for (const e of own.entries)
    if (contents.get(`${e.stage} ${e.cell}`) !== e.ref.content) yield { ...e, stage: e.stage as StageName }
  for (const b of own.below) yield* differingBelow(deps, b.page, theirs?.below.find(t => t.key === b.key)?.page)
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
