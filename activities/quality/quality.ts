// residuals, and what is missing from a release: what stages have left in their lineage and index.
import type { Poisoned } from '../../domain/contract/rollback.ts'
import type { Roots } from '../../domain/contract/run.ts'
import type { IndexEntry } from '../../domain/index/index-node.ts'
import type { Behind } from '../../domain/releases/manifest.ts'
import { qualityOf } from '../../domain/releases/quality.ts'
import { isPoison, type Quality } from '../../domain/release.ts'
import type { Deps } from '../context.ts'
import { behindRoots } from '../../storage/index-nodes.ts'
import { saveDocument } from '../documents.ts'

export const behind = (deps: Deps, roots: Roots): Behind =>
  behindRoots(deps.objects, roots, async ref => (await deps.artifacts.open(ref)).lineage)

export async function residuals(deps: Deps, roots: Roots): Promise<Quality> {
  return qualityOf(behind(deps, roots).records)
}

/** Blocks that a person is shown; the list has all. */
const SHOWN = 20

/** Artifacts that were committed empty, or without some of their blocks, because the region or those failed on every attempt. */
export async function poisoned(deps: Deps, roots: Roots): Promise<Poisoned> {
  const found: IndexEntry[] = []
  for await (const e of behind(deps, roots).holes()) if (e.holes.some(isPoison)) found.push(e)
  const holes = found.flatMap(e => e.holes!.filter(isPoison))
  const text = holes.slice(0, SHOWN).map(h => `${h.stage} ${h.what}: ${h.reason}`)
  return { list: await saveDocument(deps, found), blocks: holes.length, text: text.join('; ') }
}
