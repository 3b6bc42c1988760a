// Expected run length against a graph of nodes and edges that is gone through one by one, and by hand.
import { expect, test } from 'vitest'
import { mergeContingency } from '../../kernels/metrics.ts'
import { cableIn, runLengths } from '../../kernels/run-length.ts'
import { skeletonAt, skeletonRegion } from '../../kernels/skeleton/skeleton.ts'
import type { Vec3 } from '../../kernels/types.ts'
import { blobs, cut, fill, type Volume } from './objects/mesh-volumes.ts'

const NM: Vec3 = [40, 40, 60]
const whole = (v: Volume, cuts: number[][] = [[], [], []]) => cut(v, cuts, NM)
const idsOf = ({ labels, ids }: Volume): BigUint64Array => BigUint64Array.from(labels, l => ids[l]!)

/** Cable of a truth in segments, box by box. */
const cable = (truth: Volume, segments: Volume, cuts?: number[][]) =>
  mergeContingency(
    whole(truth, cuts).map((box, i) => cableIn(box, idsOf(box as Volume), idsOf(whole(segments, cuts)[i] as Volume))),
  )

/** As funlib.evaluate does it: a list of edges, each with its skeleton and what lies at both ends. */
function plainRunLengths(truth: Volume, segments: Volume, cuts?: number[][]): { erlUm: number; nerl: number } {
  const edges: { skeleton: bigint; nm: number; ends: [bigint, bigint] }[] = []
  for (const [r, region] of whole(truth, cuts).entries()) {
    const other = whole(segments, cuts)[r]!
    const found = skeletonRegion({ ...region, params: { step: 2, scale: 1.5, constantNm: 150, minVoxels: 0 } })
    for (const [i, skeleton] of found.ids.entries()) {
      const s = skeletonAt(found, i)
      const node = (v: number) => Array.from(s.vertices.subarray(3 * v, 3 * v + 3))
      const segmentAt = (v: number): bigint => {
        const [x, y, z] = node(v).map((nm, a) => Math.floor(nm / NM[a]!) - region.origin[a]!)
        return other.ids[other.labels[x! + region.shape[0] * (y! + region.shape[1] * z!)]!]!
      }
      for (let e = 0; e < s.edges.length; e += 2) {
        const [a, b] = [s.edges[e]!, s.edges[e + 1]!]
        const nm = Math.hypot(...node(a).map((v, axis) => v - node(b)[axis]!))
        edges.push({ skeleton, nm, ends: [segmentAt(a), segmentAt(b)] })
      }
    }
  }
  const sum = (of: typeof edges) => of.reduce((n, e) => n + e.nm, 0)
  const right = edges.filter(e => e.ends[0] === e.ends[1] && e.ends[0] !== 0n)
  const in_ = (segment: bigint) =>
    Map.groupBy(
      right.filter(e => e.ends[0] === segment),
      e => e.skeleton,
    )
  const merges = (segment: bigint) => [...in_(segment).values()].filter(of => sum(of) > 300).length > 1
  let [own, best] = [0, 0]
  for (const [skeleton, all] of Map.groupBy(edges, e => e.skeleton)) {
    const runs = Map.groupBy(
      right.filter(e => e.skeleton === skeleton),
      e => e.ends[0],
    )
    for (const [segment, of] of runs) if (!merges(segment)) own += (sum(all) / sum(edges)) * (sum(of) ** 2 / sum(all))
    best += (sum(all) / sum(edges)) * sum(all)
  }
  return { erlUm: own / 1000, nerl: own / best }
}

const close = (a: { erlUm: number; nerl: number }, b: { erlUm: number; nerl: number }): void => {
  expect(a.erlUm).toBeCloseTo(b.erlUm, 6)
  expect(a.nerl).toBeCloseTo(b.nerl, 6)
}

test.each([1, 2, 3, 4, 5, 6])('the same as edge by edge, in one box and in several (seed %i)', seed => {
  const shape: Vec3 = [26, 22, 18]
  const truth = blobs(shape, seed, 9)
  const segments = seed % 3 ? blobs(shape, seed % 2 ? seed + 50 : seed, 4 + 3 * seed) : truth
  for (const cuts of [
    [[], [], []],
    [[12], [10], [6, 12]],
  ]) {
    const found = runLengths(cable(truth, segments, cuts))
    close(found, plainRunLengths(truth, segments, cuts))
    expect(found.nerl === 1).toBe(segments === truth)
  }
})

/** Two tubes along x of 40 voxels, and what `at` says of the segment of each voxel of them. */
const shape: Vec3 = [40, 10, 2]
const tube = (y: number): number => (y < 4 ? 1 : y < 6 ? 0 : 2)
const tubes = fill(shape, BigUint64Array.of(0n, 11n, 12n), (_, y) => tube(y))
const as = (at: (tube: number, x: number) => number): Volume =>
  fill(shape, BigUint64Array.of(0n, 1n, 2n, 3n, 4n), (x, y) => (tube(y) === 0 ? 0 : at(tube(y), x)))
const nerl = (segments: Volume): number => runLengths(cable(tubes, segments)).nerl

test('a split halves a run, a merge and a gap lose both', () => {
  expect(nerl(as(t => t))).toBe(1)
  // One tube of two in halves: (1 + 1/2) / 2, but for the edge that is cut.
  const halved = nerl(as((t, x) => (t === 1 && x < 20 ? 3 : t)))
  expect(halved).toBeGreaterThan(0.7)
  expect(halved).toBeLessThan(0.76)
  expect(nerl(as(() => 1))).toBe(0)
  expect(nerl(as(() => 0))).toBe(0)
  expect(nerl(as(t => (t === 1 ? 0 : 2)))).toBeCloseTo(0.5, 1)
})

test('what only touches a second object is no merge', () => {
  // The end of the first tube lies in the segment of the second.
  const grazing = nerl(as((t, x) => (t === 1 && x >= 35 ? 2 : t)))
  expect(grazing).toBeGreaterThan(0.8)
  const merging = nerl(as((t, x) => (t === 1 && x >= 25 ? 2 : t)))
  expect(merging).toBeLessThan(0.3)
})
