// The section kernels with the stage table's parameters, but for those that a test sets.
import { StagesConfig } from '../../../domain/stages.ts'
import { solveAlignment as solve } from '../../../kernels/sections/align.ts'
import { matchSections as match } from '../../../kernels/sections/match-sections.ts'
import { renderSlab as render } from '../../../kernels/sections/render.ts'
import type {
  RenderParams,
  SectionExtent,
  SectionImage,
  SectionPair,
  SectionTile,
  SlabSection,
} from '../../../kernels/sections/section-types.ts'
import { stitchSection as stitch } from '../../../kernels/sections/stitch.ts'
import type { Box } from '../../../kernels/types.ts'

const usual = StagesConfig.parse({})

export const stitchSection = (tiles: readonly SectionTile[], params: Partial<typeof usual.stitch> = {}) =>
  stitch(tiles, { ...usual.stitch, ...params })

export const matchSections = (a: SectionImage, b: SectionImage) => match(a, b, usual.match)

export const solveAlignment = (pairs: readonly SectionPair[], sections: readonly SectionExtent[]) =>
  solve(pairs, sections, usual.align)

export const renderSlab = (
  sections: readonly SlabSection[],
  box: Box,
  params: Partial<RenderParams> = {},
  excluded: readonly Box[] = [],
) => render(sections, box, { ...usual.render, ...params }, excluded)
