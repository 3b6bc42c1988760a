// Where a segmentation is lost: faults by their bits, the best agglomeration against all of them, borders whatever the box.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { bestAgglomeration, withoutBorder, worstFaults } from '../../kernels/faults.ts'
import { contingency, mergeContingency, scores } from '../../kernels/metrics.ts'

const ids = (values: number[]): BigUint64Array<ArrayBuffer> => BigUint64Array.from(values, BigInt)
const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 })), {
  minLength: 1,
  maxLength: 40,
})

test('all merges and splits add up to VOI; a fault says where its second largest part begins', () => {
  fc.assert(
    fc.property(pairs, voxels => {
      const [seg, gt] = [voxels.map(([s]) => s + 1), voxels.map(([, g]) => g)]
      const t = contingency(ids(seg), Uint32Array.from(gt))
      const { voiMerge, voiSplit, voxels: n } = scores(t)
      if (n === 0) return
      const faults = worstFaults(t, Infinity)
      const bits = (kind: string): number => faults.filter(f => f.kind === kind).reduce((sum, f) => sum + f.bits, 0)
      expect(bits('merge')).toBeCloseTo(voiMerge, 9)
      expect(bits('split')).toBeCloseTo(voiSplit, 9)
      for (const f of faults) {
        const [of, part] = f.kind === 'merge' ? [seg, gt] : [gt, seg]
        const first = voxels.findIndex((_, i) => BigInt(of[i]!) === f.id && BigInt(part[i]!) === f.parts[1])
        expect(f.first).toBe(first)
      }
      expect(worstFaults(t, 1).map(f => f.bits)).toEqual(
        ['merge', 'split'].flatMap(kind => faults.filter(f => f.kind === kind).slice(0, 1)).map(f => f.bits),
      )
    }),
  )
})

test('what lies in no segment is no merge', () => {
  const t = contingency(ids([0, 0, 0, 3, 3]), Uint32Array.of(1, 2, 3, 4, 4))
  expect(worstFaults(t, 10)).toEqual([])
})

test('the first voxel of a pair in the whole is that of the parts, each counted from where it lies', () => {
  fc.assert(
    fc.property(pairs, fc.nat(40), (voxels, cut) => {
      const at = Math.min(cut, voxels.length)
      const of = (part: typeof voxels) =>
        contingency(
          ids(part.map(([s]) => s)),
          Uint32Array.from(part, ([, g]) => g),
        )
      const later = of(voxels.slice(at))
      const parts = [of(voxels.slice(0, at)), { ...later, first: later.first.map(i => i + at) }]
      expect(mergeContingency(parts)).toEqual(of(voxels))
      expect(mergeContingency(parts.toReversed())).toEqual(of(voxels))
    }),
  )
})

test('the best agglomeration is perfect where fragments keep to objects, and as bad as its fragments where they do not', () => {
  const gt = Uint32Array.of(1, 1, 1, 2, 2, 2, 5)
  expect(bestAgglomeration(contingency(ids([1, 2, 3, 4, 5, 6, 7]), gt))).toMatchObject({ voiSum: 0, segments: 3 })
  // Fragment 1 holds two voxels of the first object and one of the second.
  const mixed = bestAgglomeration(contingency(ids([1, 1, 2, 1, 3, 4, 5]), gt))
  expect(mixed).toEqual(scores(contingency(ids([1, 1, 1, 1, 2, 2, 5]), gt)))
  // What is in no fragment stays apart.
  const none = bestAgglomeration(contingency(ids([0, 1, 1, 0, 2, 2, 3]), gt))
  expect(none).toEqual(scores(contingency(ids([9, 1, 1, 9, 2, 2, 5]), gt)))
})

test('the border is the same whatever box it is looked for in, and has the voxels that differ from one of six neighbours', () => {
  const side = fc.integer({ min: 1, max: 5 })
  fc.assert(
    fc.property(
      side,
      side,
      side,
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 125, maxLength: 125 }),
      fc.nat(4),
      (sx, sy, sz, values, at) => {
        const labels = Uint32Array.from(values.slice(0, sx * sy * sz))
        const whole = withoutBorder(labels, [sx, sy, sz], [0, 0, 0], [0, 0, 0])
        const label = (x: number, y: number, z: number): number | undefined =>
          x < 0 || y < 0 || z < 0 || x >= sx || y >= sy || z >= sz ? undefined : labels[x + sx * (y + sy * z)]
        for (let i = 0; i < labels.length; i++) {
          const [x, y, z] = [i % sx, Math.floor(i / sx) % sy, Math.floor(i / (sx * sy))]
          const around = [
            label(x - 1, y, z),
            label(x + 1, y, z),
            label(x, y - 1, z),
            label(x, y + 1, z),
            label(x, y, z - 1),
            label(x, y, z + 1),
          ]
          expect(whole[i]).toBe(around.every(l => l === undefined || l === labels[i]) ? labels[i] : 0)
        }
        // The same from two halves along z, each with one voxel of the other.
        const cut = Math.min(sz, at)
        const half = (from: number, to: number): number[] => {
          const [low, high] = [Math.max(0, from - 1), Math.min(sz, to + 1)]
          const part = labels.subarray(low * sx * sy, high * sx * sy)
          return [...withoutBorder(part.slice(), [sx, sy, high - low], [0, 0, from - low], [0, 0, high - to])]
        }
        expect([...half(0, cut), ...half(cut, sz)]).toEqual([...whole])
      },
    ),
  )
})
