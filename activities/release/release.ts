// Release manifests: what a run made, as one unit, held against the thresholds of the run file.
import type { Assembled, ReleaseInput } from '../../domain/contract/release.ts'
import { HillockError } from '../../domain/errors.ts'
import { buildManifest } from '../../domain/releases/manifest.ts'
import { holesIn, manifestDigest, Release } from '../../domain/release.ts'
import { getRelease, putRelease } from '../../storage/releases.ts'
import type { Deps } from '../context.ts'
import { refuseMarked } from '../housekeeping/marks.ts'
import { behind } from '../quality/quality.ts'
import { refusalOf } from './release-gate.ts'
import { configOf } from '../documents.ts'

/** Writes the manifest if there is none of the same content, and holds its quality against the gate of the run file. */
export async function assemble(deps: Deps, input: ReleaseInput): Promise<Assembled> {
  const { context } = input
  const config = await configOf(deps, context.config)
  const made = await buildManifest({
    input,
    config,
    codeRevision: deps.codeRevision,
    behind: behind(deps, input.roots),
  })
  await refuseMarked(deps, made)
  const kept = await putRelease(deps.objects, made)
  const { release, digest, layerDigests, quality, codeRevision } = kept
  const { channel, approval } = config.release
  return {
    release,
    digest,
    layerDigests,
    quality,
    holes: holesIn(kept),
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
