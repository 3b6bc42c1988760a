// The card of a model: what goes in, what comes out, and what voxels it is for.
import { z } from 'zod'
import { isHillockError, type HillockError } from './errors.ts'
import { AFFINITY, wanted } from './models.ts'
import { Digest } from './recipe.ts'

const range = z.tuple([z.number().positive(), z.number().positive()]).refine(([low, high]) => low <= high, {
  error: 'the smallest voxel size comes first',
})
const axes = z.tuple(['n', 'c', 'z', 'y', 'x'].map(a => z.literal(a)) as never).optional()

const offsets = z.array(z.tuple([z.number().int(), z.number().int(), z.number().int()]))
const halo = z
  .object({ recommended: z.number().int().nonnegative().max(256), exact: z.number().int().optional() })
  .refine(h => h.recommended <= (h.exact ?? Infinity), {
    error: 'recommended is more than exact',
    path: ['recommended'],
  })
const licence = z.string().min(1)
const scaling = z.string().optional()

function cardOf(role: string) {
  const { channels, offsetsZYX } = wanted(role)
  // Cards of affinities are older than these keys, and their stage has a parameter for the halo.
  const bare = role === AFFINITY
  return (
    z
      .object({
        version: z.coerce.string().optional(),
        file: z.string(),
        sha256: Digest,
        input: z.object({
          type: z.literal('uint8'),
          axes,
          channels: z.literal(1),
          spatialMultipleOf: z.number().int().positive().max(256),
          scaling,
        }),
        output: z.object({
          type: z.literal('uint8'),
          axes,
          channels: z.number().int().min(channels),
          /** It lacks so many voxels at each face of the input; without the key it is as large. */
          cropped: z.number().int().positive().optional(),
          scaling,
        }),
        offsetsZYX: offsetsZYX ? offsets : offsets.optional(),
        /** Voxels of context that its output should have: `recommended`, at most what it can see at all. */
        halo: bare ? halo.optional() : halo,
        /** Smallest and largest voxel in nm that it is for: of all axes, or of x, y and z each. */
        voxelSizeRangeNm: z.union([range, z.tuple([range, range, range])]),
        /** What it was trained on. */
        voxelSizeNm: z.tuple([z.number(), z.number(), z.number()]).optional(),
        licence: bare ? licence.optional() : licence,
      })
      // One voxel stays: what a mirror image says of a pair that begins in the block may stand beside it.
      .refine(({ output, halo }) => !output.cropped || output.cropped < (halo?.recommended ?? 0), {
        error: 'it must be less than halo.recommended',
        path: ['output', 'cropped'],
      })
      .transform(({ voxelSizeRangeNm: r, ...card }) => ({
        ...card,
        ranges: (typeof r[0] === 'number' ? [r, r, r] : r) as [number, number][],
      }))
  )
}
export type Card = z.infer<ReturnType<typeof cardOf>>

/** The card of a model of this role, from its JSON. @throws what `fail` makes of the first key that is wrong */
export function parseCard(text: string, role: string, fail: (why: string) => HillockError): Card {
  try {
    const parsed = cardOf(role).safeParse(JSON.parse(text))
    if (parsed.success) return parsed.data
    const { path, message } = parsed.error.issues[0]!
    throw fail(`card.json: ${path.join('.')}: ${message}`)
  } catch (e) {
    throw isHillockError(e) ? e : fail(`card.json is not JSON: ${(e as Error).message}`)
  }
}

/** The first axis, x, y or z, along which a voxel of this size in nm is not what the model is for; -1 where it is along all. */
export const outside = ({ ranges }: Pick<Card, 'ranges'>, sizeNm: readonly number[]): number =>
  sizeNm.findIndex((v, a) => v < ranges[a]![0] || v > ranges[a]![1])
