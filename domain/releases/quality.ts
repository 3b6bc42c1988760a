// The quality of a release: what stages have left in their lineage records.
import type { Lineage } from '../lineage.ts'
import type { Quality } from '../release.ts'

const median = (values: number[]): number | undefined => values.sort((a, b) => a - b)[values.length >> 1]

/** Medians of residuals in pixels, scores where something was evaluated. @param records of all artifacts of a stage */
export async function qualityOf(records: (stage: string) => AsyncIterable<Lineage>): Promise<Quality> {
  const residual = async (stage: string): Promise<number | undefined> => {
    const values: number[] = []
    for await (const { summary } of records(stage))
      if (typeof summary['residualPx'] === 'number') values.push(summary['residualPx'])
    return median(values)
  }
  const [stitchResidualPx, alignResidualPx] = [await residual('stitch'), await residual('align')]
  let scores: Quality = {}
  for await (const { summary } of records('evaluate')) scores = (summary['quality'] ?? {}) as Quality
  return {
    ...scores,
    ...(stitchResidualPx === undefined ? {} : { stitchResidualPx }),
    ...(alignResidualPx === undefined ? {} : { alignResidualPx }),
  }
}
