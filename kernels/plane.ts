// Images made ready for matching: local mean and contrast taken out, pixels without tissue masked, and halved again and again.

/** `value` is 0 where `mask` is 0. Pixel (i, j) of level n covers 2^n pixels of the image along each axis. */
export interface Plane {
  readonly width: number
  readonly height: number
  readonly value: Float32Array
  readonly mask: Uint8Array
}

const cell = 8
/** Local statistics are taken over (2 reach + 1) cells along each axis. */
const reach = 2

/**
 * Takes out the local mean and standard deviation (over about 40 pixels), so that drift of brightness and contrast has no
 * say, and smooths with a 3 x 3 binomial. Pixels of value 0 are masked: no camera gives it to tissue.
 */
export function flatten(data: Uint8Array, width: number, height: number): Plane {
  const { mean, scale, nx } = localStatistics(data, width, height)
  const flat = new Float32Array(width * height)
  const mask = new Uint8Array(width * height)
  // Per column: the cell to the left, and the weight of the one to the right.
  const left = new Int32Array(width)
  const weight = new Float32Array(width)
  for (let x = 0; x < width; x++) {
    const f = Math.max(0, Math.min(nx - 1, (x + 0.5) / cell - 0.5))
    left[x] = Math.min(nx - 2, Math.floor(f))
    if (nx === 1) left[x] = 0
    weight[x] = nx === 1 ? 0 : f - left[x]!
  }
  const ny = mean.length / nx
  const rowMean = new Float32Array(nx + 1)
  const rowScale = new Float32Array(nx + 1)
  for (let y = 0; y < height; y++) {
    const f = Math.max(0, Math.min(ny - 1, (y + 0.5) / cell - 0.5))
    const j = Math.min(Math.max(0, ny - 2), Math.floor(f))
    const t = f - j
    const below = Math.min(ny - 1, j + 1)
    for (let i = 0; i < nx; i++) {
      rowMean[i] = mean[j * nx + i]! * (1 - t) + mean[below * nx + i]! * t
      rowScale[i] = scale[j * nx + i]! * (1 - t) + scale[below * nx + i]! * t
    }
    for (let x = 0, o = y * width; x < width; x++, o++) {
      const v = data[o]!
      if (v === 0) continue
      const i = left[x]!
      const w = weight[x]!
      mask[o] = 1
      flat[o] =
        (v - rowMean[i]! - (rowMean[i + 1]! - rowMean[i]!) * w) * (rowScale[i]! + (rowScale[i + 1]! - rowScale[i]!) * w)
    }
  }
  return { width, height, value: binomial(flat, width, height, mask), mask }
}

function localStatistics(data: Uint8Array, width: number, height: number) {
  const nx = Math.max(1, Math.ceil(width / cell))
  const ny = Math.max(1, Math.ceil(height / cell))
  const count = new Float64Array(nx * ny)
  const sum = new Float64Array(nx * ny)
  const squares = new Float64Array(nx * ny)
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / cell) * nx
    for (let i = 0; i < nx; i++) {
      const end = Math.min(width, (i + 1) * cell)
      let n = 0
      let s = 0
      let q = 0
      for (let o = y * width + i * cell; o < y * width + end; o++) {
        const v = data[o]!
        if (v === 0) continue
        n++
        s += v
        q += v * v
      }
      count[row + i]! += n
      sum[row + i]! += s
      squares[row + i]! += q
    }
  }
  const mean = new Float32Array(nx * ny)
  const scale = new Float32Array(nx * ny)
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++) {
      let n = 0
      let s = 0
      let q = 0
      for (let l = Math.max(0, j - reach); l <= Math.min(ny - 1, j + reach); l++)
        for (let k = Math.max(0, i - reach); k <= Math.min(nx - 1, i + reach); k++) {
          n += count[l * nx + k]!
          s += sum[l * nx + k]!
          q += squares[l * nx + k]!
        }
      if (n === 0) continue
      const m = s / n
      mean[j * nx + i] = m
      // The summand keeps empty resin from being blown up to full contrast.
      scale[j * nx + i] = 1 / (Math.sqrt(Math.max(0, q / n - m * m)) + 4)
    }
  return { mean, scale, nx }
}

/** 3 x 3 binomial filter; the border repeats; masked pixels stay 0. */
function binomial(a: Float32Array, width: number, height: number, mask: Uint8Array): Float32Array {
  const rows = new Float32Array(a.length)
  for (let y = 0; y < height; y++) {
    const o = y * width
    for (let x = 1; x < width - 1; x++) rows[o + x] = 0.25 * (a[o + x - 1]! + a[o + x + 1]!) + 0.5 * a[o + x]!
    const last = o + width - 1
    rows[o] = width > 1 ? 0.75 * a[o]! + 0.25 * a[o + 1]! : a[o]!
    if (width > 1) rows[last] = 0.75 * a[last]! + 0.25 * a[last - 1]!
  }
  const out = new Float32Array(a.length)
  for (let y = 0; y < height; y++) {
    const o = y * width
    const up = y > 0 ? -width : 0
    const down = y < height - 1 ? width : 0
    for (let i = o; i < o + width; i++) out[i] = mask[i]! * (0.25 * (rows[i + up]! + rows[i + down]!) + 0.5 * rows[i]!)
  }
  return out
}

/** Means of 2 x 2 pixels, a last odd row or column left out; masked unless three of the four are there. */
function halve(p: Plane): Plane {
  const width = p.width >> 1
  const height = p.height >> 1
  const value = new Float32Array(width * height)
  const mask = new Uint8Array(width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0, o = y * width, i = 2 * y * p.width; x < width; x++, o++, i += 2) {
      const j = i + p.width
      if (p.mask[i]! + p.mask[i + 1]! + p.mask[j]! + p.mask[j + 1]! < 3) continue
      mask[o] = 1
      value[o] = 0.25 * (p.value[i]! + p.value[i + 1]! + p.value[j]! + p.value[j + 1]!)
    }
  return { width, height, value, mask }
}

/** The plane and its halvings, `levels` in all, the full one first. */
export function pyramid(p: Plane, levels: number): Plane[] {
  const out = [p]
  while (out.length < levels) out.push(halve(out[out.length - 1]!))
  return out
}
