// The synapse table of a release in memory, by id and by segment.
import type { Release } from '../domain/release.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import type { Synapse } from './annotations.ts'
import { memo } from './memo.ts'
import { readTable } from './table.ts'

/** Output of the artifacts of the `synapses` layer. */
export const SYNAPSES = 'synapses.parquet'

const READS = 8
const TABLES_KEPT = 4

export interface SynapseTable {
  readonly all: readonly Synapse[]
  readonly byId: ReadonlyMap<bigint, Synapse>
  readonly pre_segment: ReadonlyMap<bigint, Synapse[]>
  readonly post_segment: ReadonlyMap<bigint, Synapse[]>
}

const u64 = (v: unknown): bigint => BigInt.asUintN(64, BigInt(v as number | bigint))

const load = memo(TABLES_KEPT, async (_: string, artifacts: ArtifactStore, release: Release): Promise<SynapseTable> => {
  const refs = Object.entries(release.layers.synapses?.artifacts ?? {}).sort((a, b) => (a[0] < b[0] ? -1 : 1))
  const tables = await mapBounded(refs, READS, async ([, ref]) => readTable(await artifacts.get(ref, SYNAPSES)))
  const all = tables.flat().map((row): Synapse => {
    const n = (column: string): number => Number(row[column])
    return {
      id: u64(row['id']),
      pre: u64(row['pre_segment']),
      post: u64(row['post_segment']),
      prePoint: [n('pre_x'), n('pre_y'), n('pre_z')],
      postPoint: [n('post_x'), n('post_y'), n('post_z')],
      size: n('size'),
      score: n('score'),
    }
  })
  return {
    all,
    byId: new Map(all.map(s => [s.id, s])),
    pre_segment: Map.groupBy(all, s => s.pre),
    post_segment: Map.groupBy(all, s => s.post),
  }
})

/** @throws HillockError MissingArtifact when a table is gone or damaged. */
export const synapsesOf = (artifacts: ArtifactStore, release: Release): Promise<SynapseTable> =>
  load(`${artifacts.objects.url} ${release.dataset}/${release.release}`, artifacts, release)
