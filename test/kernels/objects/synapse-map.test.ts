// The cleft and vesicle maps: the same bytes from any decomposition, and what they answer to.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cubeSum, lumina, luminaReach, luminaScale } from '../../../kernels/synapse/filter.ts'
import { synapseMap, synapseMapHalo } from '../../../kernels/synapse/map.ts'
import type { Box, Vec3 } from '../../../kernels/types.ts'
import { crop, draw, noise, splits } from './synapse-volumes.ts'

const params = { dark: 76, surround: 80 }
const cover = (shape: Vec3): Box => ({ min: [0, 0, 0], max: shape })

describe('filters', () => {
  it('sums cubes with repeated faces, also where the cube is larger than the volume', () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(6), fc.nat(6), fc.nat(6)), fc.nat(4), fc.nat(), (n, r, seed) => {
        const shape: Vec3 = [n[0] + 1, n[1] + 1, n[2] + 1]
        const em = noise(shape, seed)
        const got = cubeSum(em, shape, r)
        const at = (x: number, y: number, z: number): number => {
          const [u, v, w] = [x, y, z].map((c, a) => Math.min(Math.max(c, 0), shape[a]! - 1)) as [number, number, number]
          return em[u + shape[0] * (v + shape[1] * w)]!
        }
        let i = 0
        for (let z = 0; z < shape[2]; z++)
          for (let y = 0; y < shape[1]; y++)
            for (let x = 0; x < shape[0]; x++, i++) {
              let sum = 0
              for (let c = -r; c <= r; c++)
                for (let b = -r; b <= r; b++) for (let a = -r; a <= r; a++) sum += at(x + a, y + b, z + c)
              expect(got[i]).toBe(sum)
            }
      }),
      { numRuns: 60 },
    )
  })

  const shape: Vec3 = [19, 19, 19]
  const middle = 9 + 19 * (9 + 19 * 9)
  const lightest = (em: Uint8Array): number => lumina(em, shape, 8).reduce((a, b) => Math.max(a, b), 0) / luminaScale

  it.each([2.1, 2.5, 3])('sees the lumen of a shell of radius %d', r => {
    const em = draw(shape, (x, y, z) => (Math.abs(Math.hypot(x - 9, y - 9, z - 9) - r) < 0.9 ? 80 : 135))
    const light = lumina(em, shape, 8)
    expect(light[middle]! / luminaScale).toBeGreaterThan(10)
    // Nothing but the lumen answers.
    light.forEach((v, i) => {
      const [x, y, z] = [i % 19, Math.floor(i / 19) % 19, Math.floor(i / 361)]
      if (v > 0) expect(Math.hypot(x - 9, y - 9, z - 9)).toBeLessThan(2)
    })
  })

  it('answers neither to a pair of membranes, nor to a tube, nor to a shell with a hole', () => {
    expect(lightest(draw(shape, x => (Math.abs(Math.abs(x - 9) - 2.5) < 1 ? 80 : 135)))).toBe(0)
    expect(lightest(draw(shape, (x, y) => (Math.abs(Math.hypot(x - 9, y - 9) - 2.5) < 0.9 ? 80 : 135)))).toBe(0)
    const open = draw(shape, (x, y, z) =>
      Math.abs(Math.hypot(x - 9, y - 9, z - 9) - 2.5) < 0.9 && !(Math.hypot(x - 9, y - 9) < 2.5 && z > 9) ? 80 : 135,
    )
    expect(lightest(open)).toBe(0)
    expect(lightest(draw(shape, (x, y, z) => (Math.hypot(x - 9, y - 9, z - 9) < 3 ? 80 : 135)))).toBe(0)
  })

  it('gives 0 where it cannot look around', () => {
    const light = lumina(noise(shape, 3), shape, 8)
    expect(light.some(v => v > 0)).toBe(true)
    light.forEach((v, i) => {
      const p = [i % 19, Math.floor(i / 19) % 19, Math.floor(i / 361)]
      if (p.some(c => c < luminaReach || c >= 19 - luminaReach)) expect(v).toBe(0)
    })
  })
})

describe('synapseMap', () => {
  it('gives the same bytes from any decomposition into blocks with their halo', () => {
    const shape: Vec3 = [41, 30, 33]
    const grain = noise(shape, 11)
    // A plate, shells and grain, so that both maps have something in every part.
    const em = draw(shape, (x, y, z, i) => {
      const shell = Math.abs(Math.hypot((x % 10) - 5, (y % 10) - 5, (z % 11) - 5) - 2.5) < 0.9
      return (Math.abs(x + y - z - 19) < 4 ? 40 : shell ? 70 : 140) + (grain[i]! >> 4)
    })
    // A surround in the range of the volume's, so that the largest cube decides.
    const params = { dark: 120, surround: 118 }
    const whole = synapseMap({ em, shape, core: cover(shape), params })
    for (const map of [whole.cleft, whole.vesicles]) expect(new Set(map).size).toBeGreaterThan(20)
    fc.assert(
      fc.property(splits(shape), boxes => {
        for (const box of boxes) {
          const outer: Box = {
            min: box.min.map(v => Math.max(0, v - synapseMapHalo)) as unknown as Vec3,
            max: box.max.map((v, a) => Math.min(shape[a]!, v + synapseMapHalo)) as unknown as Vec3,
          }
          const core: Box = {
            min: box.min.map((v, a) => v - outer.min[a]!) as unknown as Vec3,
            max: box.max.map((v, a) => v - outer.min[a]!) as unknown as Vec3,
          }
          const part = crop(em, shape, outer)
          const made = synapseMap({ em: part.data, shape: part.shape, core, params })
          expect(made.cleft).toEqual(crop(whole.cleft, shape, box).data)
          expect(made.vesicles).toEqual(crop(whole.vesicles, shape, box).data)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('takes a dark disc for a cleft, but neither a membrane nor the inside of a dark body', () => {
    const shape: Vec3 = [48, 48, 48]
    const at = (x: number, y: number, z: number): number => x + 48 * (y + 48 * z)
    const em = draw(shape, (x, y, z) => {
      if (Math.hypot(x - 32, y - 32, z - 32) < 13) return 66
      if (Math.abs(z - 10) < 2.2 && Math.hypot(x - 12, y - 12) < 9) return 46
      return Math.abs(z - 10) < 2.2 ? 90 : 135
    })
    const { cleft } = synapseMap({ em, shape, core: cover(shape), params })
    expect(cleft[at(12, 12, 10)]).toBe(240)
    expect(cleft[at(18, 12, 10)]).toBe(240)
    expect(cleft[at(12, 12, 16)]).toBe(0)
    expect(cleft[at(30, 10, 10)]).toBe(0)
    expect(cleft[at(32, 32, 32)]).toBe(0)
  })
})
