// Sampling of tiles at section positions: inverse shift, cubic interpolation, brightness of the lamp.
import type { SectionStitch, TileTransform } from './section-types.ts'

/** Catmull-Rom weights of the pixels at -1, 0, 1, 2 for the fraction t: exact at t = 0. */
function weights(t: number, out: Float64Array): void {
  const [t2, t3] = [t * t, t * t * t]
  out[0] = 0.5 * (-t + 2 * t2 - t3)
  out[1] = 0.5 * (2 - 5 * t2 + 3 * t3)
  out[2] = 0.5 * (t + 4 * t2 - 3 * t3)
  out[3] = 0.5 * (-t2 + t3)
}

const wx = new Float64Array(4)
const wy = new Float64Array(4)

/** Grey value at (x, y), pixel centres at whole numbers; pixels beyond the edge repeat it. */
export function cubic(data: Uint8Array, width: number, height: number, x: number, y: number): number {
  const [i, j] = [Math.floor(x), Math.floor(y)]
  if (x === i && y === j) return data[j * width + i]!
  weights(x - i, wx)
  weights(y - j, wy)
  let sum = 0
  for (let v = 0; v < 4; v++) {
    const row = Math.max(0, Math.min(height - 1, j + v - 1)) * width
    let line = 0
    for (let u = 0; u < 4; u++) line += wx[u]! * data[row + Math.max(0, Math.min(width - 1, i + u - 1))]!
    sum += wy[v]! * line
  }
  return sum
}

/** Tile pixel at a section position: transforms of this project move a tile without turning it. */
export const toTile = (t: TileTransform, x: number, y: number): [number, number] => [x - t.affine[2], y - t.affine[5]]

/** Relative brightness at a pixel of a tile: bilinear between the nodes, which span the first to the last pixel. */
export function brightness(light: SectionStitch['illumination'], x: number, y: number, width: number, height: number): number {
  const fx = Math.max(0, Math.min(1, x / (width - 1))) * (light.nx - 1)
  const fy = Math.max(0, Math.min(1, y / (height - 1))) * (light.ny - 1)
  const [i, j] = [Math.min(light.nx - 2, Math.floor(fx)), Math.min(light.ny - 2, Math.floor(fy))]
  const [u, v] = [fx - i, fy - j]
  const k = j * light.nx + i
  const g = light.gain
  return (g[k]! * (1 - u) + g[k + 1]! * u) * (1 - v) + (g[k + light.nx]! * (1 - u) + g[k + light.nx + 1]! * u) * v
}
