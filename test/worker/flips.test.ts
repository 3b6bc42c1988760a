// Mirror images: each pair of voxels is read at its own end, however the volume is cut up.
import * as fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import type { Flips } from '../../activities/context.ts'
import {
  boxAt,
  cellBox,
  cellsIn,
  grow,
  shapeOf,
  subtract,
  translate,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'

import { crop, overFlips } from '../../worker/onnx/flips.ts'
import { inferenceHost } from '../../worker/inference.ts'
import { onnx } from '../onnx.ts'

const offsets: readonly Vec3[] = [
  [0, 0, -1],
  [0, -1, 0],
  [-1, 0, 0],
]
const ways = [2, 8].flatMap(images =>
  (['minimum', 'mean'] as const).map(combine => ({ images, combine, offsets }) as Flips),
)

type Model = (at: (x: number, y: number, z: number) => number, v: Vec3, offset: Vec3) => number

/** What a model gives for a whole input, which is repeated at its faces. */
const run =
  (model: Model, shape: Vec3) =>
  async (em: Uint8Array): Promise<Uint8Array> => {
    const within = (v: number, n: number): number => Math.min(n - 1, Math.max(0, v))
    const [nx, ny, nz] = shape
    const at = (x: number, y: number, z: number): number =>
      em[within(x, nx) + nx * (within(y, ny) + ny * within(z, nz))]!
    return Uint8Array.from({ length: 3 * em.length }, (_, i) => {
      const v = i % em.length
      return model(at, [v % nx, Math.floor(v / nx) % ny, Math.floor(v / nx / ny)], offsets[Math.floor(i / em.length)]!)
    })
  }

async function affinities(model: Model, em: Uint8Array, shape: Vec3, core: Box, flips?: Flips): Promise<Uint8Array> {
  const given = run(model, shape)
  const first = crop(await given(em), shape, core, 3)
  return flips ? overFlips(em, shape, core, flips, first, given) : first
}

function cut(data: Uint8Array, shape: Vec3, { min, max }: Box): Uint8Array {
  return crop(data, shape, { min, max }, 1)
}

const asks = fc.record({
  shape: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })),
  block: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
  flips: fc.constantFrom(...ways),
  seed: fc.integer(),
})
const grain = (seed: number, n: number): Uint8Array =>
  Uint8Array.from({ length: n }, (_, i) => Math.imul(Math.imul(i + 1, 0x9e3779b1) ^ seed, 0x85ebca6b) >>> 24)

/** Unlike in every direction, and sees one voxel around. */
const lopsided: Model = (at, [x, y, z], [ox, oy, oz]) =>
  (at(x, y, z) + 3 * at(x - 1, y, z) + 5 * at(x, y + 1, z) + 7 * at(x, y, z - 1) + 11 * at(x + ox, y + oy, z + oz)) %
  256
/** Of a pair alone, whichever end is asked. */
const even: Model = (at, [x, y, z], [ox, oy, oz]) => Math.abs(at(x, y, z) - at(x + ox, y + oy, z + oz))

test('any blocks give the same bytes, with one voxel of halo more than the model sees', async () => {
  await fc.assert(
    fc.asyncProperty(asks, async ({ shape, block, flips, seed }) => {
      const bounds = boxAt([0, 0, 0], shape)
      const em = grain(seed, voxels(bounds))
      const whole = await affinities(lopsided, em, shape, bounds, flips)
      for (const coord of cellsIn(bounds, block)) {
        const own = cellBox(coord, block, bounds)
        const outer = grow(own, [2, 2, 2], bounds)
        const core = translate(own, subtract([0, 0, 0], outer.min))
        const part = await affinities(lopsided, cut(em, shape, outer), shapeOf(outer), core, flips)
        expect(part).toEqual(crop(whole, shape, own, 3))
      }
    }),
  )
})

test('a model that sees a pair alike from both ends gives what it gives without', async () => {
  await fc.assert(
    fc.asyncProperty(asks, async ({ shape, flips, seed }) => {
      const bounds = boxAt([0, 0, 0], shape)
      const em = grain(seed, voxels(bounds))
      expect(await affinities(even, em, shape, bounds, flips)).toEqual(await affinities(even, em, shape, bounds))
    }),
  )
})

test('a graph that computes the block alone gives what the whole one does, in any blocks', async () => {
  const host = inferenceHost()
  onTestFinished(() => host.close())
  const ask = (cropped: boolean) => ({
    digest: String(cropped),
    model: async () => onnx.highest(cropped),
    multipleOf: 4,
    outputs: 9,
    channels: 3,
    ...(cropped && { cropped: { cropped: 2, halo: 3 } }),
  })
  await fc.assert(
    fc.asyncProperty(asks, fc.boolean(), async ({ shape, block, flips, seed }, flipped) => {
      const bounds = boxAt([0, 0, 0], shape)
      const em = grain(seed, voxels(bounds))
      const mirrored = flipped && { flips }
      const whole = await host.infer({ ...ask(false), ...mirrored, em, shape, core: bounds })
      for (const coord of cellsIn(bounds, block)) {
        const own = cellBox(coord, block, bounds)
        const outer = grow(own, [3, 3, 3], bounds)
        const core = translate(own, subtract([0, 0, 0], outer.min))
        const seen = { ...mirrored, em: cut(em, shape, outer), shape: shapeOf(outer), core }
        const expected = crop(whole, shape, own, 3)
        for (const cropped of [false, true]) expect(await host.infer({ ...ask(cropped), ...seen })).toEqual(expected)
      }
    }),
    { numRuns: 25 },
  )
})

test('of a model that says of a pair what its own end shows, each pair gets both ends', async () => {
  const host = inferenceHost()
  onTestFinished(() => host.close())
  const shape: Vec3 = [4, 3, 5]
  const em = grain(1, 60)
  // In the middle of a block whose sides the model wants to be longer.
  const core: Box = { min: [1, 1, 1], max: [4, 3, 4] }
  const model = {
    digest: 'a',
    model: async () => onnx.right(),
    multipleOf: 4,
    outputs: 9,
    em,
    shape,
    core,
    channels: 3,
  }
  const both = (by: (a: number, b: number) => number): number[] =>
    offsets.flatMap(([ox, oy, oz]) => {
      const at = (x: number, y: number, z: number): number => em[x + 4 * (y + 3 * z)]!
      const out: number[] = []
      for (let z = 1; z < 4; z++)
        for (let y = 1; y < 3; y++) for (let x = 1; x < 4; x++) out.push(by(at(x, y, z), at(x + ox, y + oy, z + oz)))
      return out
    })
  for (const flips of ways) {
    const by = flips.combine === 'minimum' ? Math.min : (a: number, b: number): number => Math.round((a + b) / 2)
    expect([...(await host.infer({ ...model, flips }))]).toEqual(both(by))
  }
})
