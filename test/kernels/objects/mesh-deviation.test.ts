// Simplified surfaces lie as near to the full ones as was asked, point by point.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fragmentAt, meshRegion } from '../../../kernels/mesh.ts'
import { simplifierReady, simplifyMesh, type Mesh } from '../../../kernels/mesh/simplify.ts'
import type { Vec3 } from '../../../kernels/types.ts'
import { blobs, cut, fill, noise, type Volume } from './mesh-volumes.ts'

await simplifierReady

const minus = (p: readonly number[], q: readonly number[]): number[] => p.map((v, a) => v - q[a]!)
const dot = (p: readonly number[], q: readonly number[]): number => p.reduce((sum, v, a) => sum + v * q[a]!, 0)
const cross = ([x, y, z]: number[], [u, v, w]: number[]): number[] => [
  y! * w! - z! * v!,
  z! * u! - x! * w!,
  x! * v! - y! * u!,
]

/** From a point to a triangle: to its plane where the foot lies inside of it, else to the nearest side. */
function distance(point: number[], corners: readonly number[][]): number {
  const normal = cross(minus(corners[1]!, corners[0]!), minus(corners[2]!, corners[0]!))
  const area = dot(normal, normal)
  const sides = corners.map((p, i) => [p, corners[(i + 1) % 3]!] as const)
  if (area > 0 && sides.every(([p, q]) => dot(cross(minus(q, p), minus(point, p)), normal) >= 0))
    return Math.abs(dot(minus(point, corners[0]!), normal)) / Math.sqrt(area)
  return Math.min(
    ...sides.map(([p, q]) => {
      const side = minus(q, p)
      const along = Math.max(0, Math.min(1, dot(minus(point, p), side) / (dot(side, side) || 1)))
      return Math.hypot(
        ...minus(
          minus(point, p),
          side.map(s => s * along),
        ),
      )
    }),
  )
}

const trianglesOf = ({ positions, triangles }: Mesh): number[][][] =>
  Array.from({ length: triangles.length / 3 }, (_, t) =>
    [0, 1, 2].map(k => [...positions.subarray(3 * triangles[3 * t + k]!, 3 * triangles[3 * t + k]! + 3)]),
  )
const verticesOf = ({ positions }: Mesh): number[][] =>
  Array.from({ length: positions.length / 3 }, (_, v) => [...positions.subarray(3 * v, 3 * v + 3)])
/** Points all over a surface: corners, the middle of sides and of the triangles. */
const pointsOf = (mesh: Mesh): number[][] =>
  trianglesOf(mesh).flatMap(corners =>
    [
      [6, 0, 0],
      [3, 3, 0],
      [3, 0, 3],
      [0, 3, 3],
      [2, 2, 2],
    ].map(share => [0, 1, 2].map(a => share.reduce((sum, s, k) => sum + (s / 6) * corners[k]![a]!, 0))),
  )

/** Those of some points that have no triangle of a surface within `nm` (and a thousandth, for rounding). */
function distant(points: readonly number[][], from: Mesh, nm: number): number[][] {
  const triangles = trianglesOf(from).map(corners => ({
    corners,
    low: [0, 1, 2].map(a => Math.min(...corners.map(c => c[a]!)) - nm),
    high: [0, 1, 2].map(a => Math.max(...corners.map(c => c[a]!)) + nm),
  }))
  return points.filter(
    p =>
      !triangles.some(
        ({ corners, low, high }) =>
          p.every((v, a) => v >= low[a]! && v <= high[a]!) && distance(p, corners) <= nm + 1e-3,
      ),
  )
}

/** The surfaces of all segments, each whole or in two open parts. */
async function surfaces(volume: Volume, nm: Vec3, at: readonly number[] = []): Promise<Mesh[]> {
  const found: Mesh[] = []
  for (const region of cut(volume, [at, [], []], nm)) {
    const made = await meshRegion({ ...region, params: { step: 1, ratio: 1, errorNm: 0 } })
    found.push(...Array.from(made.ids, (_, i) => fragmentAt(made, i)))
  }
  return found
}

const solid = (shape: Vec3, inside: (x: number, y: number, z: number) => boolean): Volume =>
  fill(shape, BigUint64Array.of(0n, 8n), (...at) => (inside(...at) ? 1 : 0))
const ball = (at: readonly number[], radius: number) => (x: number, y: number, z: number) =>
  Math.hypot(x - at[0]!, y - at[1]!, z - at[2]!) < radius

const SHAPES: Record<string, Volume> = {
  'a thin sheet': solid([14, 12, 6], (x, y, z) => z === 2 && x > 1 && x < 12 && y > 1 && y < 10),
  'a wavy sheet': solid(
    [20, 8, 9],
    (x, y, z) => Math.abs(z - 4 - 2 * Math.sin(x / 3)) < 1 && x > 1 && x < 18 && y > 1 && y < 6,
  ),
  'a tube': solid([24, 5, 5], (x, y, z) => x > 1 && x < 22 && y === 2 && z === 2),
  'a ball with a spine': solid(
    [22, 11, 11],
    (x, y, z) => ball([5, 5, 5], 4)(x, y, z) || (x > 5 && x < 20 && y === 5 && z === 5),
  ),
  'balls that touch': solid([18, 9, 9], (...at) => ball([4, 4, 4], 4)(...at) || ball([12, 4, 4], 4.2)(...at)),
}

describe('simplifyMesh', () => {
  for (const [name, volume] of Object.entries(SHAPES))
    for (const nm of [
      [8, 8, 8],
      [8, 10, 35],
    ] as Vec3[])
      it(`keeps every point of ${name} of ${nm.join(' x ')} nm near the full surface, and the other way`, async () => {
        const [full] = await surfaces(volume, nm)
        for (const [ratio, errorNm] of [
          [0.3, 20],
          [0.1, 40],
          [0, 20],
          [0, 150],
        ] as const) {
          const simple = simplifyMesh(full!, ratio, errorNm, 'kept')
          expect(distant(pointsOf(full!), simple, errorNm)).toEqual([])
          expect(distant(pointsOf(simple), full!, errorNm)).toEqual([])
          expect(simple.triangles.length).toBeLessThan(full!.triangles.length)
        }
      })

  it('loses no speck', async () => {
    const apart = solid([10, 10, 10], (x, y, z) => x % 5 === 2 && y % 5 === 2 && z % 5 === 2)
    const [full] = await surfaces(apart, [8, 8, 8])
    for (const errorNm of [8, 20])
      expect(distant(pointsOf(full!), simplifyMesh(full!, 0.1, errorNm, 'free'), errorNm)).toEqual([])
  })

  it('comes to an end where a vertex is in no triangle', () => {
    const positions = Float32Array.of(0, 0, 0, 90, 0, 0, 0, 90, 0, 0, 0, 90)
    const simple = simplifyMesh({ positions, triangles: Uint32Array.of(0, 1, 2, 0, 2, 1) }, 0, 1, 'free')
    expect(simple.positions.length).toBe(9)
  })

  it('leaves no vertex of any surface further away than was asked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.boolean(),
        fc.constantFrom(0, 0.1, 0.3),
        fc.constantFrom(5, 20, 60),
        fc.constantFrom('kept', 'free'),
        async (seed, rough, ratio, errorNm, border) => {
          const volume = rough ? noise([6, 6, 5], seed, 3) : blobs([12, 10, 6], seed, 5)
          for (const full of await surfaces(volume, [8, 10, 35], rough ? [] : [6])) {
            const simple = simplifyMesh(full, ratio, errorNm, border)
            expect(distant(verticesOf(full), simple, errorNm)).toEqual([])
          }
        },
      ),
      { numRuns: 25 },
    )
  })
})
