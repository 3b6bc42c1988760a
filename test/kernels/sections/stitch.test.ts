// Stitching: shifts, light and blur of made-up tiles come back as they were put in; real tiles meet at their seams.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gainAt } from '../../../kernels/sections/illumination.ts'
import { latticeAt, typedLattice } from '../../../kernels/sections/lattice.ts'
import { correlation } from '../../../kernels/sections/patch.ts'
import { flatten } from '../../../kernels/sections/plane.ts'
import type { SectionTile } from '../../../kernels/sections/section-types.ts'
import { tileQuality } from '../../../kernels/sections/tile-quality.ts'
import { fafbTiles, hasFafb } from './real-sections.ts'
import { grain, tile, tissue } from './texture.ts'
import { renderSlab, stitchSection } from './section-kernels.ts'

const jitter = (k: number, axis: number) => 10 * grain(k, axis, 77)

/** 2 x 3 tiles of 120 x 100 that overlap by 24 and lie up to 5 px from where they say. */
const jittered = (): SectionTile[] =>
  Array.from({ length: 6 }, (_, k) => {
    const grey = (x: number, y: number) => tissue(x + jitter(k, 0), y + jitter(k, 1))
    return tile(`t${k}`, (k % 3) * 96, Math.floor(k / 3) * 76, 120, 100, grey, 16, k)
  })

const flat = { spacing: 1, nx: 1, ny: 1, x0: 0, y0: 0, dx: new Float32Array(1), dy: new Float32Array(1) }

describe('made-up tiles', () => {
  test('shifts come back to a fraction of a pixel, nominal on the average', () => {
    const tiles = jittered()
    const { transforms, unmatched, residualPx } = stitchSection(tiles)
    const [mx, my] = [0, 1].map(a => tiles.reduce((s, _, k) => s + jitter(k, a), 0) / 6) as [number, number]
    let [sx, sy] = [0, 0]
    transforms.forEach(({ affine, mesh }, k) => {
      expect(mesh).toBeNull()
      expect(
        Math.hypot(affine[2] - tiles[k]!.x - jitter(k, 0) + mx, affine[5] - tiles[k]!.y - jitter(k, 1) + my),
      ).toBeLessThan(0.15)
      sx += affine[2] - tiles[k]!.x
      sy += affine[5] - tiles[k]!.y
    })
    expect(Math.hypot(sx, sy)).toBeLessThan(1e-6)
    expect(unmatched).toEqual([])
    expect(residualPx.median).toBeLessThan(0.2)
  })

  test('what the lens bends alike in every tile is put right inside of them, too', () => {
    fc.assert(
      fc.property(fc.double({ min: 1.5, max: 4, noNaN: true }), fc.boolean(), (bend, barrel) => {
        const [w, h] = [256, 224]
        // Pixels at the corners show what lies so many pixels further out, or in.
        const lens = (x: number, y: number) => {
          const [u, v] = [(2 * x) / (w - 1) - 1, (2 * y) / (h - 1) - 1]
          const out = ((barrel ? -1 : 1) * bend * (u * u + v * v)) / 2
          return [out * u, out * v] as const
        }
        const tiles = Array.from({ length: 6 }, (_, k) => {
          const [x, y] = [(k % 3) * 192, Math.floor(k / 3) * 164]
          const grey = (px: number, py: number) => {
            const [dx, dy] = lens(px - x, py - y)
            return tissue(px + dx, py + dy)
          }
          return tile(`t${k}`, x, y, w, h, grey, 10, k)
        })
        const { transforms } = stitchSection(tiles, { elasticAbovePx: 0.05 })
        // The lens also makes everything larger or smaller, which no overlap tells.
        const found = transforms.flatMap((t, k) =>
          Array.from({ length: 49 }, (_, i) => {
            const [qx, qy] = [16 + 36 * (i % 7), 16 + 32 * Math.floor(i / 7)]
            const d = new Float64Array(2)
            latticeAt(typedLattice(t.mesh!), qx, qy, d)
            const [u, v] = [qx + d[0]!, qy + d[1]!]
            const [dx, dy] = lens(u, v)
            const { x, y } = tiles[k]!
            return { x: t.affine[2] + qx, y: t.affine[5] + qy, ex: x + u + dx, ey: y + v + dy }
          }),
        )
        const mean = (value: (f: (typeof found)[0]) => number) => found.reduce((s, f) => s + value(f), 0) / found.length
        const left = (['x', 'y'] as const).map(a => {
          const e = `e${a}` as const
          const [m, n] = [mean(f => f[a]), mean(f => f[e])]
          const larger = mean(f => (f[a] - m) * (f[e] - n)) / mean(f => (f[a] - m) ** 2)
          return found.map(f => Math.abs(f[e] - n - larger * (f[a] - m)))
        })
        const worst = left.flat().toSorted((p, q) => p - q)
        expect(worst[Math.floor(0.95 * worst.length)]).toBeLessThan(0.2 + 0.12 * bend)
      }),
      { numRuns: 4, seed: 1 },
    )
  })

  test('the order of the tiles does not matter', () => {
    const tiles = jittered()
    const expected = JSON.stringify(stitchSection(tiles))
    fc.assert(
      fc.property(fc.shuffledSubarray(tiles, { minLength: 6 }), shuffled => {
        expect(JSON.stringify(stitchSection(shuffled))).toBe(expected)
      }),
      { numRuns: 4 },
    )
  })

  test('uneven light is found, and not taken for exposure', () => {
    const light = (u: number, v: number) => 1 - 0.1 * (u * u + v * v) + 0.03 * u
    // One section sees little tissue: its even part is only good on the average.
    const seeds = [1, 50, 90]
    let corners = 0
    for (const seed of seeds) {
      const tiles = [0, 1, 2, 3].map(k => {
        const x = (k % 2) * 216
        const y = Math.floor(k / 2) * 184
        const grey = (px: number, py: number) =>
          tissue(px, py, seed) * light((px - x) / 127.5 - 1, (py - y) / 111.5 - 1)
        return tile(`t${k}`, x, y, 256, 224, grey, 16, k)
      })
      const { illumination, transforms } = stitchSection(tiles)
      const found = (u: number, v: number) => gainAt(illumination, 256, 224, 127.5 * (u + 1), 111.5 * (v + 1))
      // What the overlaps decide: left against right, top against bottom.
      expect(Math.abs(found(1, 0) / found(-1, 0) - light(1, 0) / light(-1, 0))).toBeLessThan(0.02)
      expect(Math.abs(found(0, 1) / found(0, -1) - 1)).toBeLessThan(0.02)
      for (const { gain } of transforms) expect(Math.abs(gain - 1)).toBeLessThan(0.02)
      corners += found(1, 1) / found(0, 0) / seeds.length
    }
    expect(Math.abs(corners - light(1, 1))).toBeLessThan(0.04)
  })

  test('a tile of bare resin stays where it says and is named', () => {
    const tiles = jittered()
    tiles[4] = tile('t4', tiles[4]!.x, tiles[4]!.y, 120, 100, () => 150, 20)
    const { unmatched, transforms } = stitchSection(tiles)
    expect(unmatched).toEqual(['t4'])
    const { affine } = transforms[4]!
    expect(Math.hypot(affine[2] - tiles[4]!.x, affine[5] - tiles[4]!.y)).toBeLessThan(1)
  })

  test('bad calls are refused', () => {
    expect(() => stitchSection([])).toThrow(RangeError)
    expect(() => stitchSection([jittered()[0]!, jittered()[0]!])).toThrow(/t0/)
    expect(() => tileQuality(new Uint8Array(3), 2, 2)).toThrow(RangeError)
  })
})

test('tile quality tells blank, saturated and blurred tiles', () => {
  const sharp = tile('a', 0, 0, 128, 96, (x, y) => tissue(x, y), 20)
  const soft = tile(
    'b',
    0,
    0,
    128,
    96,
    (x, y) => (tissue(x - 3, y) + tissue(x + 3, y) + tissue(x, y - 3) + tissue(x, y + 3)) / 4,
    20,
  )
  const of = ({ data, width, height }: SectionTile) => tileQuality(data, width, height)
  expect(of(soft).focus).toBeLessThan(0.8 * of(sharp).focus)
  const blank = tileQuality(new Uint8Array(100).fill(17), 10, 10)
  expect([blank.mean, blank.std, blank.saturated]).toEqual([17, 0, 0])
  expect(
    tileQuality(
      Uint8Array.from({ length: 100 }, (_, i) => (i < 25 ? 0 : i < 50 ? 255 : 100)),
      10,
      10,
    ).saturated,
  ).toBe(0.5)
})

describe.skipIf(!hasFafb)('raw TEM tiles with lens distortion', () => {
  test('seams meet: no shift by a pixel fits better anywhere along them', async () => {
    const tiles = await fafbTiles()
    const stitch = stitchSection(tiles)
    expect(stitch.residualPx.median).toBeLessThan(0.3)
    expect(stitch.residualPx.max).toBeLessThan(1)
    // Both tiles of a seam drawn alone, in the same squares along the middle of their overlap.
    const alone = (k: number, x: number, y: number, side: number) => {
      const slab = { z: 0, tiles: [tiles[k]!], stitch, field: flat }
      const box = { min: [x, y, 0], max: [x + side, y + side, 1] } as const
      return flatten(renderSlab([slab], box, { normalise: 'none' }), side, side)
    }
    const side = 96
    const seams = [
      ...[200, 500, 800, 1200, 1500, 1900].map(
        y => [y < 980 ? 0 : 2, y < 980 ? 1 : 3, 1120 - side / 2, y - side / 2] as const,
      ),
      ...[300, 600, 900, 1300, 1600, 2000].map(
        x => [x < 1120 ? 0 : 1, x < 1120 ? 2 : 3, x - side / 2, 1018 - side / 2] as const,
      ),
    ]
    for (const [a, b, x, y] of seams) {
      const [p, q] = [alone(a, x, y, side), alone(b, x, y, side)]
      const here = correlation(p, q, 0, 0, 1, 1000)
      expect(here).toBeGreaterThan(0.75)
      for (const [dx, dy] of [
        [1, 0],
        [-1, 0],
        [0, 1],
        [0, -1],
      ] as const)
        expect(correlation(p, q, dx, dy, 1, 1000)).toBeLessThan(here)
    }
  })
})
