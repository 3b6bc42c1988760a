// Reading a grey image between its pixels, and blurring it.

/**
 * Value at (x, y) by Catmull-Rom interpolation (Keys 1981, a = -0.5), in pixels of the image; beyond its border the
 * border repeats. Integer positions give the pixel itself.
 */
export function cubicSample(image: Uint8Array, width: number, height: number, x: number, y: number): number {
  const ix = Math.floor(x)
  const iy = Math.floor(y)
  const t = x - ix
  const s = y - iy
  const a0 = t * (-0.5 + t * (1 - 0.5 * t))
  const a1 = 1 + t * t * (1.5 * t - 2.5)
  const a2 = t * (0.5 + t * (2 - 1.5 * t))
  const a3 = t * t * (0.5 * t - 0.5)
  const x0 = clamp(ix - 1, width)
  const x1 = clamp(ix, width)
  const x2 = clamp(ix + 1, width)
  const x3 = clamp(ix + 2, width)
  let sum = 0
  for (let k = 0; k < 4; k++) {
    const row = width * clamp(iy - 1 + k, height)
    const value = a0 * image[row + x0]! + a1 * image[row + x1]! + a2 * image[row + x2]! + a3 * image[row + x3]!
    const b =
      k === 0
        ? s * (-0.5 + s * (1 - 0.5 * s))
        : k === 1
          ? 1 + s * s * (1.5 * s - 2.5)
          : k === 2
            ? s * (0.5 + s * (2 - 1.5 * s))
            : s * s * (0.5 * s - 0.5)
    sum += b * value
  }
  return sum
}

const clamp = (v: number, size: number): number => (v < 0 ? 0 : v >= size ? size - 1 : v)

/** `times` box filters of half-width `half` along x and y; the border repeats. */
export function boxBlur(image: Uint8Array, width: number, height: number, half: number, times: number): Uint8Array {
  let a = Float64Array.from(image)
  for (let t = 0; t < 2 * times; t++) {
    const b = new Float64Array(a.length)
    const alongX = t % 2 === 0
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let k = -half; k <= half; k++)
          sum += a[alongX ? clamp(x + k, width) + width * y : x + width * clamp(y + k, height)]!
        b[x + width * y] = sum / (2 * half + 1)
      }
    a = b
  }
  return Uint8Array.from(a, Math.round)
}
