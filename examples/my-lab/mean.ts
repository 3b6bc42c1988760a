// The kernel of our stage: pure arithmetic on voxels, x fastest.
import type { Box } from 'hillock/domain'

const shapeOf = ({ min, max }: Box): [number, number, number] => [max[0] - min[0], max[1] - min[1], max[2] - min[2]]

/** Of `em`, which fills `outer`, the mean over a cube around each voxel of `box`; beyond `outer` nothing counts. */
export function mean(em: Uint8Array, outer: Box, box: Box, radius: number): Uint8Array<ArrayBuffer> {
  const [ox, oy, oz] = shapeOf(outer)
  const [sx, sy, sz] = shapeOf(box)
  const [fx, fy, fz] = [0, 1, 2].map(a => box.min[a]! - outer.min[a]!) as [number, number, number]
  const out = new Uint8Array(sx * sy * sz)
  const range = (at: number, end: number): [number, number] => [
    Math.max(0, at - radius),
    Math.min(end - 1, at + radius),
  ]
  for (let i = 0; i < out.length; i++) {
    const [x0, x1] = range((i % sx) + fx, ox)
    const [y0, y1] = range((Math.floor(i / sx) % sy) + fy, oy)
    const [z0, z1] = range(Math.floor(i / (sx * sy)) + fz, oz)
    let sum = 0
    for (let z = z0; z <= z1; z++)
      for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) sum += em[x + ox * (y + oy * z)]!
    out[i] = Math.round(sum / ((x1 - x0 + 1) * (y1 - y0 + 1) * (z1 - z0 + 1)))
  }
  return out
}
