// The watershed of a block: distance transform, components and flooding by brute force, and what a block promises.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { components } from '../../kernels/segmentation/components.ts'
import { floodAffinities } from '../../kernels/segmentation/flood-affinities.ts'
import { flood } from '../../kernels/segmentation/flood.ts'
import type { Vec3 } from '../../kernels/types.ts'
import { watershed } from '../../kernels/segmentation/watershed.ts'
import { markSeeds } from '../../kernels/segmentation/seeds.ts'
import { plainSeeds, squaredDistance } from './plain-seeds.ts'
import { generator } from './tree-run.ts'

const side = fc.integer({ min: 1, max: 9 })
const shapes: fc.Arbitrary<Vec3> = fc.tuple(side, side, side)
const voxels = ([sx, sy, sz]: Vec3): number => sx * sy * sz
const place = (i: number, [sx, sy]: Vec3): Vec3 => [i % sx, Math.floor(i / sx) % sy, Math.floor(i / (sx * sy))]

/** Components by flooding from each first voxel in raster order. */
function naiveComponents(labels: Uint32Array, shape: Vec3): Uint32Array {
  const out = new Uint32Array(labels.length)
  const [sx, sy, sz] = shape
  let count = 0
  for (let first = 0; first < labels.length; first++) {
    if (labels[first] === 0 || out[first] !== 0) continue
    out[first] = ++count
    const queue = [first]
    for (const v of queue) {
      const [x, y, z] = place(v, shape)
      const near = [x > 0 ? v - 1 : -1, x < sx - 1 ? v + 1 : -1, y > 0 ? v - sx : -1, y < sy - 1 ? v + sx : -1]
      near.push(z > 0 ? v - sx * sy : -1, z < sz - 1 ? v + sx * sy : -1)
      for (const w of near)
        if (w >= 0 && labels[w] === labels[v] && out[w] === 0) {
          out[w] = count
          queue.push(w)
        }
    }
  }
  return out
}

describe('distance', () => {
  test('equals the definition', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        shapes,
        fc.constantFrom(0.01, 0.1, 0.6),
        fc.constantFrom(3, 20),
        (seed, shape, rate, cap) => {
          const random = generator(seed)
          const inside = Uint8Array.from({ length: voxels(shape) }, () => (random() < rate ? 0 : 1))
          const d = squaredDistance(inside, shape, cap)
          for (let i = 0; i < d.length; i++) {
            let best = cap * cap
            const p = place(i, shape)
            inside.forEach((v, j) => {
              const q = place(j, shape)
              if (v === 0) best = Math.min(best, (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2)
            })
            expect(d[i]).toBe(best)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('seeds', () => {
  test('equal those of plain loops, however long the rows are', () => {
    const long = fc.integer({ min: 1, max: 70 })
    fc.assert(
      fc.property(
        fc.nat(),
        fc.tuple(long, long, long),
        fc.constantFrom(0, 1e-4, 0.01, 0.3),
        fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
        (seed, long, rate, order) => {
          const random = generator(seed)
          const shape = order.map((axis, i) => (i === 0 ? long[axis]! : Math.ceil(long[axis]! / 6))) as unknown as Vec3
          const inside = Uint8Array.from({ length: voxels(shape) }, () => (random() < rate ? 0 : 1))
          expect(markSeeds(inside, shape)).toEqual(plainSeeds(inside, shape))
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('components', () => {
  test('equal flooding, numbered in raster order', () => {
    fc.assert(
      fc.property(fc.nat(), shapes, fc.integer({ min: 1, max: 4 }), (seed, shape, kinds) => {
        const random = generator(seed)
        const labels = Uint32Array.from({ length: voxels(shape) }, () => Math.floor(random() * kinds))
        const c = components(labels.slice(), shape)
        expect(c.labels).toEqual(naiveComponents(labels, shape))
        expect([...c.sizes]).toEqual(
          Array.from({ length: c.count + 1 }, (_, k) => (k === 0 ? 0 : c.labels.filter(l => l === k).length)),
        )
      }),
    )
  })
})

describe('flood', () => {
  test('a path from its seed to a voxel never dips lower than the best path from any seed', () => {
    fc.assert(
      fc.property(fc.nat(), shapes, (seed, shape) => {
        const random = generator(seed)
        const n = voxels(shape)
        const map = Uint8Array.from({ length: n }, () => Math.floor(random() * 6) * 50)
        const seeds = Uint8Array.from({ length: n }, () => (random() < 0.08 ? 1 : 0))
        seeds[Math.floor(random() * n)] = 1
        const labels = flood(map, seeds, shape, { min: [0, 0, 0], max: shape })
        const count = new Set(labels).size
        const [sx, sy, sz] = shape
        expect(labels.every(l => l >= 1 && l <= count)).toBe(true)
        // Basins are connected.
        expect(components(labels.slice(), shape).count).toBeGreaterThanOrEqual(count)
        // Highest pass from any seed, and from a seed within the basin only, by relaxation.
        const pass = (within: boolean): number[] => {
          const best = Array.from(seeds, (s, i) => (s !== 0 ? map[i]! : -1))
          for (let changed = true; changed;) {
            changed = false
            for (let v = 0; v < n; v++) {
              const [x, y, z] = place(v, shape)
              for (const w of [
                x > 0 ? v - 1 : -1,
                x < sx - 1 ? v + 1 : -1,
                y > 0 ? v - sx : -1,
                y < sy - 1 ? v + sx : -1,
                z > 0 ? v - sx * sy : -1,
                z < sz - 1 ? v + sx * sy : -1,
              ]) {
                if (w < 0 || (within && labels[w] !== labels[v])) continue
                const offer = Math.min(best[w]!, map[v]!)
                if (offer > best[v]!) {
                  best[v] = offer
                  changed = true
                }
              }
            }
          }
          return best
        }
        expect(pass(true)).toEqual(pass(false))
      }),
      { numRuns: 80 },
    )
  })

  test('pair by pair: the weakest link from a voxel to its seed is as strong as that of the best path from any seed', () => {
    fc.assert(
      fc.property(fc.nat(), shapes, (seed, shape) => {
        const random = generator(seed)
        const n = voxels(shape)
        const affinity = Uint8Array.from({ length: 3 * n }, () => Math.floor(random() * 6) * 50)
        const seeds = Uint8Array.from({ length: n }, () => (random() < 0.08 ? 1 : 0))
        seeds[Math.floor(random() * n)] = 1
        const labels = floodAffinities(affinity, seeds, shape)
        const { labels: own, count } = components(Uint32Array.from(seeds), shape)
        expect(labels.every((l, i) => l >= 1 && l <= count && (own[i] === 0 || own[i] === l))).toBe(true)
        expect(components(labels, shape).count).toBe(count)
        const steps = [shape[0] * shape[1], shape[0], 1]
        const pass = (within: boolean): number[] => {
          const best = Array.from<number, number>(seeds, s => (s !== 0 ? 255 : -1))
          for (let changed = true; changed;) {
            changed = false
            for (let v = 0; v < n; v++)
              for (const [c, step] of steps.entries()) {
                if (place(v, shape)[2 - c] === 0 || (within && labels[v] !== labels[v - step])) continue
                for (const [to, from] of [
                  [v, v - step],
                  [v - step, v],
                ] as const) {
                  const offer = Math.min(best[from]!, affinity[c * n + v]!)
                  if (offer <= best[to]!) continue
                  best[to] = offer
                  changed = true
                }
              }
          }
          return best
        }
        expect(pass(true)).toEqual(pass(false))
      }),
      { numRuns: 80 },
    )
    expect([...floodAffinities(new Uint8Array(24), new Uint8Array(8), [2, 2, 2])]).toEqual(Array(8).fill(1))
  })

  test('a volume without seeds is one basin', () => {
    const labels = flood(new Uint8Array(8), new Uint8Array(8), [2, 2, 2], { min: [0, 0, 0], max: [2, 2, 1] })
    expect([...labels]).toEqual([1, 1, 1, 1])
  })
})

describe('watershed', () => {
  const params = { inside: 0.5, minSize: 64 }
  /** Affinities of straight tubes along x, 8 x 8 across, with walls between them. */
  function tubes(shape: Vec3): Uint8Array {
    const n = voxels(shape)
    const affinity = new Uint8Array(3 * n)
    for (let i = 0; i < n; i++) {
      const [, y, z] = place(i, shape)
      const wall = y % 8 === 0 || z % 8 === 0
      affinity.fill(wall ? 10 : 250, i, i + 1)
      affinity.fill(wall ? 10 : 250, n + i, n + i + 1)
      affinity.fill(wall ? 10 : 250, 2 * n + i, 2 * n + i + 1)
    }
    return affinity
  }
  const core = (min: Vec3, max: Vec3) => ({ min, max })

  test('separates tubes', () => {
    const shape: Vec3 = [30, 24, 24]
    const { labels, count, sizes } = watershed({
      affinity: tubes(shape),
      shape,
      core: core([0, 0, 0], shape),
      params,
    })
    const middles = [4, 12, 20].flatMap(z => [4, 12, 20].map(y => labels[15 + 30 * (y + 24 * z)]!))
    expect(new Set(middles).size).toBe(9)
    expect(Math.min(...sizes.subarray(1))).toBeGreaterThanOrEqual(params.minSize)
    expect(sizes.reduce((a, b) => a + b)).toBe(labels.length)
    expect(sizes.length).toBe(count + 1)
  })

  test('gives connected supervoxels, numbered in raster order, every voxel in one; the same again from the same input', () => {
    fc.assert(
      fc.property(fc.nat(), shapes, fc.constantFrom(0, 5, 64), (seed, inner, minSize) => {
        const random = generator(seed)
        const shape: Vec3 = [inner[0] + 6, inner[1] + 6, inner[2] + 6]
        const affinity = Uint8Array.from({ length: 3 * voxels(shape) }, () =>
          random() < 0.7 ? 200 + Math.floor(random() * 56) : Math.floor(random() * 100),
        )
        const request = {
          affinity,
          shape,
          core: core([3, 2, 4], [inner[0] + 3, inner[1] + 2, inner[2] + 4]),
          params: { inside: 0.5, minSize },
        }
        const w = watershed(request)
        expect(w.labels.length).toBe(voxels(inner))
        expect(w.labels.includes(0)).toBe(false)
        expect(w.labels).toEqual(naiveComponents(w.labels, inner))
        for (let c = 1; c <= w.count; c++) expect(w.sizes[c]).toBe(w.labels.filter(l => l === c).length)
        // A fragment is left only where it is all there is.
        if (w.count > 1) expect(Math.min(...w.sizes.subarray(1))).toBeGreaterThanOrEqual(minSize)
        expect(watershed({ ...request, affinity: affinity.slice() })).toEqual(w)
      }),
      { numRuns: 60 },
    )
  })

  test('section by section it is that of each section alone, numbered on', () => {
    const [sx, sy, sz] = [14, 11, 5]
    const random = generator(7)
    const affinity = Uint8Array.from({ length: 3 * sx * sy * sz }, () => (random() < 0.7 ? 220 : 40))
    const empty = Uint8Array.from({ length: 12 * 9 * 3 }, () => (random() < 0.1 ? 1 : 0))
    const bySection = { inside: 0.5, minSize: 5, bySection: true }
    const box = core([1, 2, 1], [13, 11, 4])
    const whole = watershed({ affinity, shape: [sx, sy, sz], core: box, empty, params: bySection })
    let count = 0
    for (let z = 0; z < 3; z++) {
      const of = [0, 1, 2].flatMap(c => [...affinity.subarray((c * sz + z + 1) * sx * sy, (c * sz + z + 2) * sx * sy)])
      const alone = watershed({
        affinity: Uint8Array.from(of),
        shape: [sx, sy, 1],
        core: core([1, 2, 0], [13, 11, 1]),
        empty: empty.slice(z * 108, (z + 1) * 108),
        params: { inside: 0.5, minSize: 5 },
      })
      expect([...whole.labels.subarray(z * 108, (z + 1) * 108)]).toEqual([...alone.labels].map(l => l && l + count))
      expect(whole.sizes.slice(count + 1, count + alone.count + 1)).toEqual(alone.sizes.slice(1))
      count += alone.count
    }
    expect(whole.count).toBe(count)
  })

  test('pair by pair, in a core: objects that touch stay apart however thin the border is', () => {
    const shape: Vec3 = [20, 18, 16]
    const object = (i: number): number => {
      const [x, y, z] = place(i, shape)
      return Math.floor((x + 2 * y + z) / 9)
    }
    const n = voxels(shape)
    const affinity = new Uint8Array(3 * n)
    for (const [c, step] of [360, 20, 1].entries())
      for (let i = step; i < n; i++) affinity[c * n + i] = object(i) === object(i - step) ? 255 : 0
    const box = core([2, 1, 3], [19, 18, 15])
    const flooded = (flood: 'mean' | 'affinity') =>
      watershed({ affinity, shape, core: box, params: { inside: 0.9, minSize: 0, flood } }).labels
    const mixed = (labels: Uint32Array): number => {
      const objects = new Map<number, Set<number>>()
      for (const [i, l] of labels.entries()) {
        const [x, y, z] = place(i, [17, 17, 12])
        const of = object(x + 2 + 20 * (y + 1 + 18 * (z + 3)))
        objects.set(l, (objects.get(l) ?? new Set()).add(of))
      }
      return [...objects.values()].filter(o => o.size > 1).length
    }
    expect(mixed(flooded('affinity'))).toBe(0)
    expect(flooded('affinity').includes(0)).toBe(false)
    expect(mixed(flooded('mean'))).toBeGreaterThan(0)
  })

  test('a blank volume is one supervoxel', () => {
    const shape: Vec3 = [5, 4, 3]
    for (const value of [0, 255])
      expect(
        watershed({
          affinity: new Uint8Array(180).fill(value),
          shape,
          core: core([0, 0, 0], shape),
          params,
        }).count,
      ).toBe(1)
  })

  test('refuses a core outside the volume and affinities that do not fit', () => {
    const request = { affinity: new Uint8Array(24), shape: [2, 2, 2] as Vec3, params }
    expect(() => watershed({ ...request, core: core([0, 0, 0], [2, 2, 3]) })).toThrow(RangeError)
    expect(() => watershed({ ...request, core: core([1, 0, 0], [1, 2, 2]) })).toThrow(RangeError)
    expect(() => watershed({ ...request, affinity: new Uint8Array(8), core: core([0, 0, 0], [2, 2, 2]) })).toThrow(
      RangeError,
    )
  })
})
