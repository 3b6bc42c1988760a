// How each section of a stack was aligned, as `alignment.json` of an alignment lists them; the fields lie beside it in `fields/<z>.bin`.
import { z } from 'zod'

const AlignedSection = z.object({
  z: z.number(),
  /** The section whose image is shown: z itself unless excluded. */
  source: z.number(),
  excluded: z.string().nullable(),
  /** Median of what its matches with the sections before it are off, and of how far its own places are moved; null where it was not solved. */
  residualPx: z.number().nullable().default(null),
  movedPx: z.number().nullable().default(null),
})
export type AlignedSection = z.infer<typeof AlignedSection>

export const Alignment = z.object({ sections: z.array(AlignedSection) })
export type Alignment = z.infer<typeof Alignment>
