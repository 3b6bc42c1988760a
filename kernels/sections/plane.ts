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

/** Per pixel of an axis: the cell to the left of it, and how far it is from its middle to that of the next, 0..1. */
function betweenCells(size: number, cells: number): { left: Int32Array; share: Float64Array } {
  const at = Float64Array.from({ length: size }, (_, i) => Math.max(0, Math.min(cells - 1, (i + 0.5) / cell - 0.5)))
  const left = Int32Array.from(at, f => Math.min(Math.max(0, cells - 2), Math.floor(f)))
  return { left, share: at.map((f, i) => f - left[i]!) }
}

/**
 * Takes out the local mean and standard deviation (over about 40 pixels), so that drift of brightness and contrast has no
 * say, and smooths with a 3 x 3 binomial. Pixels of value 0 are masked: no camera gives it to tissue.
 */
export function flatten(data: Uint8Array, width: number, height: number): Plane {
  const nx = Math.max(1, Math.ceil(width / cell))
  const ny = Math.max(1, Math.ceil(height / cell))
  const { mean, scale } = localStatistics(data, width, height, nx, ny)
  const flat = new Float32Array(width * height)
  const mask = new Uint8Array(width * height)
  const across = betweenCells(width, nx)
  const down = betweenCells(height, ny)
  const weight = Float32Array.from(across.share)
  const rowMean = new Float32Array(nx + 1)
  const rowScale = new Float32Array(nx + 1)
  for (let y = 0, o = 0; y < height; y++) {
    const here = down.left[y]! * nx
    const below = Math.min(ny - 1, down.left[y]! + 1) * nx
    const t = down.share[y]!
    for (let i = 0; i < nx; i++) {
      rowMean[i] = mean[here + i]! * (1 - t) + mean[below + i]! * t
      rowScale[i] = scale[here + i]! * (1 - t) + scale[below + i]! * t
    }
    for (let x = 0; x < width; x++, o++) {
      const v = data[o]!
      if (v === 0) continue
      const i = across.left[x]!
      const w = weight[x]!
      mask[o] = 1
      flat[o] =
        (v - rowMean[i]! - (rowMean[i + 1]! - rowMean[i]!) * w) * (rowScale[i]! + (rowScale[i + 1]! - rowScale[i]!) * w)
    }
  }
  return { width, height, value: binomial(flat, width, height, mask), mask }
}

function localStatistics(data: Uint8Array, width: number, height: number, nx: number, ny: number) {
  const count = new Float64Array(nx * ny)
  const sum = new Float64Array(nx * ny)
  const squares = new Float64Array(nx * ny)
  for (let y = 0, o = 0; y < height; y++)
    for (let i = 0, at = Math.floor(y / cell) * nx; i < nx; i++, at++)
      for (const end = y * width + Math.min(width, (i + 1) * cell); o < end; o++) {
        const v = data[o]!
        if (v === 0) continue
        count[at]!++
        sum[at]! += v
        squares[at]! += v * v
      }
  const mean = new Float32Array(nx * ny)
  const scale = new Float32Array(nx * ny)
  for (let j = 0, at = 0; j < ny; j++)
    for (let i = 0; i < nx; i++, at++) {
      let [n, s, q] = [0, 0, 0]
      for (let l = Math.max(0, j - reach); l <= Math.min(ny - 1, j + reach); l++)
        for (let k = Math.max(0, i - reach); k <= Math.min(nx - 1, i + reach); k++) {
          n += count[l * nx + k]!
          s += sum[l * nx + k]!
          q += squares[l * nx + k]!
        }
      if (n === 0) continue
      const m = s / n
      mean[at] = m
      // The summand keeps empty resin from being blown up to full contrast.
      scale[at] = 1 / (Math.sqrt(Math.max(0, q / n - m * m)) + 4)
    }
  return { mean, scale }
}

/** 3 x 3 binomial filter; the border repeats; masked pixels stay 0. */
function binomial(a: Float32Array, width: number, height: number, mask: Uint8Array): Float32Array {
  const rows = new Float32Array(a.length)
  for (let o = 0; o < a.length; o += width) {
    const last = o + width - 1
    for (let i = o + 1; i < last; i++) rows[i] = 0.25 * (a[i - 1]! + a[i + 1]!) + 0.5 * a[i]!
    rows[o] = width > 1 ? 0.75 * a[o]! + 0.25 * a[o + 1]! : a[o]!
    if (width > 1) rows[last] = 0.75 * a[last]! + 0.25 * a[last - 1]!
  }
  const out = new Float32Array(a.length)
  for (let y = 0, i = 0; y < height; y++) {
    const up = y > 0 ? -width : 0
    const down = y < height - 1 ? width : 0
    for (let x = 0; x < width; x++, i++) out[i] = mask[i]! * (0.25 * (rows[i + up]! + rows[i + down]!) + 0.5 * rows[i]!)
  }
  return out
}

/** Means of 2 x 2 pixels, a last odd row or column left out; masked unless three of the four are there. */
export function halve(p: Plane): Plane {
  const width = p.width >> 1
  const height = p.height >> 1
  const value = new Float32Array(width * height)
  const mask = new Uint8Array(width * height)
  for (let y = 0, o = 0; y < height; y++)
    for (let x = 0, i = 2 * y * p.width, j = i + p.width; x < width; x++, o++, i += 2, j += 2) {
      if (p.mask[i]! + p.mask[i + 1]! + p.mask[j]! + p.mask[j + 1]! < 3) continue
      mask[o] = 1
      value[o] = 0.25 * (p.value[i]! + p.value[i + 1]! + p.value[j]! + p.value[j + 1]!)
    }
  return { width, height, value, mask }
}

/** The flattened image and its halvings, `levels` in all, the full one first. */
export function flatPyramid(data: Uint8Array, width: number, height: number, levels: number): Plane[] {
  const out = [flatten(data, width, height)]
  while (out.length < levels) out.push(halve(out.at(-1)!))
  return out
}
