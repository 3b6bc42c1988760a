// Fast Fourier transform of complex 2-D arrays whose sides are powers of two.

export interface Spectrum {
  readonly width: number
  readonly height: number
  readonly re: Float64Array
  readonly im: Float64Array
}

export const nextPowerOfTwo = (n: number): number => {
  let p = 1
  while (p < n) p *= 2
  return p
}

interface Plan {
  readonly cos: Float64Array
  readonly sin: Float64Array
  readonly reversed: Uint32Array
}

/** Tables depend on the length alone, so that keeping them changes no result. */
const plans = new Map<number, Plan>()

function plan(n: number): Plan {
  const known = plans.get(n)
  if (known) return known
  const cos = new Float64Array(n / 2)
  const sin = new Float64Array(n / 2)
  for (let i = 0; i < n / 2; i++) {
    cos[i] = Math.cos((2 * Math.PI * i) / n)
    sin[i] = Math.sin((2 * Math.PI * i) / n)
  }
  const reversed = new Uint32Array(n)
  for (let i = 1; i < n; i++) reversed[i] = (reversed[i >> 1]! >> 1) | (i & 1 ? n >> 1 : 0)
  const made = { cos, sin, reversed }
  plans.set(n, made)
  return made
}

/**
 * Transforms in place along both axes (Cooley-Tukey, radix 2). The inverse is not scaled: forward and back multiplies by
 * width * height.
 * @throws RangeError when a side is no power of two
 */
export function fft2(s: Spectrum, inverse: boolean): void {
  const { width, height, re, im } = s
  if (nextPowerOfTwo(width) !== width || nextPowerOfTwo(height) !== height)
    throw new RangeError(`${width} x ${height} are no powers of two`)
  for (let y = 0; y < height; y++) transformRow(re, im, y * width, width, inverse)
  transformColumns(re, im, width, height, inverse)
}

function transformRow(re: Float64Array, im: Float64Array, start: number, n: number, inverse: boolean): void {
  const { cos, sin, reversed } = plan(n)
  for (let i = 0; i < n; i++) {
    const j = reversed[i]!
    if (j <= i) continue
    const a = start + i
    const b = start + j
    const r = re[a]!
    const m = im[a]!
    re[a] = re[b]!
    im[a] = im[b]!
    re[b] = r
    im[b] = m
  }
  const sign = inverse ? 1 : -1
  for (let half = 1; half < n; half *= 2) {
    const step = n / (2 * half)
    for (let k = 0; k < half; k++) {
      const c = cos[k * step]!
      const d = sign * sin[k * step]!
      for (let i = start + k; i < start + n; i += 2 * half) {
        const j = i + half
        const r = re[j]! * c - im[j]! * d
        const m = re[j]! * d + im[j]! * c
        re[j] = re[i]! - r
        im[j] = im[i]! - m
        re[i] = re[i]! + r
        im[i] = im[i]! + m
      }
    }
  }
}

/** Whole rows are the elements here, so that memory is read in order. */
function transformColumns(re: Float64Array, im: Float64Array, width: number, n: number, inverse: boolean): void {
  const { cos, sin, reversed } = plan(n)
  for (let i = 0; i < n; i++) {
    const j = reversed[i]!
    if (j <= i) continue
    for (let x = 0; x < width; x++) {
      const a = i * width + x
      const b = j * width + x
      const r = re[a]!
      const m = im[a]!
      re[a] = re[b]!
      im[a] = im[b]!
      re[b] = r
      im[b] = m
    }
  }
  const sign = inverse ? 1 : -1
  for (let half = 1; half < n; half *= 2) {
    const step = n / (2 * half)
    for (let i0 = 0; i0 < n; i0 += 2 * half)
      for (let k = 0; k < half; k++) {
        const c = cos[k * step]!
        const d = sign * sin[k * step]!
        const top = (i0 + k) * width
        const below = (i0 + k + half) * width
        for (let x = 0; x < width; x++) {
          const i = top + x
          const j = below + x
          const r = re[j]! * c - im[j]! * d
          const m = re[j]! * d + im[j]! * c
          re[j] = re[i]! - r
          im[j] = im[i]! - m
          re[i] = re[i]! + r
          im[i] = im[i]! + m
        }
      }
  }
}
