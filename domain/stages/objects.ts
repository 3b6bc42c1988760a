// The rows of what is made of images and neurons: synapses, meshes, skeletons, tables, the layers that readers get, and scores.
import { z } from 'zod'
import { about, fraction, int, params, positive } from '../values.ts'
import { cpu, layout, timeout, type StageRow } from './row.ts'

/** A stage that merges up the region tree what the regions of the stage `of` have. */
const directory = <Name extends string>(name: Name, code: string, of: string, makes: string) =>
  ({
    ...cpu,
    version: 1,
    scope: 'node',
    directory: true,
    phase: 'directories',
    code,
    inputs: [`${of}<`, `${name}<`],
    makes: `${makes}, in the order in which ranges share ids out`,
  }) as const

export const objects = {
  synapse: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'products',
    code: 'objects/synapse',
    inputs: ['synapse-map+', 'segment+'],
    halo: { 'synapse-map': 32, segment: 32 },
    demoSeconds: 1.2,
    makes: 'synapse table: pre, post, centre, size, score',
    parameters: params({
      minCleft: int
        .min(1)
        .max(255)
        .default(64)
        .describe('Value of the cleft map, 0..255, from which a voxel is cleft.'),
      minVoxels: int.positive().default(80).describe('Fewer voxels are no cleft.'),
    }),
    checks: ['no synapse in two regions'],
  },
  measure: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'products',
    code: 'objects/measure',
    inputs: ['segment+'],
    halo: { segment: [1, 0] },
    demoSeconds: 0.2,
    makes: 'voxels, box and centre of every segment in the region, and the faces that it shares with others',
  },
  mesh: {
    ...cpu,
    version: 2,
    scope: 'region',
    phase: 'products',
    code: 'objects/pieces',
    inputs: ['segment+'],
    halo: { segment: 1 },
    demoSeconds: 1.1,
    makes: 'mesh fragments of every segment, packed',
    parameters: params({
      step: z
        .union([z.literal(1), z.literal(2)])
        .default(2)
        .describe('Voxels per sample along each axis.'),
      ratio: fraction.default(0.3).describe('Share of the triangles to keep.'),
      errorNm: positive.default(20).describe('How far simplifying may move the surface, in nm.'),
    }),
  },
  skeleton: {
    ...cpu,
    version: 3,
    scope: 'region',
    phase: 'products',
    code: 'objects/pieces',
    inputs: ['segment+'],
    halo: { segment: 1 },
    demoSeconds: 1.8,
    makes: 'skeleton pieces of every segment, meeting at the region faces',
    parameters: params({
      step: z
        .union([z.literal(1), z.literal(2)])
        .default(2)
        .describe('Voxels per sample along each axis.'),
      scale: positive
        .default(1.5)
        .describe('A path covers what lies within scale x distance to the boundary + constantNm of it (TEASAR).'),
      constantNm: positive.default(150).describe('See `scale`, in nanometres.'),
      minVoxels: int
        .min(0)
        .default(500)
        .describe('Pieces of fewer voxels that touch no neighbouring region are left out.'),
    }),
  },
  'mesh-directory': directory(
    'mesh-directory',
    'objects/join',
    'mesh',
    'where the pieces of every segment lie in the packs of mesh',
  ),
  'skeleton-directory': directory(
    'skeleton-directory',
    'objects/join',
    'skeleton',
    'where the pieces of every segment lie in the packs of skeleton',
  ),
  'segment-directory': directory(
    'segment-directory',
    'objects/segment-table',
    'measure',
    'what measure says of every segment',
  ),
  'contact-directory': directory(
    'contact-directory',
    'objects/segment-table',
    'measure',
    'what measure says of every contact, from both sides',
  ),
  'synapse-directory': directory(
    'synapse-directory',
    'objects/synapse-table',
    'synapse',
    'synapses by either partner and by id',
  ),
  'mesh-join': {
    ...cpu,
    timeout: { ...timeout, attempt: 14_400 },
    version: 2,
    scope: 'range',
    phase: 'joins',
    code: 'objects/join',
    inputs: ['mesh', 'mesh-directory'],
    layers: [{ layer: 'mesh', kind: 'meshes', of: 'segmentation' }],
    demoSeconds: 0.58,
    makes: 'one mesh per segment, at several levels of detail, in shards',
    parameters: params({
      cellNm: positive.default(4000).describe('Side of the finest nodes of the octree that a mesh is cut into, in nm.'),
      ratio: fraction.default(0.25).describe('Share of the triangles that each level keeps of the one before.'),
      errorNm: positive
        .default(20)
        .describe('How far the first coarser level may move the surface, in nm; twice as far for each further one.'),
    }),
  },
  'skeleton-join': {
    ...cpu,
    version: 3,
    scope: 'range',
    phase: 'joins',
    code: 'objects/join',
    inputs: ['skeleton', 'skeleton-directory'],
    layers: [{ layer: 'skeleton', kind: 'skeletons', of: 'segmentation' }],
    demoSeconds: 0.54,
    makes: 'one smooth skeleton per segment, in shards',
  },
  graph: {
    ...cpu,
    version: 5,
    scope: 'range',
    phase: 'tables',
    code: 'objects/graph',
    inputs: ['synapse', 'synapse-directory', 'measure', 'segment-directory', 'contact-directory', 'skeleton-join'],
    layers: [
      { layer: 'synapses', kind: 'annotations', of: 'segmentation' },
      {
        layer: 'graph',
        kind: 'tables',
        of: 'segmentation',
        files: ['segments', 'contacts', 'edges', 'edges-by-post', 'synapses', 'synapses-by-pre', 'synapses-by-post'],
      },
    ],
    demoSeconds: 0.31,
    makes:
      'segments, contacts, neuron-to-neuron edges and synapses as tables (Parquet), sorted by either partner; segment properties; synapse annotations, in shards',
    parameters: params({
      partitions: int
        .min(1)
        .max(2 ** 16)
        .refine(n => Number.isInteger(Math.log2(n)), 'a power of two')
        .optional()
        .meta(
          about(
            'Into how many objects each table is shared out by the hash of its segments, a power of two; left out, one for about 64 regions.',
            16,
          ),
        ),
    }),
  },
  pyramid: {
    ...cpu,
    version: 2,
    scope: 'node',
    phase: 'pyramid',
    code: 'volumes/pyramid',
    inputs: ['render', 'render<', 'pyramid<'],
    layers: [{ layer: 'em', kind: 'image', regions: 'render' }],
    demoSeconds: 0.076,
    makes: 'EM and downsampled EM in shards, in the proofreading and the analysis layout',
    parameters: params({
      ...layout,
      encoding: z
        .enum(['raw', 'jpeg', 'png'])
        .default('raw')
        .describe('Of the proofreading layout; the analysis layout keeps every grey value.'),
    }),
  },
  'label-pyramid': {
    ...cpu,
    version: 2,
    scope: 'node',
    phase: 'pyramid',
    code: 'volumes/pyramid',
    inputs: ['segment', 'segment<', 'label-pyramid<'],
    layers: [{ layer: 'segmentation', kind: 'segmentation', regions: 'segment' }],
    demoSeconds: 0.081,
    makes: 'segmentation and downsampled segmentation in shards, in the proofreading and the analysis layout',
    parameters: params(layout),
  },
  evaluate: {
    ...cpu,
    version: 4,
    scope: 'release',
    phase: 'release',
    code: 'quality/evaluate',
    inputs: ['segment', 'supervoxel', 'graph'],
    demoSeconds: 0.2,
    makes:
      'VOI, ARAND, expected run length, what the fragments would allow, the worst merges and splits, synapse precision, recall and F1 against ground truth',
    checks: ['truth covers the box that is scored'],
  },
} as const satisfies Record<string, StageRow>
