// The walk behind every form in which provenance goes out: each artifact of a release with what it was made from.
import { configError } from '../../domain/errors.ts'
import { finder } from '../../domain/provenance/lineage-summary.ts'
import type { Lineage } from '../../domain/lineage.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import { stageNames } from '../../domain/stages.ts'
import { artifactKey, LINEAGE, lineageBytes } from '../../storage/lineage-record.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { rawKey } from '../../storage/raw.ts'
import { getSealed, sealed } from '../../storage/sealed.ts'
import { releaseKey } from '../../storage/releases.ts'
import { recordsOf } from '../lineage/subject.ts'

/** Something that was read, by its key in the bucket: an object, or a whole artifact. */
export interface Used {
  /** What it is to the stage that reads it. */
  readonly name: string
  readonly key: string
  /** Of the object; of an artifact that of its content. */
  readonly digest: Digest
}

export interface Step {
  readonly record: Lineage
  /** Prefix of its outputs in the bucket. */
  readonly key: string
  readonly recordDigest: Digest
  readonly used: readonly Used[]
}

export interface Provenance {
  /** Of the bucket. */
  readonly url: string
  readonly release: Release
  readonly manifest: { readonly key: string; readonly digest: Digest }
  /** In the order of the stage table. */
  readonly steps: readonly Step[]
  /** Objects of the raw archive. */
  readonly raw: ReadonlyMap<Digest, Used>
}

const rank = (stage: string): number => (stageNames as readonly string[]).indexOf(stage)

export async function provenanceOf(objects: ObjectStore, release: Release): Promise<Provenance> {
  const found = await recordsOf(objects, release)
  if (!found.whole)
    throw configError(
      `${release.dataset}/${release.release} rests on more artifacts than one document can list: ask for the lineage of a place, RELEASE/LAYER@x,y,z; \`hillock verify\` reads all of it`,
    )
  const records = [...found.records.values()]
  const find = finder(records)
  const raw = new Map<Digest, Used>()
  const archived = (name: string, digest: Digest): Used => {
    const used = { name, key: rawKey(digest), digest }
    raw.set(digest, used)
    return used
  }
  const keyOf = (r: Lineage): string => artifactKey(r.recipe.stage, r.recipeId, '')
  const steps = records
    .toSorted((a, b) => rank(a.recipe.stage) - rank(b.recipe.stage) || (a.recipeId < b.recipeId ? -1 : 1))
    .map((record): Step => {
      const used = Object.entries(record.recipe.inputs).map(([name, digest]): Used => {
        const from = find(name, digest)
        if (!from) return archived(name, digest)
        const part = from.content === digest ? '' : from.outputs.find(o => o.sha256 === digest)!.path
        return { name, key: `${keyOf(from)}${part}`, digest }
      })
      if (record.recipe.model !== null) used.push(archived('model', record.recipe.model))
      return { record, key: keyOf(record), recordDigest: sha256(lineageBytes(record)), used }
    })
  if (release.config) archived('run file', release.config)
  const key = releaseKey(release.dataset, release.release)
  const digest = sha256(sealed((await getSealed(objects, key))!))
  return { url: objects.url.replace(/\/$/, ''), release, manifest: { key, digest }, steps, raw }
}

export const recordKey = (s: Step): string => `${s.key}${LINEAGE}`

/** A list in the form that `sha256sum -c` reads: every object that a release names, by its path in the bucket. */
export function sums({ manifest, steps, raw, release }: Provenance): Record<string, string> {
  const lines = new Map([[manifest.key, manifest.digest]])
  for (const { key, digest } of raw.values()) lines.set(key, digest)
  for (const page of Object.values(release.pages)) lines.set(`raw/sha256/${page.slice(0, 2)}/${page}`, page)
  for (const step of steps) {
    lines.set(recordKey(step), step.recordDigest)
    for (const o of step.record.outputs) lines.set(`${step.key}${o.path}`, o.sha256)
  }
  const sorted = [...lines].sort(([a], [b]) => (a < b ? -1 : 1))
  return { SHA256SUMS: sorted.map(([key, digest]) => `${digest}  ${key}\n`).join('') }
}
