// The synapse table as columns: its parts put together, its rows in the orders that readers want, its lines for the viewer.
import { concat, rowsAt, type Column } from '../../kernels/arrays.ts'
import type { SynapseTable } from '../../kernels/synapse/synapse.ts'
import type { SynapseLine } from '../../storage/formats/annotations/synapses.ts'
import type { ParquetColumn } from '../../storage/formats/parquet.ts'

export type SynapseColumns = SynapseTable

/** The rows of all tables, one table after the other. */
export const concatTables = (tables: readonly SynapseColumns[]): SynapseColumns =>
  Object.fromEntries(
    (Object.keys(tables[0]!) as (keyof SynapseColumns)[]).map(name => [
      name,
      concat(tables.map((t): Column => t[name])),
    ]),
  ) as never

/** Columns of the table as it is published; a synapse is called by its row, from 1. */
export const synapseRows = (t: SynapseColumns): ParquetColumn[] => [
  { name: 'id', data: BigUint64Array.from(t.pre, (_, i) => BigInt(i + 1)) },
  { name: 'pre_segment', data: t.pre },
  { name: 'post_segment', data: t.post },
  ...(['x', 'y', 'z', 'preX', 'preY', 'preZ', 'postX', 'postY', 'postZ', 'size', 'score'] as const).map(name => ({
    name: name.replace(/(pre|post)([XYZ])/, (_, side: string, axis: string) => `${side}_${axis.toLowerCase()}`),
    data: t[name],
  })),
]

/** The published table sorted by presynaptic, then postsynaptic segment; then by id. */
export function byPartners(columns: readonly ParquetColumn[]): ParquetColumn[] {
  const [, pre, post] = columns.map(c => c.data as BigUint64Array)
  const order = Uint32Array.from(pre!, (_, i) => i).sort((a, b) => {
    const [p, q] = pre![a] === pre![b] ? [post![a]!, post![b]!] : [pre![a]!, pre![b]!]
    return p < q ? -1 : p > q ? 1 : a - b
  })
  return columns.map(({ name, data }) => ({ name, ...rowsAt({ data: data as BigUint64Array }, order) }))
}

export const synapseLines = (t: SynapseColumns): SynapseLine[] =>
  Array.from(t.pre, (pre, i) => ({
    id: BigInt(i + 1),
    pre: [t.preX[i]!, t.preY[i]!, t.preZ[i]!],
    post: [t.postX[i]!, t.postY[i]!, t.postZ[i]!],
    score: t.score[i]!,
    preSegment: pre,
    postSegment: t.post[i]!,
  }))
