// The rows of what makes neurons of an image volume.
import { z } from 'zod'
import { Shape } from '../geometry.ts'
import { about, count, fraction, int, params, positive } from '../values.ts'
import { cpu, labels, type StageRow } from './row.ts'

export const segmentation = {
  affinity: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'maps',
    code: 'blockwise',
    inputs: ['render+'],
    volume: { dtype: 'uint8', encoding: 'raw', channels: 3 },
    halo: { render: 'halo' },
    model: {
      role: 'affinity',
      channels: 3,
      offsetsZYX: [
        [-1, 0, 0],
        [0, -1, 0],
        [0, 0, -1],
      ],
    },
    demoSeconds: 12,
    makes: 'probability that a voxel and its lower z, y, x neighbour belong together, as 255 x p',
    parameters: params({
      halo: count
        .default(24)
        .describe(
          'Voxels of real context on each side of an inference block. A model whose card has `output.cropped` says it itself.',
        ),
      block: Shape.optional().meta(
        about(
          'What goes through the model at once, in voxels, x, y, z: the larger, the less is computed twice. By default 256, 256, 128 where the region is a whole number of these, else `grid.block`.',
          [256, 256, 128],
        ),
      ),
      augment: z
        .literal(['none', 2, 8])
        .default('none')
        .describe(
          'Mirror images of each block that the model sees too: it and the one reversed along all axes, or all eight. Costs 2 or 8 times the inference.',
        ),
      combine: z
        .enum(['minimum', 'mean'])
        .default('minimum')
        .describe('What becomes of the affinities that `augment` gives for the same pair of voxels.'),
    }),
    queue: 'inference',
    checks: ['model file has the digest of its card', 'voxel size fits the model'],
  },
  'synapse-map': {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'maps',
    code: 'blockwise',
    inputs: ['render+'],
    volume: { dtype: 'uint8', encoding: 'raw', channels: 2 },
    halo: { render: 6 },
    model: { role: 'synapse', channels: 2, orKernel: true },
    demoSeconds: 0.94,
    makes: 'cleft and vesicle maps',
    parameters: params({
      dark: positive.default(70).describe('Grey value of a 3-cube mean below which a voxel may be cleft.'),
      surround: positive
        .default(80)
        .describe('Grey value of a 13-cube mean above which darkness is a plate and no organelle.'),
    }),
  },
  supervoxel: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'fragments',
    code: 'blockwise',
    inputs: ['affinity+', 'render+'],
    volume: labels,
    halo: { affinity: 'halo', render: 12 },
    demoSeconds: 4.9,
    makes: 'supervoxels, block by block; none in the black outside of the tissue',
    parameters: params({
      halo: count.default(16).describe('Voxels of affinities around a block that its watershed sees.'),
      inside: fraction
        .default(0.5)
        .describe('A voxel whose mean affinity to its neighbours exceeds this lies inside a neurite.'),
      minSize: int
        .min(0)
        .default(64)
        .describe('Fragments of fewer voxels join the neighbour of highest mean affinity.'),
      flood: z
        .enum(['mean', 'affinity'])
        .default('mean')
        .describe(
          'How voxels join a seed: in the order of the mean affinity of each, or of the affinity of each pair, which keeps borders of one voxel ([quality](quality.md)).',
        ),
      bySection: z
        .boolean()
        .default(false)
        .describe(
          'No fragment goes through several sections: for sections that are several times as thick as a pixel.',
        ),
    }),
    checks: ['ids fit the block'],
  },
  rag: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'graph',
    code: 'segmentation/rag',
    inputs: ['supervoxel+', 'affinity'],
    halo: { supervoxel: [1, 0] },
    demoSeconds: 0.3,
    makes: 'region adjacency graph with the edges across the lower faces of the region',
  },
  agglomerate: {
    ...cpu,
    version: 1,
    scope: 'node',
    phase: 'tree',
    code: 'segmentation/agglomerate',
    inputs: ['rag', 'agglomerate<'],
    overrides: 'lower',
    demoSeconds: 0.015,
    makes: 'merges of this tree node, and its open edges for the parent',
    parameters: params({
      threshold: fraction.default(0.4).describe('Merge while the mean affinity reaches this.'),
    }),
    checks: ['exact: equal to one global run'],
  },
  resolve: {
    ...cpu,
    version: 1,
    scope: 'node',
    phase: 'resolve',
    code: 'segmentation/resolve',
    inputs: ['agglomerate', 'agglomerate<', 'resolve>'],
    lowest: 1,
    demoSeconds: 0.0011,
    makes: 'for each child of the node: the segment of every cluster that the child left open, from the root down',
  },
  'merge-table': {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'objects',
    code: 'segmentation/resolve',
    inputs: ['supervoxel', 'agglomerate', 'resolve>'],
    demoSeconds: 0.22,
    makes: "the region's slice of the merge table: supervoxel -> segment",
    checks: ['every supervoxel has a segment'],
  },
  segment: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'objects',
    code: 'segmentation/resolve',
    inputs: ['supervoxel', 'merge-table'],
    volume: labels,
    demoSeconds: 0.21,
    makes: 'segmentation',
  },
} as const satisfies Record<string, StageRow>
