// AssemblyScript of ../sections/plane.ts, which lays out the memory: images with their local mean and contrast taken out, and halved.
//
// Rows are worked off in vectors that may reach beyond the end of a row: what they write there, the next row writes again.

/** Side of a cell, of whose pixels count, sum and sum of squares are taken; `reach` cells to each side have a say. */
const CELL: i32 = 8

/** Pixels of a cell as 16 bits, those beyond the image 0. */
function cellRow(at: usize, inside: i32): v128 {
  const all = v128.load_zero<u64>(at)
  if (inside >= CELL) return i16x8.extend_low_i8x16_u(all)
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  return i16x8.extend_low_i8x16_u(v128.and(all, v128.lt<i8>(lanes, i8x16.splat(<i8>inside))))
}

function total(v: v128): i32 {
  return (
    v128.extract_lane<i32>(v, 0) +
    v128.extract_lane<i32>(v, 1) +
    v128.extract_lane<i32>(v, 2) +
    v128.extract_lane<i32>(v, 3)
  )
}

/** Count, sum and sum of squares of the pixels of each cell that are not 0, as three arrays of 32 bits one behind the other. */
export function cells(data: usize, out: usize, width: i32, height: i32, nx: i32, ny: i32): void {
  const size = <usize>(4 * nx * ny)
  for (let j = 0; j < ny; j++)
    for (let i = 0; i < nx; i++, out += 4) {
      let zeros = i16x8.splat(0)
      let sum = i32x4.splat(0)
      let squares = i32x4.splat(0)
      const inside = width - i * CELL
      const rows = min(CELL, height - j * CELL)
      let at = data + <usize>(j * CELL * width + i * CELL)
      for (let y = 0; y < rows; y++, at += width) {
        const v = cellRow(at, inside)
        zeros = v128.sub<i16>(zeros, v128.ne<i16>(v, i16x8.splat(0)))
        sum = v128.add<i32>(sum, i32x4.extadd_pairwise_i16x8_u(v))
        squares = v128.add<i32>(squares, i32x4.dot_i16x8_s(v, v))
      }
      store<i32>(out, total(i32x4.extadd_pairwise_i16x8_u(zeros)))
      store<i32>(out + size, total(sum))
      store<i32>(out + 2 * size, total(squares))
    }
}

/** Sums over up to `reach` cells to both sides along one axis, of `lines` lines of `length` cells each. */
export function around(
  from: usize,
  to: usize,
  lines: i32,
  nextLine: usize,
  length: i32,
  next: usize,
  reach: i32,
): void {
  for (let l = 0; l < lines; l++, from += nextLine, to += nextLine)
    for (let i = 0; i < length; i++) {
      let sum = 0
      for (let k = max(0, i - reach); k <= min(length - 1, i + reach); k++) sum += load<i32>(from + <usize>k * next)
      store<i32>(to + <usize>i * next, sum)
    }
}

/** Mean and one over the standard deviation, 32 bits each, in place of sum and sum of squares. The summand keeps empty resin from full contrast. */
export function moments(at: usize, n: usize): void {
  for (let i: usize = 0; i < n; i++, at += 4) {
    const count = <f64>load<i32>(at)
    const mean = count > 0 ? <f64>load<i32>(at + 4 * n) / count : 0
    const square = count > 0 ? <f64>load<i32>(at + 8 * n) / count : 0
    store<f32>(at + 4 * n, <f32>mean)
    store<f32>(at + 8 * n, count > 0 ? <f32>(1 / (Math.sqrt(max(0, square - mean * mean)) + 4)) : 0)
  }
}

/** A row of cells between two, with its ends once more at both ends. */
function blend(above: usize, below: usize, share: f32, out: usize, nx: i32): void {
  for (let i = 0; i < nx; i++)
    store<f32>(
      out + <usize>(i + 1) * 4,
      load<f32>(above + <usize>i * 4) * (1 - share) + load<f32>(below + <usize>i * 4) * share,
    )
  store<f32>(out, load<f32>(out, 4))
  store<f32>(out + <usize>(nx + 1) * 4, load<f32>(out + <usize>nx * 4))
}

/** Pixels less the mean, over the deviation, both linear between the middles of the cells; 0, as in the mask, where the pixel is 0. */
export function normalise(
  data: usize,
  mean: usize,
  scale: usize,
  lines: usize,
  flat: usize,
  mask: usize,
  width: i32,
  height: i32,
  nx: i32,
  ny: i32,
): void {
  const scales = lines + <usize>(nx + 2) * 4
  const near = f32x4(0.0625, 0.1875, 0.3125, 0.4375)
  const far = f32x4(0.5625, 0.6875, 0.8125, 0.9375)
  for (let y = 0; y < height; y++) {
    const at = max<f32>(0, min<f32>(<f32>(ny - 1), (<f32>y + 0.5) / <f32>CELL - 0.5))
    const above = <i32>at
    const share = at - <f32>above
    const here = <usize>(above * nx) * 4
    const below = <usize>(min(above + 1, ny - 1) * nx) * 4
    blend(mean + here, mean + below, share, lines, nx)
    blend(scale + here, scale + below, share, scales, nx)
    for (let x = 0; x < width; x += 4) {
      const cell = <usize>((x + 4) >> 3) * 4
      const weight = x & 4 ? near : far
      const m = load<f32>(lines + cell)
      const s = load<f32>(scales + cell)
      const means = v128.add<f32>(f32x4.splat(m), v128.mul<f32>(f32x4.splat(load<f32>(lines + cell, 4) - m), weight))
      const over = v128.add<f32>(f32x4.splat(s), v128.mul<f32>(f32x4.splat(load<f32>(scales + cell, 4) - s), weight))
      const o = <usize>(y * width + x)
      const grey = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load_zero<u32>(data + o)))
      const seen = v128.ne<i32>(grey, i32x4.splat(0))
      const value = v128.mul<f32>(v128.sub<f32>(f32x4.convert_i32x4_s(grey), means), over)
      v128.store(flat + 4 * o, v128.and(value, seen))
      storeMask(mask + o, seen)
    }
  }
}

/** Four lanes of all bits or none, as bytes of 1 or 0. */
function storeMask(at: usize, lanes: v128): void {
  const words = i16x8.narrow_i32x4_s(lanes, lanes)
  const bytes = v128.and(i8x16.narrow_i16x8_s(words, words), i8x16.splat(1))
  store<u32>(at, v128.extract_lane<u32>(bytes, 0))
}

function quarters(a: v128, b: v128, c: v128): v128 {
  return v128.add<f32>(v128.mul<f32>(f32x4.splat(0.25), v128.add<f32>(a, c)), v128.mul<f32>(f32x4.splat(0.5), b))
}

/** 3 x 3 binomial filter; the border repeats; masked pixels stay 0. `rows` is scratch for an image and a vector before it. */
export function binomial(flat: usize, rows: usize, mask: usize, out: usize, width: i32, height: i32): void {
  const row = <usize>width * 4
  const last = row - 4
  for (let y = 0; y < height; y++) {
    const from = flat + <usize>y * row
    const to = rows + <usize>y * row
    for (let x: usize = 4; x < last; x += 16)
      v128.store(to + x, quarters(v128.load(from + x - 4), v128.load(from + x), v128.load(from + x + 4)))
    const second: usize = min<usize>(4, last)
    store<f32>(to, 0.75 * load<f32>(from) + 0.25 * load<f32>(from + second))
    store<f32>(to + last, 0.75 * load<f32>(from + last) + 0.25 * load<f32>(from + last - second))
  }
  for (let y = 0; y < height; y++) {
    const here = rows + <usize>y * row
    const up = y > 0 ? here - row : here
    const down = y < height - 1 ? here + row : here
    for (let x: usize = 0; x < row; x += 16) {
      const seen = i32x4.extend_low_i16x8_u(
        i16x8.extend_low_i8x16_u(v128.load_zero<u32>(mask + (<usize>y * row + x) / 4)),
      )
      const v = quarters(v128.load(up + x), v128.load(here + x), v128.load(down + x))
      v128.store(out + <usize>y * row + x, v128.and(v, v128.neg<i32>(seen)))
    }
  }
}

/** Means of 2 x 2 pixels, a last odd row or column left out; masked unless three of the four are there. */
export function halve(value: usize, mask: usize, out: usize, outMask: usize, width: i32, height: i32): void {
  const w = <usize>width >> 1
  const h = <usize>height >> 1
  for (let y: usize = 0; y < h; y++)
    for (let x: usize = 0; x < w; x += 4) {
      const from = (y * <usize>width + x) * 2
      const above = value + 4 * from
      const below = above + <usize>width * 4
      const left = v128.add<f32>(v128.load(above), v128.load(below))
      const right = v128.add<f32>(v128.load(above, 16), v128.load(below, 16))
      const sum = v128.add<f32>(v128.shuffle<f32>(left, right, 0, 2, 4, 6), v128.shuffle<f32>(left, right, 1, 3, 5, 7))
      const seen = v128.add<i8>(v128.load_zero<u64>(mask + from), v128.load_zero<u64>(mask + from + <usize>width))
      const count = i32x4.extend_low_i16x8_u(i16x8.extadd_pairwise_i8x16_u(seen))
      const enough = v128.ge<i32>(count, i32x4.splat(3))
      const o = y * w + x
      v128.store(out + 4 * o, v128.and(v128.mul<f32>(sum, f32x4.splat(0.25)), enough))
      storeMask(outMask + o, enough)
    }
}
