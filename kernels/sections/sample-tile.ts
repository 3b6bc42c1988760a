// Reads an image between its pixels.

/**
 * Grey at (x, y) by Catmull-Rom interpolation (Keys 1981, a = -0.5), pixel centres at whole numbers; beyond its border the
 * border repeats. Whole positions give the pixel itself.
 */
export function sampleTile(data: Uint8Array, width: number, height: number, x: number, y: number): number {
  const i = Math.floor(x)
  const j = Math.floor(y)
  const t = x - i
  const s = y - j
  const a0 = t * (-0.5 + t * (1 - 0.5 * t))
  const a1 = 1 + t * t * (1.5 * t - 2.5)
  const a2 = t * (0.5 + t * (2 - 1.5 * t))
  const a3 = t * t * (0.5 * t - 0.5)
  const b0 = s * (-0.5 + s * (1 - 0.5 * s))
  const b1 = 1 + s * s * (1.5 * s - 2.5)
  const b2 = s * (0.5 + s * (2 - 1.5 * s))
  const b3 = s * s * (0.5 * s - 0.5)
  const x0 = clamp(i - 1, width)
  const x1 = clamp(i, width)
  const x2 = clamp(i + 1, width)
  const x3 = clamp(i + 2, width)
  const r0 = clamp(j - 1, height) * width
  const r1 = clamp(j, height) * width
  const r2 = clamp(j + 1, height) * width
  const r3 = clamp(j + 2, height) * width
  return (
    b0 * (a0 * data[r0 + x0]! + a1 * data[r0 + x1]! + a2 * data[r0 + x2]! + a3 * data[r0 + x3]!) +
    b1 * (a0 * data[r1 + x0]! + a1 * data[r1 + x1]! + a2 * data[r1 + x2]! + a3 * data[r1 + x3]!) +
    b2 * (a0 * data[r2 + x0]! + a1 * data[r2 + x1]! + a2 * data[r2 + x2]! + a3 * data[r2 + x3]!) +
    b3 * (a0 * data[r3 + x0]! + a1 * data[r3 + x1]! + a2 * data[r3 + x2]! + a3 * data[r3 + x3]!)
  )
}

const clamp = (v: number, size: number): number => (v < 0 ? 0 : v >= size ? size - 1 : v)
