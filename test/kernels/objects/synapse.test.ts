// The synapse table: one owner per synapse whatever the regions, the partners and their direction.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { synapseHalo, synapses } from '../../../kernels/synapse/synapse.ts'
import type { SynapseTable } from '../../../kernels/synapse/synapse.ts'
import type { Box, Vec3 } from '../../../kernels/types.ts'
import { crop, draw, noise, splits } from './synapse-volumes.ts'

const params = { minCleft: 64, minVoxels: 10 }

interface Volume {
  readonly cleft: Uint8Array
  readonly vesicles: Uint8Array
  readonly labels: Uint32Array
  readonly ids: BigUint64Array
  readonly shape: Vec3
}

const rowsOf = (t: SynapseTable): string[] =>
  Array.from(t.pre, (_, i) =>
    Object.values(t)
      .map(column => `${(column as Float64Array)[i]}`)
      .join(' '),
  )

/** What the region `box` of a volume that starts at `start` reports. */
function region(v: Volume, box: Box, start: Vec3 = [0, 0, 0]): SynapseTable {
  const outer: Box = {
    min: box.min.map(c => Math.max(0, c - synapseHalo)) as unknown as Vec3,
    max: box.max.map((c, a) => Math.min(v.shape[a]!, c + synapseHalo)) as unknown as Vec3,
  }
  const labels = crop(v.labels, v.shape, outer)
  // Every region counts the labels that it sees in its own way, in the order of their ids.
  const seen = [...new Set(labels.data)].sort((a, b) => (v.ids[a]! < v.ids[b]! ? -1 : 1))
  const place = new Map(seen.map((l, i) => [l, i]))
  return synapses({
    cleft: crop(v.cleft, v.shape, outer).data,
    vesicles: crop(v.vesicles, v.shape, outer).data,
    labels: labels.data.map(l => place.get(l)!),
    ids: BigUint64Array.from(seen, l => v.ids[l]!),
    shape: labels.shape,
    origin: outer.min.map((c, a) => c + start[a]!) as unknown as Vec3,
    core: {
      min: box.min.map((c, a) => c - outer.min[a]!) as unknown as Vec3,
      max: box.max.map((c, a) => c - outer.min[a]!) as unknown as Vec3,
    },
    params,
  }).table
}

/** Blobs of all sizes, some far longer than a cleft may be, in cells of a few segments and background. */
function blobs(shape: Vec3, seed: number): Volume {
  const r = noise([4000, 1, 1], seed)
  let k = 0
  const next = (n: number): number => ((r[k++]! * 256 + r[k++]!) * n) / 65536
  const many = (n: number, length: () => number) =>
    Array.from({ length: n }, () => ({
      x: next(shape[0]),
      y: next(shape[1]),
      z: next(shape[2]),
      r: 1 + next(3),
      length: length(),
    }))
  const list = [...many(30, () => next(9)), ...many(3, () => 40 + next(60))]
  const seeds = many(40, () => 0)
  const cleft = draw(shape, (x, y, z) =>
    list.some(b => Math.hypot(Math.max(0, Math.abs(x - b.x) - b.length / 2), y - b.y, z - b.z) < b.r)
      ? 70 + ((x * y) & 127)
      : 0,
  )
  const labels = Uint32Array.from(
    draw(shape, (x, y, z) => {
      const d = seeds.map(s => (s.x - x) ** 2 + (s.y - y) ** 2 + (s.z - z) ** 2)
      return d.indexOf(Math.min(...d)) % 14
    }),
  )
  const ids = BigUint64Array.from({ length: 14 }, (_, i) => (i === 3 ? 0n : (BigInt((i * 5) % 14) << 50n) + 7n))
  return { cleft, vesicles: noise(shape, seed + 1), labels, ids, shape }
}

describe('regions', () => {
  it('report every synapse once, whatever the regions: the same rows as one region', () => {
    const shape: Vec3 = [170, 40, 26]
    for (const seed of [1, 2, 3]) {
      const v = blobs(shape, seed)
      const whole = rowsOf(region(v, { min: [0, 0, 0], max: shape }))
      expect(whole.length).toBeGreaterThan(8)
      fc.assert(
        fc.property(splits(shape), boxes => {
          expect(boxes.flatMap(box => rowsOf(region(v, box))).sort()).toEqual([...whole].sort())
        }),
        { numRuns: 8 },
      )
    }
  })

  it('give the same bits wherever the dataset puts them', () => {
    const v = blobs([60, 40, 26], 5)
    const box: Box = { min: [0, 0, 0], max: v.shape }
    const here = region(v, box)
    const far = region(v, box, [1000, 77, 12345])
    expect(here.x.length).toBeGreaterThan(3)
    expect(far.size).toEqual(here.size)
    expect(far.score).toEqual(here.score)
    far.preX.forEach((x, i) => expect(x).toBe(here.preX[i]! + 1000))
    far.postZ.forEach((z, i) => expect(z).toBe(here.postZ[i]! + 12345))
  })

  it('sort their rows by z, y, x', () => {
    const t = region(blobs([120, 40, 26], 9), { min: [0, 0, 0], max: [120, 40, 26] })
    const key = (i: number): number[] => [t.z[i]!, t.y[i]!, t.x[i]!]
    for (let i = 1; i < t.x.length; i++) {
      const [a, b] = [key(i - 1), key(i)]
      expect(a[0]! < b[0]! || (a[0] === b[0] && (a[1]! < b[1]! || (a[1] === b[1] && a[2]! <= b[2]!)))).toBe(true)
    }
  })
})

describe('one cleft', () => {
  const shape: Vec3 = [48, 48, 48]
  const ids = BigUint64Array.from([0n, 1n << 60n, 5n, 6n])
  /** A disc at z = 24 between label 1 (below) and 2 (above), with a membrane of background. */
  const scene = (change: Partial<Volume> = {}): Volume => ({
    shape,
    ids,
    cleft: draw(shape, (x, y, z) => (Math.abs(z - 24) < 2 && Math.hypot(x - 24, y - 24) < 8 ? 200 : 0)),
    vesicles: draw(shape, (x, y, z) => (Math.hypot(x - 24, y - 24, z - 36) < 5 ? 255 : 0)),
    labels: Uint32Array.from(draw(shape, (_, __, z) => (z < 24 ? 1 : z > 24 ? 2 : 0))),
    ...change,
  })
  const all: Box = { min: [0, 0, 0], max: shape }

  it('runs from the side with vesicles to the other', () => {
    const up = region(scene(), all)
    expect([...up.pre]).toEqual([5n])
    expect([...up.post]).toEqual([1n << 60n])
    const down = region(
      scene({ vesicles: draw(shape, (x, y, z) => (Math.hypot(x - 24, y - 24, z - 12) < 5 ? 255 : 0)) }),
      all,
    )
    expect([...down.pre]).toEqual([1n << 60n])
    expect([down.x[0], down.y[0], down.z[0]]).toEqual([24, 24, 24])
    expect(down.size[0]).toBe(scene().cleft.filter(c => c > 0).length)
    expect(down.preZ[0]).toBeLessThan(24)
    expect(down.postZ[0]).toBeGreaterThan(24)
    expect(down.score[0]).toBeGreaterThan(0.5)
    expect(region(scene({ vesicles: new Uint8Array(48 ** 3) }), all).score[0]).toBe(0)
  })

  it('runs from the lower id where nothing tells the sides apart', () => {
    const labels = Uint32Array.from(draw(shape, (_, __, z) => (z < 24 ? 1 : z > 24 ? 2 : 0)))
    const none = new Uint8Array(48 ** 3)
    expect([...region(scene({ labels, vesicles: none }), all).pre]).toEqual([5n])
    expect([...region(scene({ labels: labels.map(l => l && 3 - l), vesicles: none }), all).pre]).toEqual([5n])
  })

  it('names points that lie in the partners, also where these are hollow', () => {
    const labels = Uint32Array.from(
      draw(shape, (x, y, z) => (z < 24 ? 1 : z === 24 ? 0 : Math.hypot(x - 24, y - 24) > 4 || z < 26 ? 2 : 3)),
    )
    const t = region(scene({ labels }), all)
    const at = (x: number, y: number, z: number): number => labels[x + 48 * (y + 48 * z)]!
    expect(ids[at(t.preX[0]!, t.preY[0]!, t.preZ[0]!)]).toBe(t.pre[0])
    expect(ids[at(t.postX[0]!, t.postY[0]!, t.postZ[0]!)]).toBe(t.post[0])
  })

  it('is none within one segment, nor beside background alone', () => {
    expect(region(scene({ labels: new Uint32Array(48 ** 3).fill(1) }), all).pre.length).toBe(0)
    expect(region(scene({ labels: new Uint32Array(48 ** 3) }), all).pre.length).toBe(0)
  })

  it('does not take a sliver inside the cleft for a partner', () => {
    const cleft = draw(shape, (x, y, z) => (Math.abs(z - 24) < 5 && Math.hypot(x - 24, y - 24) < 19 ? 200 : 0))
    const labels = Uint32Array.from(draw(shape, (_, __, z, i) => (cleft[i]! > 0 ? 3 : z < 24 ? 1 : 2)))
    const t = region(scene({ labels, cleft }), all)
    expect([t.pre[0], t.post[0]]).toEqual([5n, 1n << 60n])
  })

  it('is dropped when it is too small or reaches too far', () => {
    const small = draw(shape, (x, y, z) => (x === 24 && y === 24 && Math.abs(z - 24) < 5 ? 200 : 0))
    expect(region(scene({ cleft: small }), all).pre.length).toBe(0)
    const wide: Vec3 = [110, 20, 20]
    const long = (half: number): Volume => ({
      shape: wide,
      ids,
      cleft: draw(wide, (x, y, z) => (z === 10 && y === 10 && Math.abs(x - 55) <= half ? 200 : 0)),
      vesicles: new Uint8Array(110 * 400),
      labels: Uint32Array.from(draw(wide, (_, __, z) => (z < 10 ? 1 : 2))),
    })
    expect(region(long(26), { min: [0, 0, 0], max: wide }).size).toEqual(Uint32Array.of(53))
    expect(region(long(27), { min: [0, 0, 0], max: wide }).size.length).toBe(0)
  })

  it('belongs to the region that holds its middle voxel', () => {
    const halves: Box[] = [
      { min: [0, 0, 0], max: [48, 48, 24] },
      { min: [0, 0, 24], max: shape },
    ]
    expect(halves.map(h => region(scene(), h).pre.length)).toEqual([0, 1])
  })
})
