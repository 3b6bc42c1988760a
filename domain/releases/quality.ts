// The quality of a release: what stages have left in their lineage records.
import type { IndexEntry } from '../index/index-node.ts'
import type { ArtifactRef, Lineage } from '../lineage.ts'
import type { Quality } from '../release.ts'

const median = (values: number[]): number | undefined => values.sort((a, b) => a - b)[values.length >> 1]

/** Of the artifacts among `entries`: medians of residuals in pixels, scores where something was evaluated. */
export async function qualityOf(
  entries: readonly IndexEntry[],
  lineage: (ref: ArtifactRef) => Promise<Lineage>,
): Promise<Quality> {
  const summaries = (stage: string): Promise<Record<string, unknown>[]> => {
    const refs = new Map(entries.filter(e => e.stage === stage).map(e => [e.ref.recipe, e.ref]))
    return Promise.all([...refs.values()].map(async ref => (await lineage(ref)).summary))
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
