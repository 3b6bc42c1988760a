// The rows of what readers get of the volumes, and of what is held against ground truth.
import { z } from 'zod'
import { cpu, layout, params, type StageRow } from './row.ts'

export const products = {
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
    checks: [],
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
    checks: [],
  },
  evaluate: {
    ...cpu,
    version: 1,
    scope: 'release',
    phase: 'release',
    code: 'quality/evaluate',
    inputs: ['segment', 'graph'],
    demoSeconds: 0.089,
    makes: 'VOI, ARAND, synapse precision, recall and F1 against ground truth',
    parameters: params({}),
    checks: ['truth covers the box that is scored'],
  },
} as const satisfies Record<string, StageRow>
