// What the query API takes and gives: the words that its endpoints are made of.
import { z } from 'zod'

const UINT64 = 'an id is a whole number up to 2^64 - 1, in decimals'

/** A uint64 as text: JSON has no number for it. */
export const Id = z
  .string()
  .regex(/^\d{1,20}$/, { error: UINT64, abort: true })
  .refine(s => BigInt(s) < 1n << 64n, UINT64)
  .meta({ description: 'A uint64 in decimals.', examples: ['1125899906842631'] })

export const Dataset = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'that cannot be the name of a dataset')
  .meta({ description: 'Name of a dataset.', examples: ['demo'] })

export const ReleaseName = z
  .string()
  .min(1)
  .max(128)
  .meta({
    description:
      'A release, a channel (published, candidate), or a time as 2026-11-27T06:00:00Z: the release that `published` named then. The header `hillock-release` says which release answers.',
    examples: ['published'],
  })

const coordinate = '-?\\d{1,15}(?:\\.\\d{1,15})?'
const numbers = (count: number, name: string, example: string) =>
  z
    .string()
    .regex(new RegExp(`^${coordinate}(?:,${coordinate}){${count - 1}}$`), `${name} has ${count} numbers: ${example}`)
    .meta({ description: `${count} numbers in voxels, separated by commas.`, examples: [example] })

/** Voxels of mip 0, counted from the dataset's origin. */
export const PointText = numbers(3, 'a point', '10,20,30')
export const BoxText = numbers(6, 'a box', '0,0,0,64,64,64').meta({
  description: 'First voxel, and the one behind the last: x0,y0,z0,x1,y1,z1.',
  examples: ['0,0,0,64,64,64'],
})
/** A list, not a tuple: documents of OpenAPI and their readers differ in how they write tuples. */
export const Point = z.array(z.number()).length(3, 'a point has three numbers: [x, y, z]')

export const MOST_POINTS = 10_000
export const MOST_ROWS = 10_000
export const MOST_SQL_ROWS = 1_000_000

const whole = (min: number, max: number) => z.coerce.number<string | number>().int().min(min).max(max)
export const Limit = whole(1, MOST_ROWS)
  .default(1000)
  .meta({ description: 'Rows of a page of JSON. Arrow and Parquet have all rows unless a limit is given.' })
export const Offset = whole(0, 2 ** 40)
  .default(0)
  .meta({ description: 'Rows before the page.' })
export const Mip = whole(0, 31).default(0).meta({ description: 'Downsampling: 0 is the finest.' })
export const Level = whole(0, 31).optional().meta({ description: '0 is the finest; the coarsest if left out.' })
export const Hops = whole(1, 8).default(5).meta({ description: 'Synapses on the way, at most.' })
export const Count = whole(1, 2 ** 32 - 1).default(1)
export const Score = z.coerce.number<string | number>().min(0).max(1)

const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()])
export const Columns = z.array(
  z.object({ name: z.string(), type: z.enum(['id', 'integer', 'number', 'boolean', 'text']) }),
)
export const Row = z.record(z.string(), Cell)
export type Row = z.infer<typeof Row>

export const Rows = z.object({
  /** Which release answered. */
  release: z.string(),
  columns: Columns,
  rows: z.array(Row),
  next: z
    .string()
    .nullable()
    .meta({ description: 'Address of the next page, of the same release; null after the last.' }),
})
export const SqlRows = Rows.omit({ next: true }).extend({
  complete: z.boolean().meta({ description: 'False where there are more rows than were asked for.' }),
})

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().meta({ description: 'What is wrong.' }),
    todo: z.string().meta({ description: 'What to do.' }),
  })
  .meta({ description: 'RFC 9457, with what to do.' })
export type Problem = z.infer<typeof Problem>
