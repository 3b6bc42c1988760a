// The largest segments of a release, for a first look in the viewer.
import { voxels } from '../domain/geometry.ts'
import type { Release } from '../domain/release.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import { cellsOf } from '../storage/release-index.ts'
import { tableParts } from '../storage/tables.ts'

/** Share of the dataset beyond which a segment hides all others in a 3-D view. */
const HIDES = 1 / 20

/** Decimal ids of the largest segments; those that fill a great part of the dataset come last. */
export async function largestSegments(artifacts: ArtifactStore, release: Release, count: number): Promise<string[]> {
  const ids: bigint[] = []
  const sizes: number[] = []
  const cells = cellsOf(artifacts.objects, release, 'graph')
  for await (const { segment, voxels } of tableParts(artifacts, cells, 'segments')) {
    ids.push(...(segment as BigUint64Array))
    sizes.push(...Array.from(voxels!, Number))
  }
  const hides = (i: number): boolean => sizes[i]! > HIDES * voxels(release.bounds)
  const order = [...ids.keys()].sort((a, b) => sizes[b]! - sizes[a]! || (ids[a]! < ids[b]! ? -1 : 1))
  const best = [...order.filter(i => !hides(i)), ...order.filter(hides)]
  return best.slice(0, count).map(i => String(ids[i]))
}
