// Walking a volume line by line.
import type { Vec3 } from './types.ts'

/** Runs `line` over every line of voxels along each axis in turn. */
export function alongAxes(
  [sx, sy, sz]: Vec3,
  line: (first: number, stride: number, length: number, axis: 0 | 1 | 2) => void,
): void {
  const plane = sx * sy
  for (let first = 0; first < plane * sz; first += sx) line(first, 1, sx, 0)
  for (let z = 0; z < sz; z++) for (let x = 0; x < sx; x++) line(x + plane * z, sx, sy, 1)
  for (let yx = 0; yx < plane; yx++) line(yx, plane, sz, 2)
}
