// residuals, the quality of a release, and what is missing from it: what stages have left in their lineage and index.
import type { IndexEntry, Poisoned, Roots } from '../domain/contract.ts'
import { isPoison, type Quality } from '../domain/release.ts'
import type { Deps } from './context.ts'
import { entriesBelow } from './pages.ts'
import { saveDocument } from './source.ts'

const median = (values: number[]): number | undefined => values.sort((a, b) => a - b)[values.length >> 1]

/** Of the artifacts among `entries`: medians of residuals in pixels, scores where something was evaluated. */
export async function qualityOf(deps: Deps, entries: readonly IndexEntry[]): Promise<Quality> {
  const summaries = (stage: string): Promise<Record<string, unknown>[]> => {
    const refs = new Map(entries.filter(e => e.stage === stage).map(e => [e.ref.recipe, e.ref]))
    return Promise.all([...refs.values()].map(async ref => (await deps.artifacts.open(ref)).lineage.summary))
  }
  const residual = async (stage: string): Promise<number | undefined> =>
    median((await summaries(stage)).flatMap(s => (typeof s['residualPx'] === 'number' ? [s['residualPx']] : [])))
  const [stitchResidualPx, alignResidualPx] = [await residual('stitch'), await residual('align')]
  return {
    ...(((await summaries('evaluate'))[0]?.['quality'] ?? {}) as Quality),
    ...(stitchResidualPx === undefined ? {} : { stitchResidualPx }),
    ...(alignResidualPx === undefined ? {} : { alignResidualPx }),
  }
}

export async function residuals(deps: Deps, roots: Roots): Promise<Quality> {
  const entries: IndexEntry[] = []
  for await (const e of entriesBelow(deps, Object.values(roots), s => s === 'stitch' || s === 'align')) entries.push(e)
  return qualityOf(deps, entries)
}

/** Blocks that a person is shown; the list has all. */
const SHOWN = 20

/** Artifacts that were committed without some of their blocks, because those failed on every attempt. */
export async function poisoned(deps: Deps, roots: Roots): Promise<Poisoned> {
  const found: IndexEntry[] = []
  for await (const e of entriesBelow(deps, Object.values(roots))) if (e.holes?.some(isPoison)) found.push(e)
  const holes = found.flatMap(e => e.holes!.filter(isPoison))
  const text = holes.slice(0, SHOWN).map(h => `${h.stage} ${h.what}: ${h.reason}`)
  return { list: await saveDocument(deps, found), blocks: holes.length, text: text.join('; ') }
}
