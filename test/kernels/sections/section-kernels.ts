// The section kernels with the stage table's parameters, but for those that a test sets.
import { StagesConfig } from '../../../domain/stages.ts'
import { identityPlan, planAlignment, solveSlab, zeroField } from '../../../kernels/sections/align.ts'
import { matchSections as match } from '../../../kernels/sections/match-sections.ts'
import { renderSlab as render } from '../../../kernels/sections/render.ts'
import type {
  AlignmentPlan,
  Lattice,
  RenderParams,
  Residuals,
  SectionExtent,
  SectionImage,
  SectionPair,
  SectionStitch,
  SectionTile,
  ShownSection,
  SlabSection,
} from '../../../kernels/sections/section-types.ts'
import { greyHistogram, intensityOf, patchesOf, tileGreys } from '../../../kernels/sections/illumination.ts'
import { overlapsOf, seamMatches } from '../../../kernels/sections/seams.ts'
import { inOrder, placeTiles } from '../../../kernels/sections/stitch.ts'
import type { Box } from '../../../kernels/types.ts'

const usual = StagesConfig.parse({})

/** As the stage stitches, with all tiles at hand. */
export function stitchSection(input: readonly SectionTile[], params: Partial<typeof usual.stitch> = {}): SectionStitch {
  const p = { ...usual.stitch, ...params }
  const tiles = inOrder(input)
  const pairs = overlapsOf(tiles)
  const matches = seamMatches(tiles, pairs, p)
  const patches = patchesOf(tiles.length, matches)
  const greys = tiles.map((t, i) => tileGreys(t, patches[i]!))
  const placed = placeTiles(tiles, pairs, matches, greys, p)
  const histograms = tiles.map((t, i) => greyHistogram(t, placed.illumination, placed.transforms[i]!.gain))
  return { ...placed, intensity: intensityOf(histograms) }
}

export const matchSections = (a: SectionImage, b: SectionImage) => match(a, b, usual.match)

export interface AlignedSection extends ShownSection {
  readonly field: Lattice<Float32Array>
}

export interface Alignment {
  readonly sections: readonly AlignedSection[]
  readonly residualPx: Residuals
}

const fieldsOf = ({ sections, slabs }: AlignmentPlan, solved: readonly ReturnType<typeof solveSlab>[]): Alignment => {
  const fields = new Map(solved.flatMap(s => [...s.fields]))
  const medians = solved.map(s => s.residualPx.median).sort((a, b) => a - b)
  return {
    sections: sections.map(s => ({ ...s, field: fields.get(s.source) ?? zeroField() })),
    residualPx: {
      median: medians[medians.length >> 1] ?? 0,
      max: Math.max(0, ...solved.map((s, i) => (slabs[i] ? s.residualPx.max : 0))),
    },
  }
}

/** As the stage aligns; `slab`: other slabs than it takes. */
export const solveAlignment = (
  pairs: readonly SectionPair[],
  sections: readonly SectionExtent[],
  ...slab: [own?: number, around?: number]
): Alignment => {
  const plan = planAlignment(pairs, sections, usual.align, ...slab)
  return fieldsOf(
    plan,
    plan.slabs.map(s => solveSlab(pairs, s, plan.grid, usual.align)),
  )
}

export const identityAlignment = (...of: Parameters<typeof identityPlan>): Alignment =>
  fieldsOf(identityPlan(...of), [])

export const renderSlab = (
  sections: readonly SlabSection[],
  box: Box,
  params: Partial<RenderParams> = {},
  excluded: readonly Box[] = [],
) => render(sections, box, { ...usual.render, ...params }, excluded)
