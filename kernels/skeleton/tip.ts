// The end of a path: where it leaves the middle of its piece for a corner, and how it would go on.
import { map3, type Vec3 } from '../types.ts'

/** How far a tip may be from the middle of its end, in parts of the distance to the boundary there. */
const REACH = 1.5

export interface Turn {
  /** Index in the way, which starts at the tip: the last sample that has the tip in reach and covers it. */
  readonly at: number
  /** The samples straight on from there, half as far again as the tip. */
  readonly onward: readonly number[]
}

/**
 * Undefined where a way is too short to have a direction.
 * @param ball nm along a way that a sample covers: a way that goes around its end may be in reach again farther on, where the tip would be left without cover
 */
export function turnOf(
  way: readonly number[],
  depths: Float32Array,
  shape: Vec3,
  spacing: Vec3,
  ball: (sample: number) => number,
): Turn | undefined {
  const points = way.map(sample => map3(axis => indices(sample, shape)[axis] * spacing[axis]))
  const between = (p: Vec3, q: Vec3): number => Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2])
  const walked = [0]
  for (let i = 1; i < way.length; i++) walked.push(walked[i - 1]! + between(points[i]!, points[i - 1]!))
  const depth = (i: number): number => Math.sqrt(depths[way[i]!]!)
  const at = points.findLastIndex((p, i) => between(p, points[0]!) <= REACH * depth(i) && walked[i]! <= ball(way[i]!))
  const rest = walked[at]!
  const from = points[at]!
  // The direction is that of a stretch twice as long as the piece is thick.
  const back = points.at(walked.findIndex(length => length >= rest + 4 * depth(at)))!
  const far = between(from, back)
  if (far === 0) return undefined
  const step = Math.min(...spacing)
  const onward = Array.from({ length: Math.floor((1.5 * rest) / step) }, (_, i) => {
    const [x, y, z] = map3(a => Math.round((from[a] + ((from[a] - back[a]) * (i + 1) * step) / far) / spacing[a]))
    return x + shape[0] * (y + shape[1] * z)
  })
  return { at, onward }
}

export const indices = (sample: number, [sx, sy]: Vec3): Vec3 => [
  sample % sx,
  Math.floor(sample / sx) % sy,
  Math.floor(sample / (sx * sy)),
]
