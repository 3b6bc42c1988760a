// Histories against lineage: each answer of a stage activity must be an artifact whose record says the same.
import type { Recorded, RunContext } from '../../domain/contract.ts'
import { activityCalls, runIds, type ActivityCall, type Execution, type History } from '../../domain/history.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { stageNames, type StageName } from '../../domain/stages.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { answerOf } from '../../storage/outcomes.ts'
import { getRaw } from '../../storage/raw.ts'
import type { Located } from './histories.ts'
import { nameOf, type Findings } from './report.ts'

const isStage = (name: string): name is StageName => (stageNames as readonly string[]).includes(name)

/** Records read at a time. */
const WIDTH = 16

export class LineageCheck {
  private readonly objects: ObjectStore
  private readonly artifacts: ArtifactStore
  private readonly findings: Findings
  private readonly wanted: ReadonlyMap<string, ArtifactRef>
  private readonly explained = new Set<string>()
  private readonly documents = new Set<string>()
  /** Stage activities that answered with an artifact of the release. */
  readonly recorded: Recorded[] = []

  constructor(objects: ObjectStore, findings: Findings, refs: readonly ArtifactRef[]) {
    this.objects = objects
    this.artifacts = artifactStore(objects)
    this.findings = findings
    this.wanted = new Map(refs.map(r => [nameOf(r), r]))
  }

  /** Reads the record of every artifact of the release; returns the runs that made them. */
  async records(): Promise<Execution[]> {
    const makers = new Map<string, Execution>()
    await mapBounded([...this.wanted.values()], WIDTH, async ref => {
      const record = await this.record(ref)
      if (!record) return
      this.findings.count('artifacts')
      makers.set(record.runId, { workflowId: record.workflowId, runId: record.runId })
    })
    return [...makers.values()]
  }

  private async record(ref: ArtifactRef): Promise<Lineage | undefined> {
    const wrong = (why: string): undefined => this.findings.add('lineage', nameOf(ref), why)
    try {
      const record = await this.artifacts.lineage(ref.stage, ref.recipe)
      if (!record) return wrong('there is no lineage record')
      if (record.content === ref.content) return record
      return wrong(`its record has content ${record.content}, it was named with ${ref.content}`)
    } catch (e) {
      return wrong((e as Error).message)
    }
  }

  async history(h: Located, history: History): Promise<void> {
    const runs = runIds(history, h.runId)
    for (const call of activityCalls(history)) {
      if (!isStage(call.type) || !call.result) continue
      this.findings.count('answers')
      try {
        await this.answer(h, runs, call, call.type)
      } catch (e) {
        this.findings.add('lineage', `${call.id} of ${h.workflowId}`, (e as Error).message)
      }
    }
  }

  private async answer(h: Located, runs: ReadonlySet<string>, call: ActivityCall, stage: StageName): Promise<void> {
    const wrong = (why: string): void => this.findings.add('lineage', `${call.id} of ${h.workflowId}`, why)
    if (!call.id.startsWith(`${stage}/`)) wrong(`is an activity of type ${stage}`)
    await this.document(call)
    const { entries, made } = await answerOf(this.objects, call)
    const records = await mapBounded(entries, WIDTH, ({ ref }) => this.record(ref))
    const named = records.filter(r => r?.workflowId === h.workflowId && runs.has(r.runId)).length
    // An attempt that was killed has made what the next one found, so there may be more.
    if (named < made) wrong(`says that it made ${made}, but only ${named} of the lineage records name this run`)
    const fresh = entries.filter(e => this.wanted.has(nameOf(e.ref)) && !this.explained.has(nameOf(e.ref)))
    if (fresh.length === 0) return
    for (const e of fresh) this.explained.add(nameOf(e.ref))
    this.recorded.push({ stage, id: call.id, history: h.key, digest: h.digest, event: call.event })
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
      try {
        await getRaw(this.objects, digest)
      } catch (e) {
        this.findings.add('document', `${name} of ${id}`, (e as Error).message)
      }
    }
  }

  /** What no history accounts for. */
  unexplained(): void {
    for (const name of this.wanted.keys())
      if (!this.explained.has(name)) this.findings.add('lineage', name, 'no history behind the release tells of it')
  }
}
