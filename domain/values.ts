// What schemas share: kinds of numbers and names, and what a key says of itself.
import { z } from 'zod'

export const int = z.number().int()
export const count = int.min(0)
export const positive = z.number().positive()
export const fraction = z.number().min(0).max(1)
export const regionName = z.string().regex(/^\d+_\d+_\d+$/, 'the grid coordinate of a region, as x_y_z')

/** Keys that may all be left out, for each has a default or goes without; unknown ones are refused. */
export const params = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape).prefault({} as never)

/** Of a key without a default: what it is, and a value that may stand there. */
export const about = (description: string, example: unknown): { description: string; examples: unknown[] } => ({
  description,
  examples: [example],
})
