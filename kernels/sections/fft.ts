// Fast Fourier transform of complex 2-D arrays whose sides are powers of two.

export type Spectrum = Readonly<Record<'width' | 'height', number> & Record<'re' | 'im', Float64Array>>

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
  const angles = Float64Array.from({ length: n / 2 }, (_, i) => (2 * Math.PI * i) / n)
  const reversed = new Uint32Array(n)
  for (let i = 1; i < n; i++) reversed[i] = (reversed[i >> 1]! >> 1) | (i & 1 ? n >> 1 : 0)
  const made = { cos: angles.map(Math.cos), sin: angles.map(Math.sin), reversed }
  plans.set(n, made)
  return made
}

/**
 * Transforms in place along both axes (Cooley-Tukey, radix 2). The inverse is not scaled: forward and back multiplies by
 * width * height.
 * @throws RangeError when a side is no power of two
 */
export function fft2({ width, height, re, im }: Spectrum, inverse: boolean): void {
  if (nextPowerOfTwo(width) !== width || nextPowerOfTwo(height) !== height)
    throw new RangeError(`${width} x ${height} are no powers of two`)
  // Whole rows are the elements of a transform down the columns, so that memory is read in order; rows take a turn for it.
  for (const a of [re, im]) a.set(transposed(a, width, height))
  transformColumns(re, im, height, width, inverse)
  for (const a of [re, im]) a.set(transposed(a, height, width))
  transformColumns(re, im, width, height, inverse)
}

function transposed(a: Float64Array, width: number, height: number): Float64Array {
  const out = new Float64Array(a.length)
  for (let y = 0, i = 0; y < height; y++) for (let x = 0, o = y; x < width; x++, i++, o += height) out[o] = a[i]!
  return out
}

function transformColumns(re: Float64Array, im: Float64Array, width: number, n: number, inverse: boolean): void {
  const { cos, sin, reversed } = plan(n)
  for (let y = 0; y < n; y++)
    if (reversed[y]! > y)
      for (let i = y * width, j = reversed[y]! * width; i < (y + 1) * width; i++, j++) {
        const r = re[i]!
        const m = im[i]!
        re[i] = re[j]!
        im[i] = im[j]!
        re[j] = r
        im[j] = m
      }
  const sign = inverse ? 1 : -1
  for (let half = 1; half < n; half *= 2)
    for (let y = 0; y < n; y += 2 * half)
      for (let k = 0; k < half; k++) {
        const c = cos[(k * n) / (2 * half)]!
        const d = sign * sin[(k * n) / (2 * half)]!
        const top = (y + k) * width
        for (let i = top, j = top + half * width; i < top + width; i++, j++) {
          const r = re[j]! * c - im[j]! * d
          const m = re[j]! * d + im[j]! * c
          re[j] = re[i]! - r
          im[j] = im[i]! - m
          re[i] = re[i]! + r
          im[i] = im[i]! + m
        }
      }
}
