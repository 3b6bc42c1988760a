// Skeletons: connected exactly as their segments are, however the volume is cut, and in the middle of what they trace.

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinSkeletons } from '../../../kernels/skeleton/join.ts'
import { wholeSkeleton } from '../../../kernels/skeleton/smooth.ts'
import { skeletonAt, skeletonRegion } from '../../../kernels/skeleton/skeleton.ts'
import type { Skeleton, SkeletonParameters } from '../../../kernels/skeleton/skeleton.ts'
import type { RegionLabels } from '../../../kernels/surface-samples.ts'
import type { Vec3 } from '../../../kernels/types.ts'
import { IDS, blobs, cut, fill, noise, voxelIndex } from './mesh-volumes.ts'
import type { Volume } from './mesh-volumes.ts'

const ALL: SkeletonParameters = { step: 1, scale: 1, constantNm: 20, minVoxels: 0 }
const NM: Vec3 = [8, 8, 20]

function joined(regions: RegionLabels[], params: SkeletonParameters): Map<bigint, Skeleton> {
  const pieces = new Map<bigint, Skeleton[]>()
  for (const region of regions) {
    const found = skeletonRegion({ ...region, params })
    expect([...found.ids]).toEqual([...new Set(found.ids)].sort((a, b) => (a < b ? -1 : 1)))
    for (const [i, id] of found.ids.entries()) pieces.set(id, [...(pieces.get(id) ?? []), skeletonAt(found, i)])
  }
  return new Map([...pieces].map(([id, all]) => [id, joinSkeletons(all)]))
}

/** The voxel of vertex v; fails if the vertex is not the centre of one. */
function voxelOf(skeleton: Skeleton, v: number): Vec3 {
  const at = [0, 1, 2].map(axis => skeleton.vertices[3 * v + axis]! / NM[axis]! - 0.5)
  for (const value of at) expect(Math.abs(value - Math.round(value))).toBeLessThan(1e-4)
  return at.map(Math.round) as unknown as Vec3
}

function length(skeleton: Skeleton): number {
  let sum = 0
  for (let e = 0; e < skeleton.edges.length; e += 2) {
    const [a, b] = [skeleton.edges[e]!, skeleton.edges[e + 1]!]
    sum += Math.hypot(...[0, 1, 2].map(axis => skeleton.vertices[3 * a + axis]! - skeleton.vertices[3 * b + axis]!))
  }
  return sum
}

/** Number of trees, given that there is no cycle (joinSkeletons is tested for that). */
const trees = (skeleton: Skeleton) => skeleton.radii.length - skeleton.edges.length / 2

const ends = (skeleton: Skeleton) => {
  const degree = new Uint32Array(skeleton.radii.length)
  for (const v of skeleton.edges) degree[v] = degree[v]! + 1
  return degree.filter(d => d === 1).length
}

/** 26-connected components: a number per voxel, 0 for background. */
function components({ labels, shape }: Volume): Uint32Array {
  const found = new Uint32Array(labels.length)
  let count = 0
  for (let first = 0; first < labels.length; first++) {
    if (labels[first] === 0 || found[first] !== 0) continue
    found[first] = ++count
    const stack = [first]
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
      const [x, y, z] = [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor(i / (shape[0] * shape[1]))]
      for (let n = 0; n < 27; n++) {
        const at: Vec3 = [x + (n % 3) - 1, y + (Math.floor(n / 3) % 3) - 1, z + Math.floor(n / 9) - 1]
        if (at.some((v, axis) => v < 0 || v >= shape[axis]!)) continue
        const neighbour = voxelIndex(shape, at)
        if (labels[neighbour] !== labels[first] || found[neighbour] !== 0) continue
        found[neighbour] = count
        stack.push(neighbour)
      }
    }
  }
  return found
}

const cuts = (length: number) =>
  fc.uniqueArray(fc.integer({ min: 1, max: length - 1 }), { maxLength: 2 }).map(at => at.sort((a, b) => a - b))
const cutVolume = fc
  .tuple(fc.integer({ min: 2, max: 14 }), fc.integer({ min: 2, max: 14 }), fc.integer({ min: 2, max: 9 }))
  .chain(shape => fc.tuple(fc.constant(shape as Vec3), fc.tuple(...shape.map(cuts)), fc.integer()))

/** Distance from a point (voxels) to a polyline. */
function toLine(p: readonly number[], line: readonly Vec3[]): number {
  let least = Infinity
  for (let i = 1; i < line.length; i++) {
    const [a, b] = [line[i - 1]!, line[i]!]
    const ab = b.map((v, k) => v - a[k]!)
    const t = ab.reduce((sum, v, k) => sum + v * (p[k]! - a[k]!), 0) / ab.reduce((sum, v) => sum + v * v, 0)
    const clamped = Math.max(0, Math.min(1, t))
    least = Math.min(least, Math.hypot(...p.map((v, k) => v - a[k]! - clamped * ab[k]!)))
  }
  return least
}

const tube = (shape: Vec3, radius: number, ...lines: Vec3[][]) =>
  fill(shape, BigUint64Array.of(0n, 42n), (x, y, z) => (lines.some(line => toLine([x, y, z], line) <= radius) ? 1 : 0))

describe('skeletonRegion', () => {
  it('has one tree inside each connected component, for noise and blobs and any cutting', () => {
    fc.assert(
      fc.property(cutVolume, fc.constantFrom(0.15, 0.5, 1), fc.boolean(), ([shape, at, seed], share, rough) => {
        const volume = rough ? noise(shape, seed, Math.round(5 / share)) : blobs(shape, seed, 9)
        const clean = {
          ...volume,
          labels: volume.labels.map(label => (label < IDS.length ? label : 0)),
        }
        const component = components(clean)
        const found = joined(cut(clean, at, NM), ALL)
        expect(new Set(found.keys())).toEqual(new Set([...clean.labels].filter(l => l !== 0).map(l => IDS[l]!)))
        const touched = new Set<number>()
        let count = 0
        for (const [id, skeleton] of found) {
          count += trees(skeleton)
          const parts = Array.from(skeleton.radii, (_, v) => {
            const voxel = voxelIndex(shape, voxelOf(skeleton, v))
            expect(IDS[clean.labels[voxel]!]).toBe(id)
            return component[voxel]!
          })
          for (const part of parts) touched.add(part)
          for (let e = 0; e < skeleton.edges.length; e += 2) {
            expect(parts[skeleton.edges[e]!]).toBe(parts[skeleton.edges[e + 1]!])
          }
          expect(Math.min(...skeleton.radii)).toBeGreaterThanOrEqual(8)
        }
        expect(touched.size).toBe(Math.max(0, ...component))
        expect(count).toBe(touched.size)
      }),
      { numRuns: 150 },
    )
  })

  it('leaves no voxel outside the balls around its vertices', () => {
    const shape: Vec3 = [24, 20, 14]
    // A cell of 2 x 2 x 2 voxels covers another, each by one of them.
    const cell = Math.hypot(...NM)
    for (const seed of [1, 2, 3, 4]) {
      const volume = blobs(shape, seed, 8)
      const found = joined(cut(volume, [[], [], []], NM), { ...ALL, constantNm: 5 })
      const skeletons = [...IDS].map(id => found.get(id))
      let i = 0
      for (let z = 0; z < shape[2]; z++) {
        for (let y = 0; y < shape[1]; y++) {
          for (let x = 0; x < shape[0]; x++) {
            const skeleton = skeletons[volume.labels[i++]!]
            if (!skeleton) continue
            const covered = skeleton.radii.some((radius, v) => {
              const p = [x, y, z].map((value, k) => (value + 0.5) * NM[k]! - skeleton.vertices[3 * v + k]!)
              return Math.hypot(...p) <= radius + 5 + 2 * cell
            })
            expect(covered).toBe(true)
          }
        }
      }
    }
  })

  for (const step of [1, 2] as const) {
    it(`follows the middle of a bent tube through several regions, step ${step}`, () => {
      const shape: Vec3 = [64, 48, 32]
      const line: Vec3[] = [[4, 6, 15], [40, 12, 16], [58, 40, 14]] // prettier-ignore
      const volume = tube(shape, 4, line)
      // The tube is 160 nm high in z: a smaller ball would rightly leave a spur in the caps.
      const params = { ...ALL, step, constantNm: 120 }
      const whole = joined(cut(volume, [[], [], []], NM), params).get(42n)!
      const parts = joined(cut(volume, [[32], [24], []], NM), params).get(42n)!
      const small = joined(cut(volume, [[16, 32, 48], [16, 32], [16]], NM), params).get(42n)!
      // The line and the caps at its ends; a way over voxels is up to a tenth longer than a straight one.
      const straight = line.slice(1).reduce(
        (sum, b, i) => {
          return sum + Math.hypot(...b.map((v, k) => (v - line[i]![k]!) * NM[k]!))
        },
        2 * 4 * 8,
      )
      expect([trees(whole), trees(parts), trees(small)]).toEqual([1, 1, 1])
      expect([ends(whole), ends(parts)]).toEqual([2, 2])
      for (const skeleton of [whole, parts, small]) {
        for (let v = 0; v < skeleton.radii.length; v++) {
          expect(volume.labels[voxelIndex(shape, voxelOf(skeleton, v))]).toBe(1)
        }
        expect(length(skeleton)).toBeGreaterThan(0.9 * straight)
      }
      expect(length(whole)).toBeLessThan(1.2 * straight)
      expect(length(parts)).toBeLessThan(1.25 * straight)
      const offAxis = whole.radii.reduce((sum, _, v) => sum + toLine(voxelOf(whole, v), line), 0) / whole.radii.length
      expect(offAxis).toBeLessThan(2)
      const middle = whole.radii.toSorted()[Math.floor(whole.radii.length / 2)]!
      expect(Math.abs(middle - 4.5 * 8)).toBeLessThan(12)
    })
  }

  it('gives a straight tube a straight line through its middle from end to end, however it lies and is cut', () => {
    const shape: Vec3 = [64, 56, 40]
    const side = (size: number) => fc.integer({ min: 8, max: size - 9 })
    const point = fc.tuple(side(shape[0]), side(shape[1]), side(shape[2]))
    const lines = fc.tuple(point, point).filter(([a, b]) => Math.hypot(...a.map((v, k) => v - b[k]!)) > 24)
    fc.assert(
      fc.property(lines, fc.integer({ min: 3, max: 5 }), fc.boolean(), ([a, b], radius, parted) => {
        // What lies just behind a face of a region gets no branch of its own.
        fc.pre(!parted || [a, b].every(([x]) => Math.abs(x - 32) > 2 * radius + 10))
        const isotropic: Vec3 = [8, 8, 8]
        const volume = tube(shape, radius, [a, b])
        const pieces = cut(volume, parted ? [[32], [], []] : [[], [], []], isotropic).map(region =>
          skeletonAt(skeletonRegion({ ...region, params: { ...ALL, constantNm: 60 } }), 0),
        )
        const found = wholeSkeleton(pieces.filter(p => p.radii.length > 0))
        const voxels = Array.from(found.radii, (_, v) => [0, 1, 2].map(k => found.vertices[3 * v + k]! / 8 - 0.5))
        expect([trees(found), ends(found)]).toEqual([1, 2])
        // The tube ends in half balls.
        const axis = Math.hypot(...a.map((v, k) => v - b[k]!))
        const beyond = [a, b].map(
          (end, i) => end.map((v, k) => v + ((v - [b, a][i]![k]!) * radius) / axis) as unknown as Vec3,
        )
        // A tip is the last voxel in the tube.
        const off = voxels.map(voxel => toLine(voxel, beyond))
        expect(Math.max(...off)).toBeLessThan(2.5)
        expect(off.reduce((sum, d) => sum + d, 0) / off.length).toBeLessThan(0.7)
        for (const end of beyond) {
          expect(Math.min(...voxels.map(v => Math.hypot(...v.map((c, k) => c - end[k]!))))).toBeLessThan(2.5)
        }
        expect(length(found) / 8).toBeGreaterThan(axis + 2 * radius - 4)
        expect(length(found) / 8).toBeLessThan(1.05 * (axis + 2 * radius))
      }),
      {
        numRuns: 20,
        examples: [
          [
            [
              [8, 32, 8],
              [20, 43, 28],
            ],
            5,
            false,
          ],
        ],
      },
    )
  })

  it('ends where a segment goes out of the volume, and does not run along the face that cuts one in half', () => {
    const shape: Vec3 = [48, 32, 32]
    const through = tube(shape, 5, [[-8, 12, 15], [60, 20, 17]]) // prettier-ignore
    const found = joined(cut(through, [[], [], []], NM), { ...ALL, constantNm: 100 }).get(42n)!
    const xs = Array.from(found.radii, (_, v) => voxelOf(found, v)[0])
    expect([ends(found), Math.min(...xs), Math.max(...xs)]).toEqual([2, 0, 47])
    for (let v = 0; v < found.radii.length; v++)
      expect(toLine(voxelOf(found, v), [[-8, 12, 15], [60, 20, 17]])).toBeLessThan(2) // prettier-ignore
    const half = tube([120, 24, 24], 5, [[10, 0, 12], [110, 0, 12]]) // prettier-ignore
    const inside = joined(cut(half, [[], [], []], NM), { ...ALL, constantNm: 100 }).get(42n)!
    const away = Array.from(inside.radii, (_, v) => voxelOf(inside, v)).filter(([x]) => x > 8 && x < 112)
    expect(away.length).toBeGreaterThan(10)
    expect(Math.min(...away.map(([, y]) => y))).toBeGreaterThan(0)
    expect(away.filter(([, y]) => y > 1).length / away.length).toBeGreaterThan(0.9)
  })

  it('finds the three ends of a Y and keeps two parallel tubes of one segment apart', () => {
    const shape: Vec3 = [48, 48, 16]
    const fork: Vec3[][] = [[[4, 24, 8], [24, 24, 8], [42, 6, 8]], [[24, 24, 8], [42, 42, 8]]] // prettier-ignore
    const y = joined(cut(tube(shape, 3, ...fork), [[], [], []], NM), {
      ...ALL,
      constantNm: 60,
    }).get(42n)!
    expect([trees(y), ends(y)]).toEqual([1, 3])
    const pair = tube(shape, 3, [[2, 10, 8], [46, 10, 8]], [[2, 20, 8], [46, 20, 8]]) // prettier-ignore
    const two = joined(cut(pair, [[16, 32], [], []], NM), { ...ALL, constantNm: 60 }).get(42n)!
    expect([trees(two), ends(two)]).toEqual([2, 4])
  })

  it('makes a ring that passes a border twice a tree with all of its length but one step', () => {
    const shape: Vec3 = [40, 40, 8]
    const ring = fill(shape, BigUint64Array.of(0n, 42n), (x, y) =>
      Math.abs(Math.hypot(x - 20, y - 20) - 14) < 2.5 ? 1 : 0,
    )
    const found = joined(cut(ring, [[20], [], []], NM), { ...ALL, constantNm: 60 }).get(42n)!
    expect(trees(found)).toBe(1)
    expect(length(found)).toBeGreaterThan(2 * Math.PI * 12 * 8)
  })

  it('leaves out small pieces, but never one that touches a neighbour', () => {
    const volume = fill([32, 8, 8], IDS, (x, y, z) => {
      if (y < 3 || y > 4 || z < 3 || z > 4) return 0
      return x >= 14 && x < 18 ? 1 : x >= 2 && x < 6 ? 2 : x >= 22 ? 3 : 0
    })
    const found = joined(cut(volume, [[16], [], []], NM), { ...ALL, minVoxels: 20 })
    expect(new Set(found.keys())).toEqual(new Set([IDS[3], IDS[1]]))
    const lone = fill([16, 4, 4], IDS, x => (x >= 4 && x < 8 ? 1 : 0))
    expect(skeletonRegion({ ...cut(lone, [[], [], []], NM)[0]!, params: { ...ALL, minVoxels: 65 } }).ids.length).toBe(0)
    expect(skeletonRegion({ ...cut(lone, [[], [], []], NM)[0]!, params: { ...ALL, minVoxels: 64 } }).ids.length).toBe(1)
  })

  it('gives a stub behind a border no branch of its own', () => {
    const volume = fill([32, 8, 8], IDS, (x, y, z) => (x < 18 && y > 1 && y < 6 && z > 1 && z < 6 ? 1 : 0))
    const upper = cut(volume, [[16], [], []], NM)[1]!
    expect(skeletonRegion({ ...upper, params: { ...ALL, constantNm: 60 } }).radii.length).toBe(1)
  })

  it('traces a segment that fills the dataset, and nothing in background', () => {
    const solid = fill([12, 6, 6], BigUint64Array.of(3n), () => 0)
    expect(trees(joined(cut(solid, [[6], [], []], NM), ALL).get(3n)!)).toBe(1)
    const empty = fill([4, 4, 4], BigUint64Array.of(0n), () => 0)
    expect(skeletonRegion({ ...cut(empty, [[], [], []], NM)[0]!, params: ALL }).radii.length).toBe(0)
  })
})
