// `hillock quarantine RELEASE`: the blocks and regions that are missing in a release because they failed for good, and having them made again.
import { canonicalJson } from '../../domain/canonical.ts'
import { configError } from '../../domain/errors.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { isPoison, type Hole } from '../../domain/release.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { behindRoots } from '../../storage/index-nodes.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { say, type JsonOption } from '../report.ts'
import { operator } from './operate.ts'

interface Row extends Hole {
  readonly ref: ArtifactRef
}

/** What failed lies in the lineage of the release: nothing has to be running. */
export async function quarantine(name: string, o: JsonOption & { retry?: boolean; reason?: string }): Promise<void> {
  const objects = bucket()
  const release = await findRelease(objects, name)
  const artifacts = artifactStore(objects, { quarantined: true })
  const rows: Row[] = []
  const lineage = async (ref: ArtifactRef): Promise<Lineage> => (await artifacts.open(ref)).lineage
  for await (const { ref, holes } of behindRoots(objects, release.pages, lineage).holes())
    for (const hole of holes.filter(isPoison)) rows.push({ ...hole, ref })
  if (o.retry) {
    if (!o.reason) throw configError('--reason: say why, for the record and for the plan')
    const mark = { kind: 'damaged', reason: o.reason, by: operator() } as const
    for (const ref of new Map(rows.map(r => [canonicalJson(r.ref as never), r.ref])).values())
      await artifacts.quarantine(ref, mark)
  }
  const line = (r: Row): string => `${r.stage} ${r.what}: ${r.reason}\n  artifact ${r.stage}/${r.ref.recipe}`
  const none = `no block or region of ${release.dataset}/${release.release} failed for good`
  const aside = 'set aside: run the file again; only these and what follows are made'
  const lines = rows.length === 0 ? [none] : [...rows.map(line), ...(o.retry ? [aside] : [])]
  say(o, { release: release.release, blocks: rows }, lines)
}
