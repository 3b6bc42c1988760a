// Where the images of a run come from, as a run file says it: a specimen, a stack, a volume, tiles or their layout.
import { z } from 'zod'
import { Box } from '../geometry.ts'
import { about, count, int } from '../values.ts'
import { PhantomSpec } from './phantom.ts'

export const TileEntry = z.strictObject({
  section: int.meta(about('Any whole numbers: the first becomes section 0 of the dataset.', 0)),
  name: z
    .string()
    .regex(
      /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,200}$/u,
      'up to 200 letters, digits, signs and blanks; no control characters',
    )
    .meta(about('What holes and messages call it; unique within the section.', 'r0c0')),
  file: z.string().min(1).meta(about('The image.', 'tiles/z0000_r0c0.png')),
  x: z
    .number()
    .meta(about("Nominal stage position of the tile's first pixel, in pixels; below 0 and far out as it may be.", 0)),
  y: z.number().meta(about('The same along y.', 0)),
  width: int.positive().meta(about('Of the image, in pixels.', 208)),
  height: int.positive().meta(about('Of the image, in pixels.', 144)),
})
export type TileEntry = z.infer<typeof TileEntry>

export const VolumeFormat = z.enum(['precomputed', 'zarr', 'n5'])
export type VolumeFormat = z.infer<typeof VolumeFormat>

const VolumeSource = z.strictObject({
  url: z.string().meta(about('A folder, a URL, or what viewers paste (docs/import.md).', 'https://example.org/em')),
  format: VolumeFormat.optional().describe('Found out if left out.'),
  mip: count.default(0).describe('Which of its mips.'),
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
      stack: z
        .string()
        .meta(
          about(
            'A .npy or .npy.gz of uint8 or uint16, axes z, y, x; a TIFF of several pages; a folder of images, or a pattern such as `slices/*.png`: every slice becomes a section.',
            'em.npy',
          ),
        ),
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
      layout: z
        .string()
        .meta(
          about(
            'A file that lists the tiles (JSON, CSV or TSV, tile specs of Render, TrakEM2 XML); their files are relative to it.',
            'tiles/layout.json',
          ),
        ),
    }),
  ],
  { error: 'one of: phantom: {...}, stack: FILE, volume: {...}, tiles: [...], layout: FILE' },
)
