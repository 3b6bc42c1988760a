// What counts as black outside of the tissue: held against the definition, and the same whatever else of the volume is seen.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Box, Vec3 } from '../../kernels/types.ts'
import { voidHalo, voidMask } from '../../kernels/segmentation/void.ts'
import { watershed } from '../../kernels/segmentation/watershed.ts'

const SIDE = 13
const at = ([sx, sy]: Vec3, x: number, y: number, z: number): number => x + sx * (y + sy * z)
const whole = (shape: Vec3): Box => ({ min: [0, 0, 0], max: shape })

function volume(shape: Vec3, grey: (x: number, y: number, z: number) => number): Uint8Array {
  const out = new Uint8Array(shape[0] * shape[1] * shape[2])
  for (let z = 0, i = 0; z < shape[2]; z++)
    for (let y = 0; y < shape[1]; y++) for (let x = 0; x < shape[0]; x++) out[i++] = grey(x, y, z)
  return out
}

/** Every cube is tried by itself. */
function naive(em: Uint8Array, shape: Vec3): Uint8Array {
  const out = new Uint8Array(em.length)
  const k = shape.map(n => Math.min(SIDE, n)) as unknown as Vec3
  const cube = (x: number, y: number, z: number, f: (i: number) => boolean): boolean => {
    for (let c = z; c < z + k[2]; c++)
      for (let b = y; b < y + k[1]; b++) for (let a = x; a < x + k[0]; a++) if (!f(at(shape, a, b, c))) return false
    return true
  }
  for (let z = 0; z + k[2] <= shape[2]; z++)
    for (let y = 0; y + k[1] <= shape[1]; y++)
      for (let x = 0; x + k[0] <= shape[0]; x++)
        if (cube(x, y, z, i => em[i] === 0)) cube(x, y, z, i => (out[i] = 1) === 1)
  return out
}

const box = (n: number) => fc.tuple(fc.nat(n), fc.integer({ min: 1, max: n }))
const scene = fc
  .tuple(fc.integer({ min: 14, max: 30 }), fc.integer({ min: 14, max: 22 }), fc.constantFrom(1, 5, 13, 18))
  .chain(shape =>
    fc.record({
      shape: fc.constant(shape as Vec3),
      boxes: fc.array(fc.tuple(box(30), box(22), box(18)), { minLength: 1, maxLength: 4 }),
      specks: fc.array(fc.nat(), { maxLength: 20 }),
    }),
  )

test('is what lies in a black cube', () => {
  fc.assert(
    fc.property(scene, ({ shape, boxes, specks }) => {
      const inside = (p: number[]): boolean =>
        boxes.some(b => b.every(([min, n], a) => p[a]! >= min && p[a]! < min + n))
      const em = volume(shape, (x, y, z) => (inside([x, y, z]) ? 0 : 9))
      for (const s of specks) em[s % em.length] = s % 2
      const expected = naive(em, shape)
      expect(voidMask(em, shape, whole(shape)) ?? new Uint8Array(em.length)).toEqual(expected)
    }),
    { numRuns: 60 },
  )
})

test('does not depend on how the volume is cut into blocks', () => {
  const shape: Vec3 = [60, 40, 30]
  const em = volume(shape, (x, y, z) => (x + y > 62 || (x < 14 && z < 14 && y < 20) ? 0 : 1 + ((x * y * z) % 7)))
  const all = naive(em, shape)
  for (let x = 0; x < 60; x += 17) {
    const core: Box = { min: [x, 8, 0], max: [Math.min(60, x + 17), 33, 30] }
    const [min, max] = [
      core.min.map(v => Math.max(0, v - voidHalo)) as unknown as Vec3,
      core.max.map((v, a) => Math.min(shape[a]!, v + voidHalo)) as unknown as Vec3,
    ]
    const outer = max.map((v, a) => v - min[a]!) as unknown as Vec3
    const part = volume(outer, (a, b, c) => em[at(shape, a + min[0], b + min[1], c + min[2])]!)
    const own = { min: core.min.map((v, a) => v - min[a]!), max: core.max.map((v, a) => v - min[a]!) } as unknown as Box
    const size = core.max.map((v, a) => v - core.min[a]!) as unknown as Vec3
    const wanted = volume(size, (a, b, c) => all[at(shape, a + core.min[0], b + core.min[1], c + core.min[2])]!)
    expect(voidMask(part, outer, own) ?? new Uint8Array(wanted.length)).toEqual(wanted)
  }
})

test('is not the few black voxels that tissue has', () => {
  const shape: Vec3 = [40, 40, 40]
  const em = volume(shape, (x, y, z) =>
    (x * 7 + y * 5 + z * 3) % 4 === 0 || Math.hypot(x - 20, y - 20, z - 20) < 6 ? 0 : 90,
  )
  expect(voidMask(em, shape, whole(shape))).toBeNull()
})

test('belongs to no supervoxel, and all else to one of a whole size', () => {
  const shape: Vec3 = [24, 16, 16]
  const affinity = new Uint8Array(3 * 24 * 16 * 16).fill(230)
  const empty = volume(shape, x => (x >= 11 ? 1 : 0))
  const { labels, count, sizes } = watershed({
    affinity,
    shape,
    core: whole(shape),
    empty,
    params: { inside: 0.5, minSize: 64 },
  })
  expect([...labels].every((l, i) => (l === 0) === (empty[i] === 1))).toBe(true)
  expect(count).toBe(1)
  expect(sizes[1]).toBe(11 * 16 * 16)
})
