// The gate of a release: what the manifest says, and what is counted in the records behind it, against the limits of the run file.
import type { RunConfig } from '../../domain/config.ts'
import { holesIn, type Release } from '../../domain/release.ts'
import { holesOf } from '../../domain/releases/manifest.ts'
import { refusalsOf } from '../../domain/releases/release-gate.ts'
import { IMAGES } from '../../domain/index/phases.ts'
import type { StageName } from '../../domain/stages.ts'
import { inOrder } from '../../storage/bounded.ts'
import { artifactsOf } from '../../storage/release-index.ts'
import type { Deps } from '../context.ts'
import { configOf } from '../documents.ts'
import { behind } from '../quality/quality.ts'

/** Records read side by side. */
const WIDTH = 16

/** Why a release may not be published by itself; null: it may. */
export async function refusalOf(deps: Deps, r: Release): Promise<string | null> {
  if (r.config === undefined) return null
  const config: RunConfig = await configOf(deps, r.config)
  const sum = async (stage: StageName, name: string): Promise<number> => {
    let all = 0
    for await (const { lineage } of inOrder(artifactsOf(deps.objects, r, stage), WIDTH, ref =>
      deps.artifacts.open(ref),
    ))
      all += Number(lineage.summary[name] ?? 0)
    return all
  }
  const holes = r.holes.length === holesIn(r) ? r.holes : await holesOf(behind(deps, r.pages))
  const refusals = refusalsOf({ ...r, holes }, config, {
    tiles: await sum('ingest', 'tiles'),
    segments: r.layers.segmentation ? await sum('graph', 'segments') : null,
    grey: await oneGrey(deps, r),
  })
  if (refusals.length === 0) return null
  return `${refusals.join('; ')}: to publish it all the same, \`hillock release publish ${r.release} --force --reason ...\``
}

/** The grey value that all voxels of the EM have; null where they differ. Chunks are read only where all of a size have one digest. */
async function oneGrey(deps: Deps, r: Release): Promise<number | null> {
  const seen = new Map<number, string>()
  let grey: number | null = null
  for await (const ref of artifactsOf(deps.objects, r, IMAGES)) {
    const reader = await deps.artifacts.open(ref)
    for (const { path, bytes, sha256 } of reader.outputs.filter(o => o.path.startsWith('0/'))) {
      if (seen.has(bytes) && seen.get(bytes) !== sha256) return null
      if (seen.has(bytes)) continue
      seen.set(bytes, sha256)
      const chunk = await reader.get(path)
      grey ??= chunk[0]!
      if (chunk.some(v => v !== grey)) return null
    }
  }
  return grey
}
