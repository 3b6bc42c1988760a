// The order of points along a Hilbert curve: rows in it that follow each other lie close together in space.

/** Bits per axis: three times as many fit a double. */
const BITS = 17

/**
 * Row numbers of points (coordinates from 0 upwards, fractions left out) in the order of their Hilbert keys; of equal ones by z, y, x, then row.
 * Coordinates of more than 17 bits are told apart by their upper 17 bits alone. After J. Skilling, "Programming the Hilbert
 * curve", AIP Conference Proceedings 707 (2004).
 */
export function hilbertOrder(x: Float64Array, y: Float64Array, z: Float64Array): Uint32Array {
  let most = 0
  for (const axis of [x, y, z]) for (const c of axis) most = Math.max(most, c)
  let unit = 1
  while (most / unit >= 2 ** BITS) unit *= 2
  const keys = Float64Array.from(x, (_, i) =>
    hilbertKey(Math.floor(x[i]! / unit), Math.floor(y[i]! / unit), Math.floor(z[i]! / unit)),
  )
  const order = Uint32Array.from(x, (_, i) => i)
  return order.sort((a, b) => keys[a]! - keys[b]! || z[a]! - z[b]! || y[a]! - y[b]! || x[a]! - x[b]! || a - b)
}

/** Place of a cell of the 2^17-cubed grid along the curve; cells that follow each other share a face. */
export function hilbertKey(x: number, y: number, z: number): number {
  const p = [x, y, z]
  const top = 2 ** (BITS - 1)
  // Undo the turns of the curve, from the coarsest cubes to the finest.
  for (let q = top; q > 1; q /= 2) {
    const low = q - 1
    for (let i = 0; i < 3; i++) {
      if (p[i]! & q) p[0] = p[0]! ^ low
      else {
        const swap = (p[0]! ^ p[i]!) & low
        p[0] = p[0]! ^ swap
        p[i] = p[i]! ^ swap
      }
    }
  }
  p[1] = p[1]! ^ p[0]!
  p[2] = p[2]! ^ p[1]!
  let flip = 0
  for (let q = top; q > 1; q /= 2) if (p[2]! & q) flip ^= q - 1
  let key = 0
  for (let q = top; q >= 1; q /= 2) for (let i = 0; i < 3; i++) key = 2 * key + (((p[i]! ^ flip) & q) === 0 ? 0 : 1)
  return key
}
