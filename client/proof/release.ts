// A release against all that the bucket holds of it: its name, index, records, run file, the history of its run, and the decisions about it.
import { differences } from '../../domain/provenance/differences.ts'
import { Release, releaseName } from '../../domain/release.ts'
import { archiveFolder } from '../../storage/provenance/histories.ts'
import { wrongFields } from '../../storage/lineage-record.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { proveManifest } from '../../storage/provenance/proof.ts'
import type { Wrong } from '../../storage/provenance/reach.ts'
import { releaseKey } from '../../storage/releases.ts'
import { proveDecisions, type Unproven } from './channels.ts'
import type { Archives } from './history-facts.ts'

/** The manifest that lies under a key, if it is one. */
export function asManifest(value: unknown, key: string, wrong: Wrong): Release | undefined {
  const parsed = Release.safeParse(value)
  if (!parsed.success) wrong(key, `is not a manifest: ${wrongFields(parsed.error.issues)}`)
  return parsed.data
}

export async function proveRelease(
  objects: ObjectStore,
  [dataset, name]: readonly [dataset: string, name: string],
  release: Release,
  archives: Archives,
  wrong: Wrong,
  unproven: Unproven,
): Promise<void> {
  const key = releaseKey(dataset, name)
  for (const d of differences({ dataset, release: name }, { dataset: release.dataset, release: release.release }))
    wrong(key, 'lies under another name', d)
  const assembly = archives.told.assembly(name, release.run)
  if (!assembly) {
    const { workflowId } = release.run
    if (!archives.folders.has(archiveFolder(release.run)))
      unproven(key, `the histories of ${workflowId} are not in the bucket (yet)`)
    else wrong(key, `its run ${workflowId} has assembled no release`)
  }
  await proveManifest(objects, release, assembly, wrong)
  for (const d of differences(releaseName(release), name, 'release')) wrong(key, 'is not named by what it says', d)
  await proveDecisions(objects, release, archives, wrong, unproven)
}
