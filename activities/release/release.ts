// Release manifests: what a run made, as one unit, held against the thresholds of the run file.
import type { Assembled, ReleaseInput } from '../../domain/contract/release.ts'
import type { IndexEntry } from '../../domain/index/index-node.ts'
import { HillockError } from '../../domain/errors.ts'
import { buildManifest } from '../../domain/releases/manifest.ts'
import { manifestDigest, Release } from '../../domain/release.ts'
import { getRelease, putRelease } from '../../storage/releases.ts'
import type { Deps } from '../context.ts'
import { refuseMarked } from '../housekeeping/marks.ts'
import { entriesBelow } from '../housekeeping/index-nodes.ts'
import { refusalOf } from './release-gate.ts'
import { configOf } from '../documents.ts'

/** Writes the manifest if there is none of the same content, and holds its quality against the gate of the run file. */
export async function assemble(deps: Deps, input: ReleaseInput): Promise<Assembled> {
  const { context } = input
  const config = await configOf(deps, context.config)
  const entries: IndexEntry[] = []
  for await (const e of entriesBelow(deps, Object.values(input.roots))) entries.push(e)
  await refuseMarked(deps, entries)
  const made = await buildManifest(
    { input, config, codeRevision: deps.codeRevision, entries },
    async ref => (await deps.artifacts.open(ref)).lineage,
  )
  const kept = await putRelease(deps.objects, made)
  const { release, digest, layerDigests, quality, holes, codeRevision } = kept
  const { channel, approval } = config.release
  return {
    release,
    digest,
    layerDigests,
    quality,
    holes: holes.length,
    channel,
    refusal: await refusalOf(deps, { ...kept, config: context.config }),
    approval,
    codeRevision,
    manifest: manifestDigest(kept),
  }
}

/** The manifest of a release. @throws HillockError MissingArtifact */
export async function releaseOf(deps: Deps, dataset: string, name: string): Promise<Release> {
  const text = await getRelease(deps.objects, dataset, name)
  if (!text) throw new HillockError('MissingArtifact', `there is no release ${name} of ${dataset}`)
  return Release.parse(JSON.parse(text))
}
