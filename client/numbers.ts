// Boxes and vectors as they are given on the command line.
import { HillockError } from '../domain/errors.ts'
import { Box, type Vec3 } from '../domain/geometry.ts'

/** @throws HillockError ConfigError when the text is no box. */
export function boxOf(text: string): Box {
  const [min, max] = text.split(':').map(corner => corner.split(',').map(Number))
  const parsed = Box.safeParse({ min, max })
  if (!parsed.success)
    throw new HillockError(
      'ConfigError',
      `--box ${text}: give it as x0,y0,z0:x1,y1,z1 in voxels, each first below the second`,
    )
  return parsed.data
}

/** Three numbers above 0, `x,y,z`. @throws HillockError ConfigError */
export function vectorOf(option: string, text: string): Vec3 {
  const v = text.split(',').map(Number)
  if (v.length !== 3 || v.some(n => !(n > 0)))
    throw new HillockError('ConfigError', `${option} ${text}: give it as x,y,z`)
  return [v[0]!, v[1]!, v[2]!]
}
