// AssemblyScript of ../sections/phase-correlation.ts, which lays out the memory: Fourier transforms of images, and their phase correlation.

/** Rows of a matrix of 32 bits become columns. Sides are multiples of four. */
export function transpose(from: usize, to: usize, width: usize, height: usize): void {
  const row = width * 4
  const turned = height * 4
  for (let y: usize = 0; y < height; y += 4)
    for (let x: usize = 0; x < width; x += 4) {
      const at = from + y * row + x * 4
      const a = v128.load(at)
      const b = v128.load(at + row)
      const c = v128.load(at + 2 * row)
      const d = v128.load(at + 3 * row)
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5)
      const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
      const ef = v128.shuffle<i32>(a, b, 2, 6, 3, 7)
      const gh = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
      const out = to + x * turned + y * 4
      v128.store(out, v128.shuffle<i64>(ab, cd, 0, 2))
      v128.store(out + turned, v128.shuffle<i64>(ab, cd, 1, 3))
      v128.store(out + 2 * turned, v128.shuffle<i64>(ef, gh, 0, 2))
      v128.store(out + 3 * turned, v128.shuffle<i64>(ef, gh, 1, 3))
    }
}

/**
 * Transforms the columns of n rows of `width` complex numbers in place (Cooley-Tukey, radix 2): n is a power of two, width a multiple of
 * four. `turns` holds cos and sin of n / 2 equal parts of half a circle, `sign` is -1, or 1 for the inverse, which is not scaled.
 */
export function columns(re: usize, im: usize, width: usize, n: usize, turns: usize, sign: f32): void {
  const row = width * 4
  for (let y: usize = 0, r: usize = 0; y < n; y++) {
    if (r > y)
      for (let x: usize = 0; x < row; x += 16) {
        swap(re + y * row + x, re + r * row + x)
        swap(im + y * row + x, im + r * row + x)
      }
    // Adds one to r from the highest bit down.
    let bit = n >> 1
    for (; bit > 0 && r & bit; bit >>= 1) r ^= bit
    r |= bit
  }
  for (let half: usize = 1; half < n; half *= 2)
    for (let y: usize = 0; y < n; y += 2 * half)
      for (let k: usize = 0; k < half; k++) {
        const turn = turns + ((k * n) / (2 * half)) * 8
        const c = f32x4.splat(load<f32>(turn))
        const s = f32x4.splat(sign * load<f32>(turn, 4))
        let i = (y + k) * row
        let j = i + half * row
        for (const end = i + row; i < end; i += 16, j += 16) {
          const jr = v128.load(re + j)
          const ji = v128.load(im + j)
          const r = v128.sub<f32>(v128.mul<f32>(jr, c), v128.mul<f32>(ji, s))
          const m = v128.add<f32>(v128.mul<f32>(jr, s), v128.mul<f32>(ji, c))
          const ir = v128.load(re + i)
          const ii = v128.load(im + i)
          v128.store(re + j, v128.sub<f32>(ir, r))
          v128.store(im + j, v128.sub<f32>(ii, m))
          v128.store(re + i, v128.add<f32>(ir, r))
          v128.store(im + i, v128.add<f32>(ii, m))
        }
      }
}

function swap(a: usize, b: usize): void {
  const v = v128.load(a)
  v128.store(a, v128.load(b))
  v128.store(b, v)
}

/** From the spectrum of a + ib conj(A) B, of modulus one up to a falling weight that spares the noisy high frequencies. */
export function whiten(re: usize, im: usize, outRe: usize, outIm: usize, width: usize, height: usize): void {
  for (let y: usize = 0; y < height; y++) {
    const mirrored = ((height - y) % height) * width
    const fy = <f32>min(y, height - y) / <f32>height
    for (let x: usize = 0; x < width; x++) {
      const i = (y * width + x) * 4
      const j = (mirrored + ((width - x) % width)) * 4
      const ar = load<f32>(re + i) + load<f32>(re + j)
      const ai = load<f32>(im + i) - load<f32>(im + j)
      const br = load<f32>(im + i) + load<f32>(im + j)
      const bi = load<f32>(re + j) - load<f32>(re + i)
      const r = ar * br + ai * bi
      const m = ar * bi - ai * br
      const fx = <f32>min(x, width - x) / <f32>width
      const size = Mathf.sqrt(r * r + m * m)
      const w: f32 = size > 0 ? 1 / (size * (1 + 200 * (fx * fx + fy * fy))) : 0
      store<f32>(outRe + i, r * w)
      store<f32>(outIm + i, m * w)
    }
  }
}
