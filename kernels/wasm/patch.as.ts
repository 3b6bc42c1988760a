// AssemblyScript of ../sections/patch.ts, which lays out the memory: where patches of one plane lie in another.
// What is copied of a patch is padded to whole vectors.

@unmanaged
class Plane {
  value: usize
  mask: usize
  width: i32
  height: i32
}

@unmanaged
class Patch {
  x: f64
  y: f64
  width: f64
  height: f64
  vx: f64
  vy: f64
  score: f64
}

function sum(v: v128): f64 {
  const pair = v128.add<f64>(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 0, 1)))
  return v128.extract_lane<f64>(pair, 0) + v128.extract_lane<f64>(pair, 1)
}

/** How many lanes have all bits set, of a sum of such. */
function lanes(v: v128): f64 {
  return -sum(f32x4.convert_i32x4_s(v))
}

function at(patches: Patch, k: i32): Patch {
  return changetype<Patch>(changetype<usize>(patches) + <usize>k * offsetof<Patch>())
}

/** Four bytes of 1 or 0, as lanes of all bits or none. */
function mask(at: usize): v128 {
  return v128.neg<i32>(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load_zero<u32>(at))))
}

/** Lanes of a row of so many from x on. */
function inRow(x: i32, width: i32): v128 {
  return v128.lt<i32>(i32x4(0, 1, 2, 3), i32x4.splat(width - x))
}

/** Normalised correlation of n pairs of values from their sums, and the sums of their squares and products; -1 without contrast. */
function normalised(n: f64, sT: f64, sTT: f64, sI: f64, sII: f64, sIT: f64): f64 {
  const vT = sTT - (sT * sT) / n
  const vI = sII - (sI * sI) / n
  return vT > 0 && vI > 0 ? (sIT - (sI * sT) / n) / Math.sqrt(vT * vI) : -1
}

/** Copies a rectangle of a plane, and its mask as lanes; beyond the plane both are 0. */
function copy(plane: Plane, x0: i32, y0: i32, w: i32, h: i32, stride: i32, to: usize, seen: usize): void {
  memory.fill(to, 0, <usize>(stride * h) * 4)
  memory.fill(seen, 0, <usize>(stride * h) * 4)
  for (let y = max(0, -y0); y < min(h, plane.height - y0); y++)
    for (let x = max(0, -x0); x < min(w, plane.width - x0); x++) {
      const from = <usize>((y0 + y) * plane.width + x0 + x)
      const o = <usize>(y * stride + x) * 4
      store<f32>(to + o, load<f32>(plane.value + from * 4))
      store<i32>(seen + o, -(<i32>load<u8>(plane.mask + from)))
    }
}

/** Gives each patch the whole shift within `range` of its own that correlates best, the first in raster order on a tie. */
export function search(patches: Patch, count: i32, a: Plane, b: Plane, scratch: usize, range: i32): void {
  for (let k = 0; k < count; k++) {
    const patch = at(patches, k)
    const x = <i32>patch.x
    const y = <i32>patch.y
    const w = <i32>patch.width
    const h = <i32>patch.height
    const stride = (w + 3) & ~3
    const wide = stride + 2 * range
    const size = <usize>(stride * h) * 4
    const windowSize = <usize>(wide * (h + 2 * range)) * 4
    const seen = scratch + size
    const window = seen + size
    const windowSeen = window + windowSize
    const centreX = <i32>Math.floor(patch.vx + 0.5)
    const centreY = <i32>Math.floor(patch.vy + 0.5)
    copy(a, x, y, w, h, stride, scratch, seen)
    const across = w + 2 * range
    const down = h + 2 * range
    copy(b, x + centreX - range, y + centreY - range, across, down, wide, window, windowSeen)
    let best: f64 = -1
    let bestX = centreX
    let bestY = centreY
    for (let dy = 0; dy <= 2 * range; dy++)
      for (let dx = 0; dx <= 2 * range; dx++) {
        let n = i32x4.splat(0)
        let sT = f32x4.splat(0)
        let sTT = f32x4.splat(0)
        let sI = f32x4.splat(0)
        let sII = f32x4.splat(0)
        let sIT = f32x4.splat(0)
        let i: usize = 0
        for (let row = 0; row < h; row++) {
          let j = <usize>((dy + row) * wide + dx) * 4
          for (const end = i + <usize>stride * 4; i < end; i += 16, j += 16) {
            const both = v128.and(v128.load(seen + i), v128.load(windowSeen + j))
            const t = v128.and(v128.load(scratch + i), both)
            const v = v128.and(v128.load(window + j), both)
            n = v128.add<i32>(n, both)
            sT = v128.add<f32>(sT, t)
            sTT = v128.add<f32>(sTT, v128.mul<f32>(t, t))
            sI = v128.add<f32>(sI, v)
            sII = v128.add<f32>(sII, v128.mul<f32>(v, v))
            sIT = v128.add<f32>(sIT, v128.mul<f32>(t, v))
          }
        }
        const pixels = lanes(n)
        if (2 * pixels < <f64>(w * h)) continue
        const score = normalised(pixels, sum(sT), sum(sTT), sum(sI), sum(sII), sum(sIT))
        if (score <= best) continue
        best = score
        bestX = centreX + dx - range
        bestY = centreY + dy - range
      }
    patch.vx = <f64>bestX
    patch.vy = <f64>bestY
    patch.score = best
  }
}

/** Refines each patch by gradients, moving at most `margin` pixels. */
export function refine(
  patches: Patch,
  count: i32,
  a: Plane,
  b: Plane,
  scratch: usize,
  margin: f64,
  iterations: i32,
): void {
  for (let k = 0; k < count; k++) {
    const patch = at(patches, k)
    patch.score = refined(patch, a, b, scratch, margin, iterations)
  }
}

/** The score of a patch, once it is refined. */
function refined(patch: Patch, a: Plane, b: Plane, scratch: usize, margin: f64, iterations: i32): f64 {
  const startX = patch.vx
  const startY = patch.vy
  const x = <i32>patch.x
  const y = <i32>patch.y
  const width = <i32>patch.width
  const height = <i32>patch.height
  // The part that, with its gradients, lies inside, also when moved by v and the margin.
  const x0 = max(max(x, 1), <i32>Math.ceil(margin + 1 - startX))
  const y0 = max(max(y, 1), <i32>Math.ceil(margin + 1 - startY))
  const w = min(min(x + width, a.width - 1), <i32>Math.floor(<f64>(b.width - 2) - margin - startX)) - x0
  const h = min(min(y + height, a.height - 1), <i32>Math.floor(<f64>(b.height - 2) - margin - startY)) - y0
  if (w <= 0 || h <= 0 || 2 * w * h < width * height) return -1
  const stride = (w + 3) & ~3
  const size = <usize>(stride * h) * 4
  const seen = scratch + size
  const gradientX = seen + size
  const gradientY = gradientX + size
  const zero = f32x4.splat(0)
  let count = zero
  let sumT = zero
  let sumTT = zero
  let sumX = zero
  let sumY = zero
  let sumXX = zero
  let sumXY = zero
  let sumYY = zero
  const half = f32x4.splat(0.5)
  const row = <usize>a.width * 4
  const toB = <i32>Math.floor(startY + 0.5) * b.width + <i32>Math.floor(startX + 0.5)
  let o: usize = 0
  for (let j = y0; j < y0 + h; j++)
    for (let i = 0; i < stride; i += 4, o += 16) {
      const inA = j * a.width + x0 + i
      const from = a.value + <usize>inA * 4
      const both = v128.and(mask(a.mask + inA), mask(b.mask + (j * b.width + x0 + i + toB)))
      const valid = v128.and(both, inRow(i, w))
      const t = v128.and(valid, v128.load(from))
      const gx = v128.and(valid, v128.mul<f32>(half, v128.sub<f32>(v128.load(from + 4), v128.load(from - 4))))
      const gy = v128.and(valid, v128.mul<f32>(half, v128.sub<f32>(v128.load(from + row), v128.load(from - row))))
      v128.store(seen + o, valid)
      v128.store(scratch + o, t)
      v128.store(gradientX + o, gx)
      v128.store(gradientY + o, gy)
      count = v128.add<i32>(count, valid)
      sumT = v128.add<f32>(sumT, t)
      sumTT = v128.add<f32>(sumTT, v128.mul<f32>(t, t))
      sumX = v128.add<f32>(sumX, gx)
      sumY = v128.add<f32>(sumY, gy)
      sumXX = v128.add<f32>(sumXX, v128.mul<f32>(gx, gx))
      sumXY = v128.add<f32>(sumXY, v128.mul<f32>(gx, gy))
      sumYY = v128.add<f32>(sumYY, v128.mul<f32>(gy, gy))
    }
  const n = lanes(count)
  if (2 * n < <f64>(width * height)) return -1
  const sT = sum(sumT)
  const sTT = sum(sumTT)
  const sX = sum(sumX)
  const sY = sum(sumY)
  const hxx = sum(sumXX) - (sX * sX) / n
  const hxy = sum(sumXY) - (sX * sY) / n
  const hyy = sum(sumYY) - (sY * sY) / n
  const det = hxx * hyy - hxy * hxy
  // Structure along one direction only (or none) does not fix a displacement.
  if (!(det > 0.002 * (hxx + hyy) * (hxx + hyy)) || sTT < 0.01 * n) return -1
  let vx = startX
  let vy = startY
  const below = <usize>b.width * 4
  let iteration = 0
  while (true) {
    const ix = Math.floor(vx)
    const iy = Math.floor(vy)
    const fx = vx - ix
    const fy = vy - iy
    const w00 = f32x4.splat(<f32>((1 - fx) * (1 - fy)))
    const w10 = f32x4.splat(<f32>(fx * (1 - fy)))
    const w01 = f32x4.splat(<f32>((1 - fx) * fy))
    const w11 = f32x4.splat(<f32>(fx * fy))
    let sumI = zero
    let sumII = zero
    let sumIT = zero
    let sumIX = zero
    let sumIY = zero
    o = 0
    for (let j = 0; j < h; j++) {
      let from = b.value + <usize>((y0 + j + <i32>iy) * b.width + x0 + <i32>ix) * 4
      for (const end = o + <usize>stride * 4; o < end; o += 16, from += 16) {
        const above = v128.add<f32>(v128.mul<f32>(w00, v128.load(from)), v128.mul<f32>(w10, v128.load(from + 4)))
        const lower = v128.add<f32>(
          v128.mul<f32>(w01, v128.load(from + below)),
          v128.mul<f32>(w11, v128.load(from + below + 4)),
        )
        const v = v128.and(v128.add<f32>(above, lower), v128.load(seen + o))
        const t = v128.load(scratch + o)
        const d = v128.sub<f32>(v, t)
        sumI = v128.add<f32>(sumI, v)
        sumII = v128.add<f32>(sumII, v128.mul<f32>(v, v))
        sumIT = v128.add<f32>(sumIT, v128.mul<f32>(v, t))
        sumIX = v128.add<f32>(sumIX, v128.mul<f32>(d, v128.load(gradientX + o)))
        sumIY = v128.add<f32>(sumIY, v128.mul<f32>(d, v128.load(gradientY + o)))
      }
    }
    const sI = sum(sumI)
    const score = normalised(n, sT, sTT, sI, sum(sumII), sum(sumIT))
    if (iteration++ >= iterations) return score
    const mean = (sI - sT) / n
    const bx = sum(sumIX) - sX * mean
    const by = sum(sumIY) - sY * mean
    const dx = (hyy * bx - hxy * by) / det
    const dy = (hxx * by - hxy * bx) / det
    const step = max(Math.abs(dx), Math.abs(dy))
    vx -= step > 1 ? dx / step : dx
    vy -= step > 1 ? dy / step : dy
    if (max(Math.abs(vx - startX), Math.abs(vy - startY)) > margin) {
      patch.vx = startX
      patch.vy = startY
      return -1
    }
    patch.vx = vx
    patch.vy = vy
    // Steps shrink several-fold each time: what is left is far below the accuracy.
    if (step < 0.02) return score
  }
}
