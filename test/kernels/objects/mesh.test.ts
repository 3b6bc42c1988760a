// Meshes: closed over any cutting into regions, at the right place, and simplified without opening the seams.

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fragmentAt, meshRegion } from '../../../kernels/mesh.ts'
import type { MeshParameters } from '../../../kernels/mesh.ts'
import { TRIANGLE_TABLE } from '../../../kernels/mesh/table.ts'
import type { RegionLabels } from '../../../kernels/surface-samples.ts'
import type { Vec3 } from '../../../kernels/types.ts'
import { IDS, blobs, cut, fill, noise } from './mesh-volumes.ts'

const FULL: MeshParameters = { step: 1, ratio: 1, errorNm: 0 }
const NM: Vec3 = [8, 10, 35]

/** How often each directed edge occurs in the union of a segment's fragments, vertices being equal where they coincide. */
interface Union {
  readonly edges: Map<string, number>
  readonly points: Set<string>
  triangles: number
  /** nm^3, from the divergence theorem. */
  volume: number
}

async function unions(regions: RegionLabels[], params: MeshParameters): Promise<Map<bigint, Union>> {
  const found = new Map<bigint, Union>()
  for (const region of regions) {
    const fragments = await meshRegion({ ...region, params })
    expect([...fragments.ids]).toEqual([...new Set(fragments.ids)].sort((a, b) => (a < b ? -1 : 1)))
    for (const [i, id] of fragments.ids.entries()) {
      const { positions, triangles } = fragmentAt(fragments, i)
      const union = found.get(id) ?? emptyUnion()
      found.set(id, union)
      const point = (v: number): number[] => [...positions.subarray(3 * v, 3 * v + 3)]
      expect(new Set(triangles).size).toBe(positions.length / 3)
      for (let v = 0; v < positions.length / 3; v++) union.points.add(String(point(v)))
      union.triangles += triangles.length / 3
      for (let t = 0; t < triangles.length; t += 3) {
        const corners = [...triangles.subarray(t, t + 3)].map(point)
        union.volume += sixfoldVolume(corners) / 6
        for (let k = 0; k < 3; k++) {
          const edge = `${corners[k]!.join()} ${corners[(k + 1) % 3]!.join()}`
          union.edges.set(edge, (union.edges.get(edge) ?? 0) + 1)
        }
      }
    }
  }
  return found
}

function emptyUnion(): Union {
  return { edges: new Map(), points: new Set(), triangles: 0, volume: 0 }
}

function sixfoldVolume([a, b, c]: number[][]): number {
  const [ax, ay, az] = a as [number, number, number]
  const [bx, by, bz] = b as [number, number, number]
  const [cx, cy, cz] = c as [number, number, number]
  return ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
}

/** Directed edges without exactly one partner in the other direction. */
function openEdges({ edges }: Union): string[] {
  const back = (edge: string) => edge.split(' ').toReversed().join(' ')
  return [...edges].filter(([edge, count]) => count !== 1 || edges.get(back(edge)) !== 1).map(([edge]) => edge)
}

/** Directed edges that occur more often than in the other direction: where a surface has a hole. */
function unbalanced({ edges }: Union): string[] {
  const back = (edge: string) => edge.split(' ').toReversed().join(' ')
  return [...edges].filter(([edge, count]) => edges.get(back(edge)) !== count).map(([edge]) => edge)
}

/** A shape and where to cut it, at even voxels so that step 2 may be used. */
const evenCuts = (length: number) =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: Math.floor((length - 1) / 2) }), { maxLength: 2 })
    .map(at => at.map(v => 2 * v).sort((a, b) => a - b))
const cutVolume = fc
  .tuple(fc.integer({ min: 3, max: 11 }), fc.integer({ min: 3, max: 11 }), fc.integer({ min: 3, max: 9 }))
  .chain(shape => fc.tuple(fc.constant(shape as Vec3), fc.tuple(...shape.map(evenCuts)), fc.integer()))

describe('the marching-cubes table', () => {
  it('has no triangle for full and empty cells and gives every crossed edge a vertex', () => {
    for (let mask = 0; mask < 256; mask++) {
      const crossings = TRIANGLE_TABLE.crossings.slice(TRIANGLE_TABLE.start[mask], TRIANGLE_TABLE.start[mask + 1])
      let crossed = 0
      for (let a = 0; a < 8; a++) {
        for (const b of [a | 1, a | 2, a | 4]) if (b !== a && ((mask >> a) & 1) !== ((mask >> b) & 1)) crossed++
      }
      expect(new Set(crossings).size).toBe(crossed)
    }
  })
})

describe('meshRegion', () => {
  for (const step of [1, 2] as const) {
    it(`closes every segment over any cutting of noise and of blobs, step ${step}`, async () => {
      await fc.assert(
        fc.asyncProperty(cutVolume, fc.boolean(), async ([shape, cuts, seed], rough) => {
          const volume = rough ? noise(shape, seed, 3 + (Math.abs(seed) % 3)) : blobs(shape, seed, 9)
          const found = await unions(cut(volume, cuts, NM), { ...FULL, step })
          const present = new Set([...volume.labels].map(label => IDS[label]!).filter(id => id !== 0n))
          if (step === 1) expect(new Set(found.keys())).toEqual(present)
          for (const union of found.values()) {
            expect(openEdges(union)).toEqual([])
            expect(union.volume).toBeGreaterThan(0)
          }
        }),
        { numRuns: 60 },
      )
    })
  }

  it('gives the same surface however the volume is cut', async () => {
    await fc.assert(
      fc.asyncProperty(cutVolume, async ([shape, cuts, seed]) => {
        const volume = blobs(shape, seed, 7)
        const whole = await unions(cut(volume, [[], [], []], NM), FULL)
        const parts = await unions(cut(volume, cuts, NM), FULL)
        expect(new Set(parts.keys())).toEqual(new Set(whole.keys()))
        for (const [id, union] of whole) {
          expect(parts.get(id)!.points).toEqual(union.points)
          expect(parts.get(id)!.edges).toEqual(union.edges)
        }
      }),
      { numRuns: 20 },
    )
  })

  it('does not close a surface towards a neighbour', async () => {
    const solid = fill([6, 4, 4], BigUint64Array.of(3n), () => 0)
    const [left] = cut(solid, [[4], [], []], NM)
    const found = await unions([left!], FULL)
    expect(openEdges(found.get(3n)!).length).toBeGreaterThan(0)
  })

  it('puts the surface of a box half-way between voxel centres, and at the dataset border', async () => {
    for (const step of [1, 2] as const) {
      const volume = fill([12, 12, 12], BigUint64Array.of(0n, 8n), (x, y, z) =>
        x < 6 && y >= 2 && y < 8 && z >= 4 ? 1 : 0,
      )
      const found = await unions(cut(volume, [[], [], []], NM), { ...FULL, step })
      const points = [...found.get(8n)!.points].map(p => p.split(',').map(Number))
      const low = [0, 1, 2].map(axis => Math.min(...points.map(p => p[axis]!)) / NM[axis]!)
      const high = [0, 1, 2].map(axis => Math.max(...points.map(p => p[axis]!)) / NM[axis]!)
      expect(low).toEqual([0, 2, 4])
      expect(high).toEqual([6, 8, 12])
      const box = 6 * 6 * 8 * NM[0] * NM[1] * NM[2]
      expect(found.get(8n)!.volume).toBeLessThan(box)
      expect(found.get(8n)!.volume).toBeGreaterThan(0.75 * box)
    }
  })

  it('places fragments by the origin of the array', async () => {
    const volume = fill([5, 5, 5], BigUint64Array.of(0n, 8n), (x, y, z) => (x > 1 && y > 1 && z > 1 ? 1 : 0))
    const [region] = cut(volume, [[], [], []], [1, 1, 1])
    const here = await meshRegion({ ...region!, params: FULL })
    const there = await meshRegion({ ...region!, origin: [100, 200, 300], params: FULL })
    expect(there.positions).toEqual(here.positions.map((v, i) => v + [100, 200, 300][i % 3]!))
  })

  it('takes a region that has an upper neighbour only in multiples of the step', async () => {
    const volume = noise([9, 4, 4], 1)
    const regions = cut(volume, [[5], [], []], NM)
    await expect(meshRegion({ ...regions[0]!, params: { ...FULL, step: 2 } })).rejects.toThrow(RangeError)
    await expect(meshRegion({ ...regions[1]!, params: { ...FULL, step: 2 } })).resolves.toBeDefined()
  })

  it('simplifies without opening a seam, adding a vertex or losing volume', async () => {
    const shape: Vec3 = [40, 36, 32]
    const errorNm = 8
    for (const seed of [1, 2, 3]) {
      const volume = blobs(shape, seed, 14)
      const regions = cut(volume, [[20], [12], [16]], [10, 10, 10])
      const full = await unions(regions, FULL)
      const simple = await unions(regions, { step: 1, ratio: 0.1, errorNm })
      expect(new Set(simple.keys())).toEqual(new Set(full.keys()))
      for (const [id, union] of simple) {
        const before = full.get(id)!
        expect(unbalanced(union)).toEqual([])
        expect(union.triangles).toBeLessThan(0.7 * before.triangles)
        expect(Math.abs(union.volume / before.volume - 1)).toBeLessThan(0.05)
        for (const point of union.points) expect(before.points.has(point)).toBe(true)
        const onSeam = (point: string) => point.split(',').some((v, axis) => Number(v) === [205, 125, 165][axis])
        const kept = [...before.points].filter(onSeam)
        expect(kept.length).toBeGreaterThan(0)
        expect([...union.points].filter(onSeam).sort()).toEqual(kept.sort())
      }
    }
  })

  it('has no fragment for background alone and closes a segment that fills the dataset', async () => {
    const empty = fill([4, 4, 4], BigUint64Array.of(0n), () => 0)
    const none = await meshRegion({ ...cut(empty, [[], [], []], NM)[0]!, params: { step: 1, ratio: 0.5, errorNm: 9 } })
    expect([none.ids.length, none.positions.length, [...none.vertexStart]]).toEqual([0, 0, [0]])
    const solid = fill([4, 4, 4], BigUint64Array.of(3n), () => 0)
    const found = await unions(cut(solid, [[2], [], [2]], NM), FULL)
    expect(openEdges(found.get(3n)!)).toEqual([])
  })
})
