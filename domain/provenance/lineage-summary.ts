// What the lineage records of a release say together: figures per stage, and which stage and artifact feeds which.
import { canonicalJson, type Json } from '../canonical.ts'
import { key as cellKey } from '../geometry.ts'
import type { ArtifactRef, Lineage } from '../lineage.ts'
import type { Recipe } from '../recipe.ts'
import { sum } from '../slo/hot-spots.ts'
import { stageNames } from '../stages.ts'

/** A value that differs between the artifacts of a stage (a patched region has its own parameters), with its count. */
export interface Variant<T> {
  readonly value: T
  readonly artifacts: number
}

function variants<T extends Json>(values: readonly T[]): Variant<T>[] {
  const counts = new Map<string, { value: T; artifacts: number }>()
  for (const value of values) {
    const k = canonicalJson(value)
    const seen = counts.get(k)
    if (seen) seen.artifacts++
    else counts.set(k, { value, artifacts: 1 })
  }
  return [...counts.values()].sort((a, b) => b.artifacts - a.artifacts)
}

/** Order of the stage table; stages that this version does not know come last. */
const rank = (stage: string): number => {
  const i = (stageNames as readonly string[]).indexOf(stage)
  return i < 0 ? stageNames.length : i
}

export type StageSummary = ReturnType<typeof summarise>
function summarise(stage: string, records: readonly Lineage[]) {
  return {
    stage,
    artifacts: records.length,
    bytes: sum(records, r => r.bytes),
    voxels: sum(records, r => r.voxels),
    cost: sum(records, r => r.cost),
    seconds: {
      kernel: sum(records, r => r.seconds.kernel),
      inference: sum(records, r => r.seconds.inference),
      io: sum(records, r => r.seconds.io),
    },
    /** Attempts beyond the first, over all artifacts. */
    retries: sum(records, r => r.attempt - 1),
    start: records.map(r => r.start).reduce((a, b) => (a < b ? a : b)),
    end: records.map(r => r.end).reduce((a, b) => (a > b ? a : b)),
    versions: variants(records.map(r => r.recipe.version)),
    parameters: variants(records.map(r => r.recipe.parameters as Json)),
    models: variants(records.flatMap(r => (r.recipe.model === null ? [] : [r.recipe.model]))),
    codeRevisions: variants(records.map(r => r.codeRevision)),
    runtimes: variants(records.map(r => r.runtime as unknown as Json)),
  }
}

export type LineageSummary = ReturnType<typeof summariseLineage>
/** Sums the records up, stage by stage in the order of the stage table. @param missing artifacts that the release names but whose record could not be read */
export function summariseLineage(records: readonly Lineage[], missing: readonly ArtifactRef[]) {
  const byStage = Map.groupBy(records, r => r.recipe.stage)
  const find = finder(records)
  const edges = new Map<string, number>()
  let rawInputs = 0
  for (const r of records)
    for (const [name, content] of Object.entries(r.recipe.inputs)) {
      const from = find(name, content)?.recipe.stage
      if (from === undefined) rawInputs++
      else edges.set(`${from}>${r.recipe.stage}`, (edges.get(`${from}>${r.recipe.stage}`) ?? 0) + 1)
    }
  return {
    stages: [...byStage].sort((a, b) => rank(a[0]) - rank(b[0])).map(([stage, list]) => summarise(stage, list)),
    edges: [...edges].map(([pair, inputs]) => {
      const [from, to] = pair.split('>') as [string, string]
      return { from, to, inputs }
    }),
    /** Recipe inputs that are no artifact of the release: tiles and tables of the raw archive. */
    rawInputs,
    missing,
  }
}

/**
 * Finds the record behind a recipe's input: of the artifact, or of the one that the input is a part of. Inputs are named `<stage>/<cell>`: of
 * artifacts with equal content (two empty regions) one of that stage is taken. What no record has lies in the raw archive; tiles do even
 * where a synthetic source has them too.
 */
export function finder(records: readonly Lineage[]): (name: string, digest: string) => Lineage | undefined {
  const byDigest = new Map(records.flatMap(r => r.outputs.map(o => [o.sha256, r] as const)))
  for (const r of records) byDigest.set(r.content, r)
  const byStage = new Map(records.map(r => [`${r.recipe.stage} ${r.content}`, r]))
  return (name, digest) => {
    const kind = name.split('/')[0]!
    return kind === 'tile' ? undefined : (byStage.get(`${kind} ${digest}`) ?? byDigest.get(digest))
  }
}

export const refOf = (r: Lineage): ArtifactRef => ({ stage: r.recipe.stage, recipe: r.recipeId, content: r.content })

export type ArtifactView = ReturnType<typeof viewArtifact>
/** One artifact among the records of its release. */
export function viewArtifact(lineage: Lineage, records: readonly Lineage[]) {
  const find = finder(records)
  const raw = new Set<string>()
  const seen = new Set<string>()
  const queue = [lineage]
  for (let r = queue.pop(); r !== undefined; r = queue.pop())
    for (const [name, content] of Object.entries(r.recipe.inputs)) {
      if (seen.has(content)) continue
      seen.add(content)
      const from = find(name, content)
      if (from) queue.push(from)
      else raw.add(content)
    }
  return {
    lineage,
    inputs: Object.entries(lineage.recipe.inputs).map(([name, content]) => {
      const from = find(name, content)
      // Null for what lies in the raw archive.
      return { name, content, ref: from ? refOf(from) : null }
    }),
    /** Artifacts of the same release that read this one. */
    usedBy: records.filter(r => Object.values(r.recipe.inputs).includes(lineage.content)).map(refOf),
    /** Distinct objects of the raw archive that it rests on, over any number of steps. */
    rawBehind: raw.size,
  }
}

/** What an artifact covers, in few words. */
export function extentText(extent: Recipe['extent']): string {
  if (typeof extent === 'string') return extent
  if ('section' in extent) return `section ${extent.section}`
  if ('sections' in extent)
    return extent.sections.length === 1
      ? `section ${extent.sections[0]}`
      : `sections ${extent.sections[0]} to ${extent.sections.at(-1)} (${extent.sections.length})`
  if ('range' in extent) return `range ${extent.range} of ${extent.of} of all segments`
  if ('node' in extent) return `node ${extent.node} of level ${extent.level}`
  return `voxels ${cellKey(extent.min)} to ${cellKey(extent.max)}`
}
