// Three synthetic neurites: their labels, textured EM, meshes and skeletons.
import type { Box, Vec3 } from '../../domain/geometry.ts'

export const BOUNDS: Box = { min: [0, 0, 0], max: [160, 128, 96] }
export const REGION: Vec3 = [64, 64, 64]
export const NM = 8
/** Ids beyond 2^53, as real ones are. */
export const IDS = [(1n << 50n) + 7n, (2n << 50n) + (1n << 36n) + 3n, (3n << 50n) + 12345678n] as const
const RADIUS = [15, 12, 9] as const
export const SYNAPSE = { id: 5n, pre: IDS[0], post: IDS[1], prePoint: [70, 52, 48], postPoint: [78, 66, 48] } as const

/** Centre of neurite `i` where it passes `x`. */
const centre = (i: number, x: number): [number, number] => {
  const t = x / 160
  if (i === 0) return [40 + 10 * Math.sin(5 * t), 48 + 14 * Math.cos(4 * t)]
  if (i === 1) return [82 + 9 * Math.cos(6 * t), 44 + 12 * Math.sin(5 * t)]
  return [108 - 24 * t, 78 - 40 * t]
}

/** Of every x: centre y, z and radius of every neurite. */
const TUBES = Array.from({ length: BOUNDS.max[0] + 2 }, (_, x) =>
  RADIUS.map((r, i) => [...centre(i, x), r * (1 + 0.2 * Math.sin(x / 9 + i))] as [number, number, number]),
)

/** Distance from a neurite's axis less its radius: below 0 inside. */
const depth = (i: number, x: number, y: number, z: number): number => {
  const [cy, cz, r] = TUBES[x < 0 ? 0 : x]![i]!
  return Math.sqrt((y - cy) * (y - cy) + (z - cz) * (z - cz)) - r
}

/** Index of the neurite that holds a voxel, or -1. */
const neuriteAt = (x: number, y: number, z: number): number => {
  for (let i = 0; i < 3; i++) if (depth(i, x, y, z) < 0) return i
  return -1
}

const noise = (x: number, y: number, z: number): number => {
  let h = (x * 374761393 + y * 668265263 + z * 2147483647) | 0
  h = Math.imul(h ^ (h >>> 13), 1274126177)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}

export const grey = (x: number, y: number, z: number): number => {
  const nearest = Math.min(Math.abs(depth(0, x, y, z)), Math.abs(depth(1, x, y, z)), Math.abs(depth(2, x, y, z)))
  const inside = neuriteAt(x, y, z) >= 0
  const base = nearest < 1.6 ? 50 : inside ? 165 + 25 * Math.sin(x / 5) * Math.sin(y / 4) : 115
  return Math.max(0, Math.min(255, Math.round(base + 40 * (noise(x, y, z) - 0.5))))
}

export function fill<A extends Uint8Array | BigUint64Array>(
  out: A,
  box: Box,
  step: number,
  f: (x: number, y: number, z: number) => A[number],
): A {
  let i = 0
  for (let z = box.min[2]; z < box.max[2]; z++)
    for (let y = box.min[1]; y < box.max[1]; y++)
      for (let x = box.min[0]; x < box.max[0]; x++) out[i++] = f(x * step, y * step, z * step)
  return out
}

export const label = (x: number, y: number, z: number): bigint => {
  const i = neuriteAt(x, y, z)
  return i < 0 ? 0n : IDS[i]!
}

/** Faces between neurite `i` and what is not, of voxels in `box`, as a legacy mesh fragment in nanometres. */
export function fragment(i: number, box: Box): Uint8Array | null {
  const points: number[] = []
  const triangles: number[] = []
  for (let z = box.min[2]; z < box.max[2]; z++)
    for (let y = box.min[1]; y < box.max[1]; y++)
      for (let x = box.min[0]; x < box.max[0]; x++) {
        if (neuriteAt(x, y, z) !== i) continue
        for (let a = 0; a < 3; a++)
          for (const side of [-1, 1]) {
            const at = [x, y, z]
            at[a]! += side
            if (neuriteAt(at[0]!, at[1]!, at[2]!) === i) continue
            const [u, v] = [(a + 1) % 3, (a + 2) % 3] as [number, number]
            const first = points.length / 3
            for (const [du, dv] of [
              [0, 0],
              [1, 0],
              [1, 1],
              [0, 1],
            ] as const) {
              const p = [x, y, z]
              if (side > 0) p[a]!++
              p[u]! += du
              p[v]! += dv
              points.push(...p.map(n => n * NM))
            }
            const [b, d] = side > 0 ? [1, 3] : [3, 1]
            triangles.push(first, first + b, first + 2, first, first + 2, first + d)
          }
      }
  if (points.length === 0) return null
  const out = new Uint8Array(4 + 4 * points.length + 4 * triangles.length)
  new DataView(out.buffer).setUint32(0, points.length / 3, true)
  out.set(new Uint8Array(Float32Array.from(points).buffer), 4)
  out.set(new Uint8Array(Uint32Array.from(triangles).buffer), 4 + 4 * points.length)
  return out
}

/** Axis of neurite `i`, one node each 8 voxels, with radii. */
export function skeleton(i: number): Uint8Array {
  const xs = Array.from({ length: 20 }, (_, n) => 8 * n + 4)
  const positions = Float32Array.from(xs.flatMap(x => [x * NM, ...centre(i, x).map(c => c * NM)]))
  const edges = Uint32Array.from(xs.slice(1).flatMap((_, n) => [n, n + 1]))
  const radii = Float32Array.from(xs, () => RADIUS[i]! * NM)
  const parts = [Uint32Array.of(xs.length, xs.length - 1), positions, edges, radii]
  return Buffer.concat(parts.map(p => new Uint8Array(p.buffer)))
}
