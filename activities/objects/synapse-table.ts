// The synapse table as columns: rows of regions with their ids, sorted for ranges, as it is published, and its lines for the viewer.
import type { ArtifactRef } from '../../domain/lineage.ts'
import { synapseIds } from '../../domain/ids.ts'
import { concat, rowsAt, type Column } from '../../kernels/arrays.ts'
import type { HashedRows } from '../../kernels/hashed-rows.ts'
import type { SynapseTable } from '../../kernels/synapse/synapse.ts'
import type { SynapseLine } from '../../storage/formats/annotations/synapses.ts'
import type { Deps } from '../context.ts'
import { readArrays } from '../segmentation/agglomerate.ts'
import { directoryOf, placesOf, type RegionRows } from './hashed-rows.ts'

export type SynapseColumns = SynapseTable & { readonly id: BigUint64Array<ArrayBuffer> }

/** What a region has found, with ids. */
export async function readSynapses(deps: Pick<Deps, 'artifacts'>, ref: ArtifactRef): Promise<SynapseColumns> {
  const table = await readArrays<SynapseTable>(deps, ref, 'synapses.bin')
  return { ...table, id: synapseIds(table) }
}

/** The rows of all tables, one table after the other. */
export const concatTables = (tables: readonly SynapseColumns[]): SynapseColumns =>
  Object.fromEntries(
    (Object.keys(tables[0]!) as (keyof SynapseColumns)[]).map(name => [
      name,
      concat(tables.map((t): Column => t[name])),
    ]),
  ) as never

/** What a synapse is looked for by. */
const KEYS = ['pre', 'post', 'id'] as const

/** Every synapse three times: `id` is what it is looked for by, `key` says which of KEYS that is, `synapse` is its own id. */
export interface KeyedSynapses extends HashedRows {
  readonly key: Uint8Array
  readonly synapse: BigUint64Array
}

export const keyedSynapses: RegionRows<KeyedSynapses> = async (deps, { synapse: ref }) => {
  const table = await readSynapses(deps, ref!)
  const { id: synapse, ...columns } = concatTables(KEYS.map(() => table))
  const id = concat(KEYS.map(key => table[key]))
  const key = Uint8Array.from(id, (_, row) => Math.floor(row / table.id.length))
  return { rows: { ...columns, id, at: placesOf(id), key, synapse }, bytes: 0 }
}

export const synapseDirectory = directoryOf('synapse-directory', keyedSynapses)

/** Those that are there by one of their keys. */
export function synapsesBy(rows: KeyedSynapses, by: (typeof KEYS)[number]): SynapseColumns {
  const wanted = KEYS.indexOf(by)
  const { id: _, at: __, key, synapse, ...columns } = rows
  const found = Uint32Array.from(key.keys()).filter(row => key[row] === wanted)
  return rowsAt({ ...columns, id: synapse }, found) as unknown as SynapseColumns
}

/** Columns of the table as it is published. */
export const synapseRows = ({ id, pre, post, x, y, z, ...t }: SynapseColumns) => ({
  id,
  pre_segment: pre,
  post_segment: post,
  x,
  y,
  z,
  pre_x: t.preX,
  pre_y: t.preY,
  pre_z: t.preZ,
  post_x: t.postX,
  post_y: t.postY,
  post_z: t.postZ,
  size: t.size,
  score: t.score,
})

export const synapseLines = (t: SynapseColumns): SynapseLine[] =>
  Array.from(t.id, (id, i) => ({
    id,
    pre: [t.preX[i]!, t.preY[i]!, t.preZ[i]!],
    post: [t.postX[i]!, t.postY[i]!, t.postZ[i]!],
    score: t.score[i]!,
    preSegment: t.pre[i]!,
    postSegment: t.post[i]!,
  }))
