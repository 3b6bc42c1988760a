// The `provenance` file beside a precomputed layer, in the shape that cloud-volume and igneous read; what is ours stands inside `method`.
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { finder, summariseLineage } from '../../domain/provenance/lineage-summary.ts'
import type { Lineage } from '../../domain/lineage.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { LayerName, Release } from '../../domain/release.ts'
import { EM, layers, stages, type StageName } from '../../domain/stages.ts'
import { countOf } from '../release-index.ts'
import type { ReleaseRecords } from '../release-records.ts'

const digestOf = (list: readonly string[]): string => sha256(canonicalJson(list.toSorted() as Json))
/** igneous writes times as `2026-11-23 09:31 UTC`. */
const time = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`

/** Records of a release on which some of them rest, themselves included. */
function behind(records: readonly Lineage[], wanted: (r: Lineage) => boolean): Lineage[] {
  const find = finder(records)
  const seen = new Set(records.filter(wanted))
  for (const r of seen)
    for (const [name, digest] of Object.entries(r.recipe.inputs)) {
      const from = find(name, digest)
      if (from) seen.add(from)
    }
  return [...seen]
}

/** One entry of `processing` per stage behind the layer, in the order of the stage table. */
export function layerProvenance(release: Release, layer: LayerName, { records: found, whole }: ReleaseRecords): Json {
  const records = [...found.values()]
  const made = layers.filter(l => l.layer === layer).flatMap(l => ('regions' in l ? [l.stage, l.regions] : [l.stage]))
  const own = behind(records, r => made.includes(r.recipe.stage))
  const byStage = Map.groupBy(own, r => r.recipe.stage)
  return {
    description: `${layer} of release ${release.dataset}/${release.release}, content ${release.layerDigests[layer] ?? release.digest}`,
    owners: [release.approver],
    sources: layer === EM ? [] : ['../em'],
    processing: summariseLineage(own, []).stages.map(s => ({
      method: {
        task: s.stage,
        version: s.versions.map(v => v.value),
        parameters: s.parameters.map(v => v.value),
        bounds: [release.bounds.min, release.bounds.max],
        models: s.models.map(v => v.value),
        ...(whole
          ? {
              inputs: digestOf(byStage.get(s.stage)!.flatMap(r => Object.values(r.recipe.inputs))),
              recipes: digestOf(byStage.get(s.stage)!.map(r => r.recipeId)),
              outputs: digestOf(byStage.get(s.stage)!.map(r => r.content)),
              artifacts: s.artifacts,
            }
          : // Which they are the index says; parameters and the like are those of the first.
            { index: release.pages[stages[s.stage as StageName].phase]!, artifacts: countOf(release, s.stage) }),
        code: s.codeRevisions.map(v => v.value),
        runtime: s.runtimes.map(v => v.value),
      },
      by: release.run.workflowId,
      date: time(s.end),
    })),
  }
}
