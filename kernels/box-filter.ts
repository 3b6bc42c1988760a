// Box means of a volume by running sums: cost per voxel does not depend on the radius.
import type { Vec3 } from './types.ts'

/** Mean over the cube of side 2 r + 1 around each voxel, clipped at the volume's faces. x fastest. */
export function boxMean(data: Float32Array | Uint8Array, shape: Vec3, r: number): Float32Array<ArrayBuffer> {
  let from: Float32Array | Uint8Array = data
  for (let axis = 0; axis < 3; axis++) from = alongAxis(from, shape, axis, r)
  return from as Float32Array<ArrayBuffer>
}

function alongAxis(data: Float32Array | Uint8Array, shape: Vec3, axis: number, r: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length)
  const n = shape[axis]!
  const stride = axis === 0 ? 1 : axis === 1 ? shape[0] : shape[0] * shape[1]
  const lines = data.length / n
  for (let line = 0; line < lines; line++) {
    // First voxel of the line: lines run over the two other axes.
    const start = axis === 0 ? line * n : axis === 1 ? Math.floor(line / stride) * stride * n + (line % stride) : line
    let sum = 0
    let count = 0
    for (let i = 0; i < Math.min(r, n); i++, count++) sum += data[start + i * stride]!
    for (let i = 0; i < n; i++) {
      if (i + r < n) {
        sum += data[start + (i + r) * stride]!
        count++
      }
      if (i - r - 1 >= 0) {
        sum -= data[start + (i - r - 1) * stride]!
        count--
      }
      out[start + i * stride] = sum / count
    }
  }
  return out
}
