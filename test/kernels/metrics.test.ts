// Segmentation metrics: the definitions by brute force, invariances, and the reference numbers of real data.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contingency, mergeContingency, scores } from '../../kernels/metrics.ts'
import type { Contingency } from '../../kernels/segmentation/segmentation-types.ts'

const big = (ids: number[]): BigUint64Array => BigUint64Array.from(ids, id => BigInt(id) * 0x1_0000_0003n)
const rows = (t: Contingency): string[] => Array.from(t.seg, (s, i) => `${s} ${t.gt[i]} ${t.count[i]}`)
const labels = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 })), {
  minLength: 1,
  maxLength: 60,
})

/** Entropies and pair counts from their definitions, pair of voxels by pair of voxels. */
function naive(seg: number[], gt: number[]): { split: number; merge: number; arand: number } {
  const kept = seg.map((s, i) => [s, gt[i]!] as const).filter(([, g]) => g !== 0)
  const n = kept.length
  const p = (test: (v: readonly [number, number]) => boolean): number => kept.filter(test).length / n
  let [split, merge, both, inSeg, inGt] = [0, 0, 0, 0, 0]
  for (const [s, g] of kept) {
    const joint = p(([a, b]) => a === s && b === g)
    split -= Math.log2(joint / p(([, b]) => b === g)) / n
    merge -= Math.log2(joint / p(([a]) => a === s)) / n
    for (const [a, b] of kept) {
      if (a === s) inSeg++
      if (b === g) inGt++
      if (a === s && b === g) both++
    }
  }
  const [precision, recall] = [both / inSeg, both / inGt]
  return { split, merge, arand: 1 - (2 * precision * recall) / (precision + recall) }
}

describe('contingency and scores', () => {
  test('equal the definitions', () => {
    fc.assert(
      fc.property(labels, pairs => {
        const [seg, gt] = [pairs.map(([s]) => s), pairs.map(([, g]) => g)]
        const table = contingency(big(seg), Uint32Array.from(gt))
        const s = scores(table)
        expect(s.voxels).toBe(gt.filter(g => g !== 0).length)
        if (s.voxels === 0) return
        const n = naive(seg, gt)
        expect(s.voiSplit).toBeCloseTo(n.split, 9)
        expect(s.voiMerge).toBeCloseTo(n.merge, 9)
        expect(s.voiSum).toBe(s.voiSplit + s.voiMerge)
        expect(s.arand).toBeCloseTo(n.arand, 9)
        expect(s.segments).toBe(new Set(seg.filter((_, i) => gt[i] !== 0)).size)
        expect(s.objects).toBe(new Set(gt.filter(g => g !== 0)).size)
        expect(rows(contingency(big(seg), BigUint64Array.from(gt, BigInt)))).toEqual(rows(table))
      }),
    )
  })

  test('tables of parts merge to the table of the whole, in any order', () => {
    fc.assert(
      fc.property(labels, fc.nat(60), fc.nat(60), (pairs, i, j) => {
        const [a, b] = [Math.min(i, j), Math.max(i, j)]
        const part = (from: number, to?: number): Contingency => {
          const cut = pairs.slice(from, to)
          return contingency(
            big(cut.map(([s]) => s)),
            Uint32Array.from(cut, ([, g]) => g),
          )
        }
        const parts = [part(0, a), part(a, b), part(b)]
        expect(rows(mergeContingency(parts))).toEqual(rows(part(0)))
        expect(rows(mergeContingency(parts.toReversed()))).toEqual(rows(part(0)))
      }),
    )
    expect(rows(mergeContingency([]))).toEqual([])
  })

  test('a perfect segmentation has no error under any renaming; one segment has only merges, one per voxel only splits', () => {
    const gt = Uint32Array.of(1, 1, 2, 2, 2, 7, 0)
    expect(scores(contingency(big([9, 9, 4, 4, 4, 1, 9]), gt))).toMatchObject({
      voiSplit: 0,
      voiMerge: 0,
      arand: 0,
      objects: 3,
    })
    expect(scores(contingency(big([1, 1, 1, 1, 1, 1, 1]), gt))).toMatchObject({ voiSplit: 0, segments: 1 })
    expect(scores(contingency(big([1, 2, 3, 4, 5, 6, 7]), gt))).toMatchObject({ voiMerge: 0, segments: 6 })
  })

  test('refuses volumes of different size', () => {
    expect(() => contingency(big([1]), Uint32Array.of(1, 2))).toThrow(RangeError)
  })
})

const folder = join(process.env['HILLOCK_DATA'] ?? '../shared/data', 'fib25-medulla')

describe.skipIf(!existsSync(join(folder, 'gt.npy.gz')))(
  'reference numbers of fib25-medulla (skipped where the data are absent)',
  () => {
    const read = (name: string): Buffer => {
      const bytes = gunzipSync(readFileSync(join(folder, `${name}.npy.gz`)))
      return bytes.subarray(10 + bytes.readUInt16LE(8))
    }
    const words = (b: Buffer): Uint32Array => new Uint32Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.length))

    /** The same numbers as uint64, without a bigint per voxel. */
    const wide = (ids: ArrayLike<number>): BigUint64Array => {
      const out = new Uint32Array(2 * ids.length)
      for (let i = 0; i < ids.length; i++) out[2 * i] = ids[i]!
      return new BigUint64Array(out.buffer)
    }

    test('watershed and flood-filling network', () => {
      const gt = words(read('gt'))
      const ws = scores(contingency(wide(words(read('watershed'))), gt))
      const ffn = read('ffn')
      const seg = wide(ffn)
      const all = scores(contingency(seg, gt))
      const filled = scores(
        contingency(
          seg,
          gt.map((g, i) => (ffn[i] === 0 ? 0 : g)),
        ),
      )
      const close = (s: typeof ws, split: number, merge: number, arand: number): void => {
        // The references are printed with three decimals.
        expect(Math.abs(s.voiSplit - split)).toBeLessThan(0.0011)
        expect(Math.abs(s.voiMerge - merge)).toBeLessThan(0.0011)
        expect(Math.abs(s.arand - arand)).toBeLessThan(0.0011)
      }
      close(ws, 2.475, 0.318, 0.387)
      close(all, 0.831, 0.767, 0.202)
      close(filled, 0.557, 0.24, 0.109)
    })
  },
)
