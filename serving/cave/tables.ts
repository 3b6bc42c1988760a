// The tables of a release as CAVE names them: its columns, which of them are positions, which table of ours answers fastest.
import type { SortedTable } from '../query/tables.ts'

export interface CaveTable {
  readonly table: SortedTable
  readonly schema: string
  readonly description: string
  /** CAVE's name of a column -> ours; positions by their name without axis. */
  readonly columns: Readonly<Record<string, string>>
  readonly positions: Readonly<Record<string, string>>
  /** By column: the same rows, sorted by it. */
  readonly sorted: Readonly<Record<string, SortedTable>>
}

export const TABLES: Readonly<Record<string, CaveTable>> = {
  synapses: {
    table: 'synapses',
    schema: 'synapse',
    description: 'Synapses: their partners, centre, a point in either partner, size in voxels, score',
    columns: { id: 'id', pre_pt_root_id: 'pre_segment', post_pt_root_id: 'post_segment', size: 'size', score: 'score' },
    positions: { pre_pt_position: 'pre_', post_pt_position: 'post_', ctr_pt_position: '' },
    sorted: { pre_pt_root_id: 'synapses-by-pre', post_pt_root_id: 'synapses-by-post' },
  },
  segments: {
    table: 'segments',
    schema: 'cell_type_reference',
    description: 'Segments: centre, size in voxels, synapses in and out',
    columns: {
      id: 'segment',
      pt_root_id: 'segment',
      voxels: 'voxels',
      n_pre: 'n_pre',
      n_post: 'n_post',
      n_downstream: 'n_downstream',
      n_upstream: 'n_upstream',
      skeleton_nm: 'skeleton_nm',
    },
    positions: { pt_position: '' },
    sorted: { id: 'segments', pt_root_id: 'segments' },
  },
  edges: {
    table: 'edges',
    schema: 'edge',
    description: 'Connections: pairs of segments with the number of their synapses',
    columns: { pre_pt_root_id: 'pre', post_pt_root_id: 'post', count: 'count', score: 'score', size: 'size' },
    positions: {},
    sorted: { pre_pt_root_id: 'edges', post_pt_root_id: 'edges-by-post' },
  },
}
