// AssemblyScript of ../downsample.ts, which lays out the memory: means of cells of 1 or 2 voxels along each axis.

/** Sums of pairs of bytes, in 16 bits. */
function pairs(at: usize): v128 {
  return i16x8.extadd_pairwise_i8x16_u(v128.load(at))
}

/** Means of eight cells that are two wide, from column x of four rows on, in 16 bits. */
function eight(a: usize, b: usize, c: usize, d: usize, x: usize): v128 {
  const sum = i16x8.add(i16x8.add(pairs(a + x), pairs(b + x)), i16x8.add(pairs(c + x), pairs(d + x)))
  return i16x8.shr_u(i16x8.add(sum, i16x8.splat(4)), 3)
}

function two(row: usize, x: usize, next: usize): u32 {
  return <u32>load<u8>(row + x) + load<u8>(row + next)
}

/** Of `sy` rows of `sx` voxels in an upper plane and a lower one (the same where a cell has one); vectors may reach 31 bytes beyond. */
export function mean(upper: usize, lower: usize, out: usize, sx: usize, sy: usize, wide: usize, high: usize): void {
  const twos: usize = wide == 2 ? sx >> 1 : 0
  for (let y: usize = 0; y < sy; y += high) {
    const under = min(y + high, sy) - 1
    const a = upper + y * sx
    const b = upper + under * sx
    const c = lower + y * sx
    const d = lower + under * sx
    // What they write beyond the end of a row, the rest of the row and the next one write again.
    for (let i: usize = 0; i < twos; i += 16)
      v128.store(out + i, i8x16.narrow_i16x8_u(eight(a, b, c, d, 2 * i), eight(a, b, c, d, 2 * i + 16)))
    out += twos
    for (let x: usize = 2 * twos; x < sx; x += wide) {
      const next = min(x + wide, sx) - 1
      store<u8>(out++, (two(a, x, next) + two(b, x, next) + two(c, x, next) + two(d, x, next) + 4) >> 3)
    }
  }
}
