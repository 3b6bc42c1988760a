// The run file of a patch: in the bad regions as the good release, elsewhere as the bad one, and refused where that cannot be.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { configAt, parseRunConfig, type RunConfig } from '../../domain/config.ts'
import { patchConfig } from '../../domain/plan/patch.ts'

const config = (over: object = {}): RunConfig =>
  parseRunConfig(
    {
      dataset: 'd',
      voxelSizeNm: [8, 8, 8],
      source: { phantom: { size: [256, 128, 64], seed: 1 } },
      grid: { block: [64, 64, 32], region: [64, 64, 64] },
      ...over,
    },
    'test',
  )
const REGIONS = ['0_0_0', '1_0_0', '2_0_0', '3_0_0', '0_1_0', '1_1_0', '2_1_0', '3_1_0']
const overrides = fc.array(
  fc.record({
    regions: fc.uniqueArray(fc.constantFrom(...REGIONS), { minLength: 1, maxLength: 3 }),
    stages: fc.record(
      {
        agglomerate: fc.record({ threshold: fc.constantFrom(0.1, 0.4, 0.9) }),
        synapse: fc.record({ minVoxels: fc.constantFrom(10, 80) }),
      },
      { requiredKeys: [] },
    ),
  }),
  { maxLength: 4 },
)

test('bad regions get the parameters of the good release, the others keep theirs', () => {
  fc.assert(
    fc.property(overrides, overrides, fc.subarray(REGIONS, { minLength: 1 }), (a, b, regions) => {
      const [bad, good] = [config({ overrides: a }), config({ overrides: b })]
      const differing = regions.filter(
        r => JSON.stringify(configAt(bad, r).stages) !== JSON.stringify(configAt(good, r).stages),
      )
      if (differing.length === 0) {
        expect(() => patchConfig(bad, good, regions)).toThrow('same parameters')
        return
      }
      const { config: patch, changed } = patchConfig(bad, good, regions)
      expect(Object.keys(changed).sort()).toEqual(differing.sort())
      for (const r of REGIONS)
        expect(configAt(patch, r).stages, r).toEqual(configAt(regions.includes(r) ? good : bad, r).stages)
      expect(parseRunConfig(patch, 'patch')).toEqual(patch)
    }),
  )
})

test('what cannot differ between regions is named', () => {
  const bad = config({ model: 'other', stages: { align: { method: 'none' } } })
  expect(() => patchConfig(bad, config(), ['0_0_0'])).toThrow(/model, stages.align/)
})
