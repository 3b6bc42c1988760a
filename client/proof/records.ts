// Lineage records against histories: what a stage activity answered with must have a record that says the same.
import type { Outcome } from '../../domain/contract/artifacts.ts'
import type { Recorded } from '../../domain/contract/housekeeping.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import { differences, type Difference } from '../../domain/provenance/differences.ts'
import {
  activityCalls,
  runIds,
  type ActivityCall,
  type Execution,
  type History,
} from '../../domain/provenance/history.ts'
import { recordDigest, type ArtifactRef, type Lineage } from '../../domain/lineage.ts'
import type { Digest } from '../../domain/recipe.ts'
import { stageNames, type StageName } from '../../domain/stages.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import type { ArchivedHistory } from '../../storage/provenance/histories.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { answerOf } from '../../storage/provenance/outcomes.ts'
import { getRaw } from '../../storage/raw.ts'
import { tileDocuments } from '../../storage/tile-lists.ts'
import { artifactName, type Wrong } from '../../storage/provenance/reach.ts'

const isStage = (name: string): name is StageName => (stageNames as readonly string[]).includes(name)

/** Records read at a time. */
const WIDTH = 16

export class RecordCheck {
  /** Records that were read, complete and consistent; answers that were held against them. */
  readonly counts = { artifacts: 0, answers: 0 }
  /** Stage activities that answered with an artifact of the release. */
  readonly recorded: Recorded[] = []
  private readonly objects: ObjectStore
  private readonly artifacts: ArtifactStore
  private readonly wrong: Wrong
  private readonly wanted: ReadonlyMap<string, ArtifactRef>
  private readonly explained = new Set<string>()
  /** By artifact: one that was deleted may have been made again. */
  private readonly told = new Map<string, Tale[]>()
  /** Runs that ended well and whose every activity answered: all that they made is in their histories. */
  private readonly complete = new Set<string>()
  private readonly documents = new Set<string>()

  constructor(objects: ObjectStore, refs: readonly ArtifactRef[], wrong: Wrong) {
    this.objects = objects
    this.artifacts = artifactStore(objects, { quarantined: true })
    this.wrong = wrong
    this.wanted = new Map(refs.map(r => [artifactName(r), r]))
  }

  /** Reads the record of every artifact of the release; returns the runs that made them. */
  async makers(): Promise<Execution[]> {
    const makers = new Map<string, Execution>()
    await mapBounded([...this.wanted.values()], WIDTH, async ref => {
      const record = await this.record(ref)
      if (!record) return
      this.counts.artifacts++
      makers.set(record.runId, { workflowId: record.workflowId, runId: record.runId })
    })
    return [...makers.values()]
  }

  private async record(ref: ArtifactRef): Promise<Lineage | undefined> {
    const name = `artifacts/${artifactName(ref)}/lineage.json`
    try {
      const record = await this.artifacts.lineage(ref.stage, ref.recipe)
      if (record?.content === ref.content) return record
      if (!record) this.wrong(name, 'there is no lineage record')
      for (const d of record ? differences(ref.content, record.content, 'content') : [])
        this.wrong(name, 'is the record of other bytes than were named', d)
    } catch (e) {
      this.wrong(name, (e as Error).message)
    }
    return undefined
  }

  async history(h: ArchivedHistory, key: string, history: History): Promise<void> {
    const runs = runIds(history, h.runId)
    const calls = activityCalls(history)
    if (h.end === 'completed' && calls.every(c => c.result !== undefined)) for (const r of runs) this.complete.add(r)
    for (const call of calls) {
      if (!isStage(call.type) || !call.result) continue
      this.counts.answers++
      try {
        await this.answer(h, key, runs, call, call.type)
      } catch (e) {
        this.wrong(`${call.id} of ${h.workflowId}`, (e as Error).message)
      }
    }
  }

  private async answer(
    h: ArchivedHistory,
    key: string,
    runs: ReadonlySet<string>,
    call: ActivityCall,
    stage: StageName,
  ): Promise<void> {
    const wrong = (why: string): void => this.wrong(`${call.id} of ${h.workflowId}`, why)
    if (!call.id.startsWith(`${stage}/`)) wrong(`is an activity of type ${stage}`)
    await this.document(call)
    const { entries, made, records } = await answerOf(this.objects, call)
    const own = entries.flatMap((e, i) => {
      const name = artifactName(e.ref)
      if (!this.wanted.has(name)) return []
      if (records[i]) this.told.set(name, [...(this.told.get(name) ?? []), taleOf(call, h, runs, records[i])])
      return [{ ...e, name }]
    })
    // Of histories that do not tell the digests of records, how many of these name the run.
    if (records.length === 0 && own.length === entries.length) {
      const read = await mapBounded(own, WIDTH, ({ ref }) => this.record(ref))
      const named = read.filter(r => r?.workflowId === h.workflowId && runs.has(r.runId)).length
      // An attempt that was killed has made what the next one found, so there may be more.
      if (named < made) wrong(`says that it made ${made}, but only ${named} of the lineage records name this run`)
    }
    for (const { ref, name } of own)
      for (const d of differences(this.wanted.get(name)!.content, ref.content, 'content'))
        wrong(`answered with other bytes of ${name}: ${d.found}, not ${d.expected}`)
    if (!own.some(e => !this.explained.has(e.name))) return
    for (const e of own) this.explained.add(e.name)
    this.recorded.push({ stage, id: call.id, history: key, digest: h.digest, event: call.event })
  }

  /** The run file and the layout that the activity was given: the archive keeps them under their digests. */
  private async document({ input, id }: ActivityCall): Promise<void> {
    const { context } = input as { readonly context: RunContext }
    for (const [name, digest] of [
      ['run file', context.config],
      ['layout', context.layout],
    ] as const) {
      if (this.documents.has(digest)) continue
      this.documents.add(digest)
      const read = async (): Promise<void> => {
        await getRaw(this.objects, digest)
        if (name === 'layout') for (const d of await tileDocuments(this.objects, digest)) await getRaw(this.objects, d)
      }
      await read().catch((e: unknown) => this.wrong(`${name} of ${id}`, (e as Error).message))
    }
  }

  /** Holds the records against what all histories together tell. Returns the artifacts of which none tells. */
  async end(): Promise<string[]> {
    await mapBounded([...this.wanted], WIDTH, async ([name, ref]) => {
      const record = await this.record(ref)
      if (!record) return
      const wrong = (why: string, d?: Difference): void => this.wrong(`artifacts/${name}/lineage.json`, why, d)
      const tales = this.told.get(name) ?? []
      const digest = recordDigest(record)
      for (const t of tales.filter(t => t.record === digest))
        for (const d of differences(record, t.as(record)))
          this.wrong(t.by, `says something else of ${name} than its record`, d)
      if (tales.length > 0 && !tales.some(t => t.record === digest)) {
        const others = [...new Set(tales.map(t => t.record))].join(' or ')
        const parted = tales.flatMap(t => differences(t.as(record), record))
        for (const d of [...parted, ...differences(others, digest, 'record')])
          wrong('is not the record that its activity wrote', d)
      }
      if (!this.explained.has(name) && this.complete.has(record.runId))
        wrong(`the history of ${record.workflowId} (${record.runId}), which made it, does not tell of it`)
    })
    return [...this.wanted.keys()].filter(name => !this.explained.has(name))
  }
}

/** What an activity told of an artifact: the digest of its record, and what else its answer repeats of that. */
interface Tale {
  /** The activity, for people. */
  readonly by: string
  readonly record: Digest
  /** The record as it would be by what was told. */
  readonly as: (found: Lineage) => Lineage
}

/** @param runs run ids under which the activities of its history ran. */
function taleOf(
  { id, attempt = Infinity, result }: ActivityCall,
  { workflowId, runId }: Execution,
  runs: ReadonlySet<string>,
  record: Digest,
): Tale {
  const by = `${id} of ${workflowId}`
  const { ref, made, voxels, cost, seconds, holes } = result as Outcome
  // The answer of a batch repeats nothing of any single one.
  if (!ref) return { by, record, as: found => found }
  const whole = (found: Lineage): Lineage => ({ ...found, summary: { ...found.summary, holes: holes as never } })
  if (!made) return { by, record, as: whole }
  const as = (found: Lineage): Lineage => ({
    ...whole(found),
    workflowId,
    runId: runs.has(found.runId) ? found.runId : runId,
    // One before may have made it, and this one have found it.
    attempt: Math.min(found.attempt, attempt),
    end: new Date(Date.parse(found.start) + Math.round(seconds * 1000)).toISOString(),
    voxels,
    cost,
  })
  return { by, record, as }
}
