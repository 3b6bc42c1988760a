// What synthetic specimen to make: shape, seed, look, distortions and planted defects.
import { z } from 'zod'
import { Shape } from '../geometry.ts'
import { about, count, int, positive } from '../values.ts'

const factor = (standard: number, most: number) => z.number().min(0).max(most).default(standard)

const defectKinds = ['missing', 'blank', 'truncated', 'fold', 'blur'] as const

const Defect = z.strictObject({
  kind: z.enum(defectKinds).describe('What is wrong.'),
  section: count.meta(about('Where.', 20)),
  tile: z
    .string()
    .regex(/^r\d+c\d+$/)
    .optional()
    .meta(about('"r0c1"; without it every tile of the section.', 'r0c1')),
})

/** Amplitudes of what the microscope does to a section; all 0 gives clean, exactly placed tiles. */
const Distortion = z.strictObject({
  jitterPx: factor(3, 20).describe('Largest stage error of a tile, pixels.'),
  rotationDeg: factor(0.3, 2).describe('Largest rotation of a section, degrees.'),
  warpPx: factor(1.5, 6).describe('Root-mean-square smooth deformation of a section, pixels.'),
  illumination: factor(0.15, 0.6).describe('Loss of light in the corners of a tile, fraction.'),
  drift: factor(0.06, 0.4).describe('Root-mean-square change of contrast between sections, fraction.'),
  noise: factor(6, 40).describe('Standard deviation of shot noise at mid grey, grey levels.'),
})

/** The seeded synthetic specimen; lengths in voxels unless they say otherwise. */
export const PhantomSpec = z
  .strictObject({
    size: Shape.default([384, 256, 128]).describe('x, y, z; z is the number of sections.'),
    voxelSizeNm: positive.default(10).describe('Edge of its cubic voxels, in nanometres.'),
    seed: count.max(0x7fffffff).default(1).describe('Another seed is another specimen.'),
    calibre: z
      .tuple([z.number().min(8), z.number().max(60)])
      .readonly()
      .default([16, 30])
      .describe('Radius range of thick neurites; thinner ones fill the space between.'),
    voxelsPerSynapse: int.min(20_000).default(80_000).describe('One synapse in so many voxels.'),
    tiles: z
      .strictObject({
        shape: z
          .tuple([int.min(32), int.min(32)])
          .readonly()
          .meta(about('Width and height of a tile, in pixels.', [208, 144])),
        overlap: count.meta(about('Of neighbouring tiles, in pixels.', 32)),
      })
      .default({ shape: [208, 144], overlap: 32 })
      .describe('How a section is cut into images.'),
    distortion: Distortion.prefault({}).describe(
      'What the microscope does to it; all 0 gives clean, exactly placed tiles.',
    ),
    defects: z.array(Defect).readonly().default([]).describe('Planted faults.'),
  })
  .superRefine((spec, context) => {
    if (spec.calibre[0] > spec.calibre[1])
      context.addIssue({ code: 'custom', path: ['calibre'], message: 'the least radius comes first' })
    if (spec.tiles.overlap * 2 > Math.min(...spec.tiles.shape))
      context.addIssue({ code: 'custom', path: ['tiles', 'overlap'], message: 'tiles overlap by half at most' })
    const steps = spec.tiles.shape.map((side, a) =>
      Math.max(1, Math.ceil((spec.size[a]! - spec.tiles.overlap) / (side - spec.tiles.overlap))),
    )
    for (const [i, { section, tile }] of spec.defects.entries()) {
      if (section >= spec.size[2])
        context.addIssue({ code: 'custom', path: ['defects', i, 'section'], message: 'there is no such section' })
      const place = tile?.slice(1).split('c').map(Number)
      if (place && (place[0]! >= steps[1]! || place[1]! >= steps[0]!))
        context.addIssue({ code: 'custom', path: ['defects', i, 'tile'], message: 'there is no such tile' })
    }
  })
export type PhantomSpec = z.infer<typeof PhantomSpec>
