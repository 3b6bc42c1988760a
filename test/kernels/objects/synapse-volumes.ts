// Small synthetic volumes for the tests of the synapse kernels.
import * as fc from 'fast-check'
import type { Box, Vec3 } from '../../../kernels/types.ts'

/** Seeded bytes, or numbers below `below`. */
export function noise(shape: Vec3, seed: number, below = 256): Uint8Array<ArrayBuffer> {
  let state = (seed ^ 0x9e3779b9) >>> 0
  return new Uint8Array(shape[0] * shape[1] * shape[2]).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor(((state >>> 8) / 0x1000000) * below)
  })
}

export function draw(
  shape: Vec3,
  grey: (x: number, y: number, z: number, i: number) => number,
): Uint8Array<ArrayBuffer> {
  const [sx, sy] = shape
  return new Uint8Array(sx * sy * shape[2]).map((_, i) =>
    grey(i % sx, Math.floor(i / sx) % sy, Math.floor(i / (sx * sy)), i),
  )
}

export function crop<T extends Uint8Array | Uint32Array>(data: T, shape: Vec3, box: Box): { data: T; shape: Vec3 } {
  const out: Vec3 = [box.max[0] - box.min[0], box.max[1] - box.min[1], box.max[2] - box.min[2]]
  const made = new (data.constructor as new (n: number) => T)(out[0] * out[1] * out[2])
  for (let z = 0, o = 0; z < out[2]; z++)
    for (let y = 0; y < out[1]; y++, o += out[0]) {
      const from = box.min[0] + shape[0] * (box.min[1] + y + shape[1] * (box.min[2] + z))
      made.set(data.subarray(from, from + out[0]) as never, o)
    }
  return { data: made, shape: out }
}

/** Ways to cut a volume into boxes by planes; some axes stay whole. */
export function splits(shape: Vec3): fc.Arbitrary<Box[]> {
  const cuts = (n: number): fc.Arbitrary<number[]> =>
    fc
      .uniqueArray(fc.integer({ min: 1, max: n - 1 }), { maxLength: 2 })
      .map(list => [0, ...list.sort((a, b) => a - b), n])
  return fc
    .tuple(cuts(shape[0]), cuts(shape[1]), cuts(shape[2]))
    .map(([xs, ys, zs]) =>
      zs
        .slice(1)
        .flatMap((_, k) =>
          ys
            .slice(1)
            .flatMap((__, j) =>
              xs
                .slice(1)
                .map((___, i): Box => ({ min: [xs[i]!, ys[j]!, zs[k]!], max: [xs[i + 1]!, ys[j + 1]!, zs[k + 1]!] })),
            ),
        ),
    )
}
