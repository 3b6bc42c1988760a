// reexecute: a recorded stage activity once more, in a scratch store that shows it its inputs but not what it made.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BatchOutcome, Outcome } from '../../domain/contract/artifacts.ts'
import type { Recorded, Verdict } from '../../domain/contract/housekeeping.ts'
import type { IndexEntry } from '../../domain/index/index-node.ts'
import { HillockError, isHillockError } from '../../domain/errors.ts'
import { activityCalls } from '../../domain/provenance/history.ts'
import type { Lineage } from '../../domain/lineage.ts'
import { recipeId, type Recipe } from '../../domain/recipe.ts'
import type { StageName } from '../../domain/stages.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import { getHistory } from '../../storage/provenance/histories.ts'
import { artifactKey } from '../../storage/lineage-record.ts'
import { answerOf } from '../../storage/provenance/outcomes.ts'
import { overlayStore } from '../../storage/stores/overlay-store.ts'
import type { Deps } from '../context.ts'

type Stages = Readonly<Record<StageName, (deps: Deps, task: never) => Promise<Outcome | BatchOutcome>>>

/** Reasons and letters of a verdict, so that a page of verdicts stays a small payload. */
const REASONS = 4
const LETTERS = 240

export const reexecute =
  (stages: Stages) =>
  async (deps: Deps, at: Recorded): Promise<Verdict> => {
    const history = await getHistory(deps.objects, at.history, at.digest)
    const call = history && activityCalls(history).find(c => c.event === at.event)
    if (!call?.result) throw new HillockError('MissingArtifact', `${at.history} records no answer of ${at.id}`)
    const recorded = (await answerOf(deps.objects, call)).entries
    const folder = await mkdtemp(join(tmpdir(), 'hillock-audit-'))
    try {
      const scratch = fileStore(folder)
      const own = recorded.map(e => artifactKey(e.stage, e.ref.recipe, ''))
      const objects = overlayStore(deps.objects, scratch, key => own.some(prefix => key.startsWith(prefix)))
      // Nothing counts as found but what this execution has made itself.
      const mine = artifactStore(scratch)
      // What has been marked since was taken then; what was made in place of a marked one is made as that again.
      const bucket = artifactStore(deps.objects, { quarantined: true })
      const earlier = await earlierGenerations(bucket, recorded)
      const artifacts: ArtifactStore = {
        ...artifactStore(objects, { quarantined: true }),
        find: async recipe => (earlier.has(recipeId(recipe)) ? setAside() : mine.find(recipe)),
      }
      const result = await stages[at.stage]({ ...deps, objects, artifacts }, call.input as never).catch(
        (e: unknown) => {
          // This machine does not compute as the one that made it: told like any other difference.
          if (isHillockError(e, 'ModelMismatch')) return e
          throw e
        },
      )
      if (result instanceof HillockError)
        return { id: at.id, artifacts: recorded.length, equal: 0, why: [result.message.slice(0, LETTERS)], runtime: [] }
      const again = new Map((await answerOf(objects, { type: at.stage, result })).entries.map(e => [e.cell, e]))
      const found = await Promise.all(recorded.map(e => compare(bucket, artifacts, e, again.get(e.cell))))
      const why = found.flatMap(f => (f.why ? [f.why.slice(0, LETTERS)] : []))
      return {
        id: at.id,
        artifacts: found.length,
        equal: found.length - why.length,
        why: why.slice(0, REASONS),
        runtime: [...new Set(found.flatMap(f => f.runtime))].slice(0, REASONS).map(r => r.slice(0, LETTERS)),
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

/** Recipe ids of all generations before those that were recorded. */
async function earlierGenerations(bucket: ArtifactStore, recorded: readonly IndexEntry[]): Promise<Set<string>> {
  const ids = new Set<string>()
  for (const { stage, ref } of recorded) {
    // A record that cannot be read is told of by the comparison.
    const record = await bucket.lineage(stage, ref.recipe).catch(() => undefined)
    const { generation = 0, ...first } = record?.recipe ?? {}
    for (let g = 0; g < generation; g++) ids.add(recipeId((g > 0 ? { ...first, generation: g } : first) as Recipe))
  }
  return ids
}

function setAside(): never {
  throw new HillockError('QuarantinedArtifact', 'set aside', { kind: 'damaged', reason: 'set aside', content: '' })
}

interface Comparison {
  readonly why?: string
  readonly runtime: readonly string[]
}

/** Holds the bytes in the bucket against their record, and the record against the one made now. */
async function compare(
  bucket: ArtifactStore,
  scratch: ArtifactStore,
  old: IndexEntry,
  made: IndexEntry | undefined,
): Promise<Comparison> {
  const name = `${old.stage}/${old.ref.recipe}`
  if (!made) return { why: `${name}: ${old.cell} was not made again`, runtime: [] }
  try {
    const reader = await bucket.open(old.ref)
    const [was, is] = [reader.lineage, (await scratch.open(made.ref)).lineage]
    const runtime = differences({ code: was.codeRevision, ...was.runtime }, { code: is.codeRevision, ...is.runtime })
    for (const o of reader.outputs) await reader.get(o.path)
    const differs = changed(was, is)
    return { ...(differs ? { why: `${name}: ${differs}` } : {}), runtime }
  } catch (e) {
    if (!isHillockError(e)) throw e
    return { why: e.message.includes(old.ref.recipe) ? e.message : `${name}: ${e.message}`, runtime: [] }
  }
}

/** In what two records of one artifact differ: first the recipe, since another recipe explains other bytes. */
function changed(was: Lineage, is: Lineage): string | undefined {
  const { parameters: p, inputs: i, ...rest } = was.recipe
  const { parameters: q, inputs: j, ...other } = is.recipe
  const recipe = [...differences(rest, other), ...differences(p, q, 'parameters.'), ...differences(i, j, 'inputs.')]
  if (recipe.length > 0) return `another recipe: ${recipe.join(', ')}`
  if (was.content === is.content) return undefined
  const digests = (l: Lineage): Record<string, string> => Object.fromEntries(l.outputs.map(o => [o.path, o.sha256]))
  return `other bytes from the same recipe: ${differences(digests(was), digests(is)).join(', ')}`
}

/** `threshold 0.5 -> 0.4` for every key whose value is not the same. */
function differences(a: object, b: object, prefix = ''): string[] {
  const text = (o: object, k: string): string => JSON.stringify((o as Record<string, unknown>)[k]) ?? 'nothing'
  const short = (t: string): string => (/^"[0-9a-f]{64}"$/.test(t) ? t.slice(1, 13) : t)
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter(k => text(a, k) !== text(b, k))
    .map(k => `${prefix}${k} ${short(text(a, k))} -> ${short(text(b, k))}`)
}
