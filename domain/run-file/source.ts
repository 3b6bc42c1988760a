// Where the images of a run come from, as a run file says it: a specimen, a stack, a volume, tiles or their layout.
import { z } from 'zod'
import { Box } from '../geometry.ts'
import { PhantomSpec } from './phantom.ts'

export const TileEntry = z.strictObject({
  section: z
    .number()
    .int()
    .meta({ description: 'Any whole numbers: the first becomes section 0 of the dataset.', examples: [0] }),
  name: z
    .string()
    .regex(
      /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,200}$/u,
      'up to 200 letters, digits, signs and blanks; no control characters',
    )
    .meta({ description: 'What holes and messages call it; unique within the section.', examples: ['r0c0'] }),
  file: z
    .string()
    .min(1)
    .meta({ description: 'The image.', examples: ['tiles/z0000_r0c0.png'] }),
  x: z.number().meta({
    description: "Nominal stage position of the tile's first pixel, in pixels; below 0 and far out as it may be.",
    examples: [0],
  }),
  y: z.number().meta({ description: 'The same along y.', examples: [0] }),
  width: z
    .number()
    .int()
    .positive()
    .meta({ description: 'Of the image, in pixels.', examples: [208] }),
  height: z
    .number()
    .int()
    .positive()
    .meta({ description: 'Of the image, in pixels.', examples: [144] }),
})
export type TileEntry = z.infer<typeof TileEntry>

export const VolumeFormat = z.enum(['precomputed', 'zarr', 'n5'])
export type VolumeFormat = z.infer<typeof VolumeFormat>

const VolumeSource = z.strictObject({
  url: z.string().meta({
    description: 'A folder, a URL, or what viewers paste (docs/import.md).',
    examples: ['https://example.org/em'],
  }),
  format: VolumeFormat.optional().describe('Found out if left out.'),
  mip: z.number().int().nonnegative().default(0).describe('Which of its mips.'),
  box: Box.optional().describe(
    "The part to take, in voxels of that mip in the source's own coordinates; its lower corner becomes the dataset's origin.",
  ),
})
export type VolumeSource = z.infer<typeof VolumeSource>

export const Source = z.union(
  [
    z.strictObject({
      phantom: PhantomSpec.describe('A synthetic specimen with its exact truth ([phantom](phantom.md)).'),
    }),
    z.strictObject({
      stack: z.string().meta({
        description:
          'A .npy or .npy.gz of uint8 or uint16, axes z, y, x; a TIFF of several pages; a folder of images, or a pattern such as `slices/*.png`: every slice becomes a section.',
        examples: ['em.npy'],
      }),
    }),
    z.strictObject({
      volume: VolumeSource.describe(
        'A volume of uint8, or of uint16 with stages.ingest.window, that is aligned already, as `hillock import` finds it: every slice becomes a section.',
      ),
    }),
    z.strictObject({
      tiles: z
        .array(TileEntry)
        .min(1)
        .describe('Images with their nominal positions, listed here; long lists go into a layout.'),
    }),
    z.strictObject({
      layout: z.string().meta({
        description:
          'A file that lists the tiles (JSON, CSV or TSV, tile specs of Render, TrakEM2 XML); their files are relative to it.',
        examples: ['tiles/layout.json'],
      }),
    }),
  ],
  { error: 'one of: phantom: {...}, stack: FILE, volume: {...}, tiles: [...], layout: FILE' },
)
