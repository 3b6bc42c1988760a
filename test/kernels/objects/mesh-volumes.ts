// Label volumes for the tests of meshes and skeletons, and their cutting into regions.

import type { RegionLabels } from '../../../kernels/surface-samples.ts'
import type { Vec3 } from '../../../kernels/types.ts'

export interface Volume {
  readonly labels: Uint32Array
  readonly ids: BigUint64Array
  readonly shape: Vec3
}

/** Ids of which the first is background and the order is not the numeric one. */
export const IDS = BigUint64Array.from([0n, 900n, (1n << 60n) + 7n, 12n, 5n])

/** Deterministic pseudo-random numbers in 0..1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Every voxel has its own random label: the worst case for surfaces. */
export function noise(shape: Vec3, seed: number, labels = IDS.length): Volume {
  const random = randomNumbers(seed)
  const values = new Uint32Array(shape[0] * shape[1] * shape[2]).map(() => Math.floor(random() * labels))
  return { labels: values, ids: IDS, shape }
}

/** Cells around random seeds, some of them background, with rough borders. */
export function blobs(shape: Vec3, seed: number, cells: number): Volume {
  const random = randomNumbers(seed)
  const seeds = Array.from({ length: cells }, () => [0, 1, 2].map(axis => random() * shape[axis]!))
  return fill(shape, IDS, (x, y, z) => {
    let best = 0
    let least = Infinity
    for (const [i, s] of seeds.entries()) {
      const d = (x - s[0]!) ** 2 + (y - s[1]!) ** 2 + (z - s[2]!) ** 2 + 2 * random()
      if (d < least) {
        least = d
        best = i
      }
    }
    return best % IDS.length
  })
}

export function fill(shape: Vec3, ids: BigUint64Array, at: (x: number, y: number, z: number) => number): Volume {
  const labels = new Uint32Array(shape[0] * shape[1] * shape[2])
  let i = 0
  for (let z = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) for (let x = 0; x < shape[0]; x++) labels[i++] = at(x, y, z)
  }
  return { labels, ids, shape }
}

/** The regions between the cuts along each axis, with the margins that the kernels ask for. */
export function cut(volume: Volume, cuts: readonly (readonly number[])[], voxelSizeNm: Vec3): RegionLabels[] {
  const { shape, ids } = volume
  const spans = cuts.map((at, axis) => {
    const ends = [0, ...at, shape[axis]!]
    return ends.slice(1).map((end, i) => [ends[i]!, end] as const)
  })
  const regions: RegionLabels[] = []
  for (const z of spans[2]!) for (const y of spans[1]!) for (const x of spans[0]!) regions.push(region([x, y, z]))
  return regions

  function region(box: (readonly [number, number])[]): RegionLabels {
    const low = box.map(([min]) => (min > 0 ? 1 : 0)) as unknown as RegionLabels['low']
    const high = box.map(([, max], axis) => (max < shape[axis]! ? 1 : 0)) as unknown as RegionLabels['high']
    const origin = box.map(([min], axis) => min - low[axis]!) as unknown as Vec3
    const size = box.map(([, max], axis) => max + high[axis]! - origin[axis]!) as unknown as Vec3
    const part = fill(size, ids, (x, y, z) => volume.labels[voxelIndex(shape, [x, y, z], origin)]!)
    return { labels: part.labels, ids, shape: size, origin, voxelSizeNm, low, high }
  }
}

export function voxelIndex(shape: Vec3, at: Vec3, origin: Vec3 = [0, 0, 0]): number {
  return at[0] + origin[0] + shape[0] * (at[1] + origin[1] + shape[1] * (at[2] + origin[2]))
}
