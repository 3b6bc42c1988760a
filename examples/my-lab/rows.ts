// The row of our stage. Imported before anything else of hillock, by whatever starts runs and by the workers.
import { addStage, params, z } from 'hillock/stages'

addStage('blur', {
  version: 1,
  scope: 'region',
  phase: 'maps',
  inputs: ['render+'],
  halo: { render: 'radius' },
  makes: 'EM in which every voxel is the mean of those around it',
  volume: { dtype: 'uint8', encoding: 'raw' },
  parameters: params({ radius: z.number().int().min(1).max(8).default(1).describe('Voxels to each side.') }),
  checks: ['every chunk of the region is there'],
})
