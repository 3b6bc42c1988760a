// What synthetic specimen to make: shape, seed, look, distortions and planted defects.
import { z } from 'zod'
import { Shape } from './geometry.ts'

const factor = (standard: number, most: number) => z.number().min(0).max(most).default(standard)

const defectKinds = ['missing', 'blank', 'truncated', 'fold', 'blur'] as const

const Defect = z.strictObject({
  kind: z.enum(defectKinds),
  section: z.number().int().min(0),
  /** "r0c1"; without it every tile of the section. */
  tile: z
    .string()
    .regex(/^r\d+c\d+$/)
    .optional(),
})

/** Amplitudes of what the microscope does to a section; all 0 gives clean, exactly placed tiles. */
const Distortion = z.strictObject({
  /** Largest stage error of a tile, pixels. */
  jitterPx: factor(3, 20),
  /** Largest rotation of a section, degrees. */
  rotationDeg: factor(0.3, 2),
  /** Root-mean-square smooth deformation of a section, pixels. */
  warpPx: factor(1.5, 6),
  /** Loss of light in the corners of a tile, fraction. */
  illumination: factor(0.15, 0.6),
  /** Root-mean-square change of contrast between sections, fraction. */
  drift: factor(0.06, 0.4),
  /** Standard deviation of shot noise at mid grey, grey levels. */
  noise: factor(6, 40),
})

/** The seeded synthetic specimen; lengths in voxels unless they say otherwise. */
export const PhantomSpec = z
  .strictObject({
    /** x, y, z; z is the number of sections. */
    size: Shape.default([384, 256, 128]),
    voxelSizeNm: z.number().positive().default(10),
    seed: z.number().int().min(0).max(0x7fffffff).default(1),
    /** Radius range of thick neurites; thinner ones fill the space between. */
    calibre: z
      .tuple([z.number().min(8), z.number().max(60)])
      .readonly()
      .default([16, 30]),
    voxelsPerSynapse: z.number().int().min(20_000).default(80_000),
    tiles: z
      .strictObject({
        shape: z.tuple([z.number().int().min(32), z.number().int().min(32)]).readonly(),
        overlap: z.number().int().min(0),
      })
      .default({ shape: [208, 144], overlap: 32 }),
    distortion: Distortion.prefault({}),
    defects: z.array(Defect).readonly().default([]),
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
