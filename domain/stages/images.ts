// The rows of what makes one aligned image volume of many tiles.
import { z } from 'zod'
import { FILL_REACH } from '../index/grid.ts'
import { about, fraction, int, params, positive } from '../values.ts'
import { cpu, em, type StageRow } from './row.ts'

export const images = {
  phantom: {
    ...cpu,
    version: 1,
    scope: 'slab',
    phase: 'sections',
    code: 'phantom',
    inputs: [],
    only: 'synthetic',
    demoSeconds: 5.5,
    makes: 'synthetic tiles with their layout, and the ground truth of the same voxels',
    checks: ['every section has its tiles or a recorded defect'],
  },
  ingest: {
    ...cpu,
    version: 1,
    scope: 'section',
    phase: 'sections',
    code: 'sections/ingest',
    inputs: ['phantom'],
    source: true,
    demoSeconds: 0.56,
    makes: 'verified tiles in the immutable raw archive, and the manifest of the section',
    parameters: params({
      blankStd: positive.default(2).describe('Grey levels: a tile whose standard deviation is below is blank.'),
      maxSaturated: fraction.default(0.6).describe('Largest fraction of voxels at 0 or 255.'),
      window: z
        .tuple([z.number(), z.number()])
        .refine(([low, high]) => low < high, 'low below high; dark and bright are exchanged by `invert`')
        .nullish()
        .meta(
          about(
            'Samples that become black and white, `[low, high]`: needed where they have more than 8 bits; left out, 8 bits are taken as they are.',
            [1200, 41000],
          ),
        ),
      invert: z.boolean().optional().meta(about('Exchanges black and white: models expect dark membranes.', true)),
    }),
    checks: ['decodes', 'shape and bit depth as listed', 'not blank, not saturated', 'no tile twice'],
  },
  stitch: {
    ...cpu,
    version: 3,
    scope: 'section',
    phase: 'sections',
    code: 'sections/stitch',
    inputs: ['ingest'],
    demoSeconds: 0.43,
    makes: 'one transform per tile, the residuals of the overlaps, grey statistics of the section',
    parameters: params({
      maxShiftPx: positive.default(48).describe('Largest correction of a tile relative to its neighbour, in pixels.'),
      patchPx: int.positive().default(64).describe('Side of the patches that are compared along a seam, in pixels.'),
      minScore: fraction.default(0.5).describe('Smallest normalised correlation that counts as a match.'),
      elasticAbovePx: positive
        .default(0.5)
        .describe(
          'Median residual of shifts alone above which tiles are bent, all by one lens and each by a mesh, in pixels.',
        ),
    }),
    checks: ['every tile is placed', 'residuals are recorded'],
  },
  match: {
    ...cpu,
    version: 3,
    scope: 'pair',
    phase: 'matches',
    code: 'sections/match',
    inputs: ['ingest', 'stitch'],
    only: 'unaligned',
    demoSeconds: 0.87,
    makes: 'coarse affine and a grid of displacements between a section and each of the two before it',
    parameters: params({
      scale: int.positive().default(2).describe('Downsampling of the sections that are compared.'),
      spacingPx: positive.default(32).describe('Spacing of the measured displacements, in pixels at full scale.'),
      maxShiftPx: positive.default(64).describe('Largest translation between two sections, in pixels.'),
      searchPx: positive.default(12).describe('Largest deviation from that translation, in pixels.'),
      minScore: fraction.default(0.4).describe('Smallest normalised correlation that counts as a match.'),
    }),
    checks: ['a pair without agreement says so'],
  },
  align: {
    ...cpu,
    version: 3,
    scope: 'dataset',
    phase: 'alignment',
    code: 'sections/align',
    inputs: ['stitch', 'match'],
    leavesOut: 'sections',
    demoSeconds: 0.26,
    makes: 'one displacement field per section; bad sections excluded by name',
    parameters: params({
      method: z
        .enum(['elastic', 'none'])
        .default('elastic')
        .describe('`none` trusts the source: it is aligned already.'),
      spacingPx: positive.default(32).describe('Spacing of the nodes of the fields, in pixels.'),
      window: int
        .positive()
        .default(5)
        .describe(
          'The mean displacement over the sections up to this many away is held to nought: slow drift over z is tissue.',
        ),
      anchor: positive.default(0.1).describe('How firmly it is held, relative to one match.'),
      bending: positive.default(0.1).describe('Stiffness against bending within a section, relative to one match.'),
      minAgreement: fraction
        .default(0.3)
        .describe('A pair of sections counts only if this fraction of its nodes agrees.'),
      minFocus: fraction
        .default(0.75)
        .describe('A section is out of focus below this fraction of the median focus of the sections around.'),
    }),
    checks: ['every section has a field or a reason for its exclusion'],
  },
  render: {
    ...cpu,
    version: 1,
    scope: 'region',
    phase: 'image',
    code: 'volumes/render',
    inputs: ['ingest', 'stitch', 'align'],
    volume: em,
    leavesOut: 'boxes',
    demoSeconds: 1.2,
    makes: 'aligned, intensity-normalised EM',
    parameters: params({
      normalise: z
        .enum(['section', 'none'])
        .default('section')
        .describe('`section` brings every section to `mean` and `std`; `none` leaves the grey values alone.'),
      mean: positive.default(129).describe('Grey values that every section is brought to.'),
      std: positive.default(33).describe('Standard deviation that every section is brought to, in grey levels.'),
      featherPx: positive.default(16).describe('Width of the transition between two tiles, in pixels.'),
      fillSections: int
        .min(0)
        .max(FILL_REACH)
        .default(3)
        .describe('Where a section has a gap or is excluded, sections this far away fill in.'),
    }),
    checks: ['every chunk of the region is there'],
  },
} as const satisfies Record<string, StageRow>
