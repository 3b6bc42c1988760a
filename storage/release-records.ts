// The lineage records behind a release: all of them, or of one that has more than anybody reads the first of each stage and what those in question rest on.
import type { ArtifactRef, Lineage } from '../domain/lineage.ts'
import type { Release } from '../domain/release.ts'
import { stages, type StageName } from '../domain/stages.ts'
import { mapBounded } from './bounded.ts'
import type { ObjectStore } from './object-store.ts'
import { artifactOf, countOf, sampleOf } from './release-index.ts'

const READS = 32
/** Records of what some artifacts rest on, at the most. */
const BEHIND = 1024

export interface ReleaseRecords {
  /** Whether these are the records of all artifacts. */
  readonly whole: boolean
  /** By recipe. */
  readonly records: ReadonlyMap<string, Lineage>
  /** Artifacts whose record cannot be read. */
  readonly missing: readonly ArtifactRef[]
  /** All artifacts, or the first, of each stage. */
  readonly artifacts: Readonly<Record<string, readonly ArtifactRef[]>>
}

/**
 * @param read the record of an artifact; what it throws, this throws; undefined where it cannot be read
 * @param focus artifacts in question
 */
export async function recordsBehind(
  objects: ObjectStore,
  release: Release,
  read: (ref: ArtifactRef) => Promise<Lineage | undefined>,
  focus: readonly ArtifactRef[] = [],
): Promise<ReleaseRecords> {
  const artifacts = await sampleOf(objects, release)
  const records = new Map<string, Lineage>()
  const missing: ArtifactRef[] = []
  const take = async (refs: readonly ArtifactRef[]): Promise<Lineage[]> => {
    const found = await mapBounded(
      refs.filter(r => !records.has(r.recipe)),
      READS,
      async ref => ({ ref, record: await read(ref) }),
    )
    for (const { ref, record } of found)
      if (record) records.set(ref.recipe, record)
      else missing.push(ref)
    return found.flatMap(f => f.record ?? [])
  }
  await take(Object.values(artifacts).flat())
  const whole = Object.entries(artifacts).every(([stage, refs]) => refs.length === countOf(release, stage))
  if (whole) return { whole, records, missing, artifacts }
  const most = records.size + BEHIND
  for (let next = await take(focus); next.length > 0 && records.size < most;) {
    // Inputs are named by stage and cell.
    const names = new Set(next.flatMap(r => Object.keys(r.recipe.inputs)).slice(0, BEHIND))
    const refs = await mapBounded([...names], READS, async name => {
      const [stage, ...cell] = name.split('/')
      return stage! in stages ? artifactOf(objects, release, stage as StageName, cell.join('/')) : undefined
    })
    next = await take(refs.flatMap(r => r ?? []).slice(0, most - records.size))
  }
  return { whole, records, missing, artifacts }
}
