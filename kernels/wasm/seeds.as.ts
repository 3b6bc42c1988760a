// AssemblyScript of ../segmentation/seeds.ts, which lays out the memory: the maxima of the smoothed distance to what is not inside.
//
// Rows are worked off in vectors that may reach beyond the end of a row: what they write there, the next row writes again.

/** Bytes of a vector. */
const V: usize = 16

/** Squared steps along x to the nearest voxel that is not inside, at most cap * cap: 8 bits to 16. */
export function alongX(inside: usize, out: usize, sx: usize, rows: usize, cap: u32): void {
  for (let row: usize = 0; row < rows; row++, inside += sx, out += 2 * sx) {
    let gap = cap
    for (let x: usize = 0; x < sx; x++) {
      gap = load<u8>(inside + x) == 0 ? 0 : min(gap + 1, cap)
      store<u16>(out + 2 * x, gap)
    }
    gap = cap
    for (let at = out + 2 * sx; at > out;) {
      at -= 2
      gap = min(gap + 1, <u32>load<u16>(at))
      store<u16>(at, gap * gap)
    }
  }
}

/**
 * Along another axis, of `length` rows of `width` voxels: the least of d + k * k over the voxels k steps away. No vector looks further than
 * the largest least that it has found so far.
 */
export function lower(from: usize, to: usize, width: usize, length: i32): void {
  const row = width * 2
  for (let at = 0; at < length; at++, from += row, to += row)
    for (let x: usize = 0; x < row; x += V) {
      let least = v128.load(from + x)
      let up = from + x
      let down = from + x
      for (let k = 1; k <= max(at, length - 1 - at); k++) {
        const squared = i16x8.splat(<i16>(k * k))
        if (!v128.any_true(v128.gt<u16>(least, squared))) break
        up += row
        down -= row
        if (k < length - at) least = v128.min<u16>(least, v128.add<u16>(v128.load(up), squared))
        if (k <= at) least = v128.min<u16>(least, v128.add<u16>(v128.load(down), squared))
      }
      v128.store(to + x, least)
    }
}

/** The root of every distance, from a table, convolved with (1 2 3 2 1) along x; `line` is scratch for a row and what the volume goes on with. */
export function smoothX(v: usize, table: usize, line: usize, sx: usize, rows: usize): void {
  for (let row: usize = 0; row < rows; row++, v += 2 * sx) {
    for (let x: usize = 0; x < sx; x++) store<u16>(line + 2 * x + 4, load<u16>(table + 2 * load<u16>(v + 2 * x)))
    const first = <u32>load<u16>(line + 4)
    store<u32>(line, first | (first << 16))
    const last = <u32>load<u16>(line + 2 * sx + 2)
    store<u32>(line + 2 * sx + 4, last | (last << 16))
    for (let x: usize = 0; x < sx; x++) {
      const at = line + 2 * x
      store<u16>(
        v + 2 * x,
        load<u16>(at) + load<u16>(at, 8) + 2 * (load<u16>(at, 2) + load<u16>(at, 6)) + 3 * load<u16>(at, 4),
      )
    }
  }
}

/** The rows up to two before and behind row `at`, of `length`; the volume goes on as its border does. */
function near(from: usize, at: i32, by: i32, length: i32, row: usize): usize {
  return from + <usize>max(0, min(length - 1, at + by)) * row
}

/** The same along y, of `length` rows of `width` voxels. */
export function smoothY(from: usize, to: usize, width: usize, length: i32): void {
  const row = width * 2
  for (let at = 0; at < length; at++, to += row) {
    const a = near(from, at, -2, length, row)
    const b = near(from, at, -1, length, row)
    const c = near(from, at, 0, length, row)
    const d = near(from, at, 1, length, row)
    const e = near(from, at, 2, length, row)
    for (let x: usize = 0; x < row; x += V) {
      const outer = v128.add<u16>(v128.load(a + x), v128.load(e + x))
      const inner = v128.add<u16>(v128.load(b + x), v128.load(d + x))
      const middle = v128.load(c + x)
      const twice = v128.shl<u16>(v128.add<u16>(inner, middle), 1)
      v128.store(to + x, v128.add<u16>(v128.add<u16>(outer, middle), twice))
    }
  }
}

function wide(at: usize): v128 {
  return v128.load_ext<u16>(at)
}

/** The same along z, of `length` planes of `width` voxels: 16 bits to 32. */
export function smoothZ(from: usize, to: usize, width: usize, length: i32): void {
  const row = width * 2
  for (let at = 0; at < length; at++, to += 2 * row) {
    const a = near(from, at, -2, length, row)
    const b = near(from, at, -1, length, row)
    const c = near(from, at, 0, length, row)
    const d = near(from, at, 1, length, row)
    const e = near(from, at, 2, length, row)
    for (let x: usize = 0; x < row; x += V / 2) {
      const outer = v128.add<u32>(wide(a + x), wide(e + x))
      const inner = v128.add<u32>(wide(b + x), wide(d + x))
      const middle = wide(c + x)
      const twice = v128.shl<u32>(v128.add<u32>(inner, middle), 1)
      v128.store(to + 2 * x, v128.add<u32>(v128.add<u32>(outer, middle), twice))
    }
  }
}

/** The largest of a voxel and its neighbours along x, 32 bits. */
export function largestX(from: usize, to: usize, sx: usize, rows: usize): void {
  const row = sx * 4
  const last = row - 4
  for (let r: usize = 0; r < rows; r++, from += row, to += row) {
    for (let x: usize = 4; x < last; x += V) {
      const beside = v128.max<u32>(v128.load(from + x - 4), v128.load(from + x + 4))
      v128.store(to + x, v128.max<u32>(beside, v128.load(from + x)))
    }
    const second: usize = min<usize>(4, last)
    store<u32>(to, max(load<u32>(from), load<u32>(from + second)))
    store<u32>(to + last, max(load<u32>(from + last), load<u32>(from + last - second)))
  }
}

/** The same along another axis. */
export function largest(from: usize, to: usize, width: usize, length: i32): void {
  const row = width * 4
  for (let at = 0; at < length; at++, to += row) {
    const a = near(from, at, -1, length, row)
    const b = near(from, at, 0, length, row)
    const c = near(from, at, 1, length, row)
    for (let x: usize = 0; x < row; x += V)
      v128.store(to + x, v128.max<u32>(v128.max<u32>(v128.load(a + x), v128.load(b + x)), v128.load(c + x)))
  }
}

/** Leaves of the voxels inside those whose value is the largest around. */
export function keepTops(inside: usize, value: usize, top: usize, count: usize): void {
  for (let i: usize = 0; i < count; i++)
    if (load<u32>(value + 4 * i) != load<u32>(top + 4 * i)) store<u8>(inside + i, 0)
}
