// The synapse table as columns: its parts put together, its rows in the orders that readers want, its lines for the viewer.
import type { SynapseLine } from '../storage/formats/annotations/synapses.ts'
import type { ParquetColumn } from '../storage/formats/parquet.ts'

export interface SynapseColumns {
  readonly [column: string]:
    | BigUint64Array<ArrayBuffer>
    | Float64Array<ArrayBuffer>
    | Float32Array<ArrayBuffer>
    | Uint32Array<ArrayBuffer>
  readonly pre: BigUint64Array<ArrayBuffer>
  readonly post: BigUint64Array<ArrayBuffer>
  /** Centre, then the points on either side, in voxels of the dataset. */
  readonly x: Float64Array<ArrayBuffer>
  readonly y: Float64Array<ArrayBuffer>
  readonly z: Float64Array<ArrayBuffer>
  readonly preX: Float64Array<ArrayBuffer>
  readonly preY: Float64Array<ArrayBuffer>
  readonly preZ: Float64Array<ArrayBuffer>
  readonly postX: Float64Array<ArrayBuffer>
  readonly postY: Float64Array<ArrayBuffer>
  readonly postZ: Float64Array<ArrayBuffer>
  /** Voxels of the cleft. */
  readonly size: Uint32Array<ArrayBuffer>
  readonly score: Float32Array<ArrayBuffer>
}

type Column = SynapseColumns[string]

/** Columns of a table with the rows that `order` names, in its order. */
const taken = <T extends Column>(column: T, order: ArrayLike<number>): T => {
  const out = new (column.constructor as new (n: number) => T)(order.length)
  for (let i = 0; i < order.length; i++) out[i] = column[order[i]!]!
  return out
}

export const takeRows = (table: SynapseColumns, order: Uint32Array): SynapseColumns =>
  Object.fromEntries(Object.entries(table).map(([name, column]) => [name, taken(column, order)])) as never

/** The rows of all tables, one table after the other. */
export function concatTables(tables: readonly SynapseColumns[]): SynapseColumns {
  const rows = tables.reduce((n, t) => n + t.pre.length, 0)
  const whole = <T extends Column>(like: T, name: string): T => {
    const out = new (like.constructor as new (n: number) => T)(rows)
    let at = 0
    for (const t of tables) {
      out.set(t[name] as never, at)
      at += t.pre.length
    }
    return out
  }
  return Object.fromEntries(Object.entries(tables[0]!).map(([name, column]) => [name, whole(column, name)])) as never
}

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
  return columns.map(({ name, data }) => ({ name, data: taken(data as Column, order) }))
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
