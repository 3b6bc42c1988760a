// The largest segments of a release, for a first look in the viewer.
import { voxels } from '../domain/geometry.ts'
import type { Release } from '../domain/release.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import { readParquet } from '../storage/formats/parquet.ts'
import { firstOf } from '../storage/release-index.ts'

/** Output of the graph artifact: one row per segment, with its id in column `segment` and its size in `voxels`. */
export const SEGMENTS = 'segments.parquet'

/** Share of the dataset beyond which a segment hides all others in a 3-D view. */
const HIDES = 1 / 20

/** Decimal ids of the largest segments; those that fill a great part of the dataset come last. */
export async function largestSegments(artifacts: ArtifactStore, release: Release, count: number): Promise<string[]> {
  const graph = await firstOf(artifacts.objects, release, 'graph')
  if (!graph) return []
  const columns = await readParquet(await artifacts.get(graph, SEGMENTS))
  const ids = columns.find(c => c.name === 'segment')!.data as BigUint64Array
  const sizes = Array.from(columns.find(c => c.name === 'voxels')!.data as ArrayLike<number | bigint>, Number)
  const hides = (i: number): boolean => sizes[i]! > HIDES * voxels(release.bounds)
  const order = Array.from(ids.keys()).sort((a, b) => sizes[b]! - sizes[a]! || (ids[a]! < ids[b]! ? -1 : 1))
  const best = [...order.filter(i => !hides(i)), ...order.filter(hides)]
  return best.slice(0, count).map(i => String(ids[i]))
}
