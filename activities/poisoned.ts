// poisoned: artifacts that were committed without some of their blocks, because those failed on every attempt.
import type { IndexEntry, Poisoned, Roots } from '../domain/contract.ts'
import { isPoison } from '../domain/release.ts'
import type { Deps } from './context.ts'
import { entriesBelow } from './pages.ts'
import { saveDocument } from './source.ts'

/** Blocks that a person is shown; the list has all. */
const SHOWN = 20

export async function poisoned(deps: Deps, roots: Roots): Promise<Poisoned> {
  const found: IndexEntry[] = []
  for await (const e of entriesBelow(deps, Object.values(roots))) if (e.holes?.some(isPoison)) found.push(e)
  const holes = found.flatMap(e => e.holes!.filter(isPoison))
  const text = holes.slice(0, SHOWN).map(h => `${h.stage} ${h.what}: ${h.reason}`)
  return { list: await saveDocument(deps, found), blocks: holes.length, text: text.join('; ') }
}
