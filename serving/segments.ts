// Segments of a release for the viewer: their properties, and which are the largest.
import type { Json } from '../domain/canonical.ts'
import { voxels } from '../domain/geometry.ts'
import type { Release } from '../domain/release.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import { readParquet } from '../storage/formats/parquet.ts'
import { segmentProperties, type SegmentProperty } from '../storage/formats/segment-properties.ts'
import type { Packs } from './packs.ts'
import { has } from './release-layers.ts'

/** Output of the graph artifact: one row per segment, column `segment`, size in `voxels`, other numbers as they come. */
export const SEGMENTS = 'segments.parquet'
const ID = 'segment'
const SIZE = 'voxels'

/** Longest list that a browser can take in one file. */
const MOST = 200_000

interface Table {
  /** Largest segment first. */
  readonly ids: readonly bigint[]
  readonly numbers: readonly { readonly name: string; readonly values: readonly number[] }[]
}

async function table(artifacts: ArtifactStore, release: Release): Promise<Table> {
  const ref = Object.values(release.layers.graph!.artifacts)[0]!
  const columns = await readParquet(await artifacts.get(ref, SEGMENTS))
  const ids = columns.find(c => c.name === ID)!.data as BigUint64Array
  const sizes = columns.find(c => c.name === SIZE)!.data as { [row: number]: number | bigint }
  const order = Array.from(ids.keys()).sort(
    (a, b) => Number(sizes[b]!) - Number(sizes[a]!) || (ids[a]! < ids[b]! ? -1 : 1),
  )
  return {
    ids: order.map(i => ids[i]!),
    numbers: columns
      .filter(c => c.name !== ID && !Array.isArray(c.data))
      .map(c => ({ name: c.name, values: order.map(i => Number(c.data[i])) })),
  }
}

/** `segment_properties/info`: every numeric column as a number property. */
export async function propertiesInfo(artifacts: ArtifactStore, release: Release): Promise<Json> {
  const { ids, numbers } = await table(artifacts, release)
  const properties = numbers.map(({ name, values }): SegmentProperty => ({
    id: name,
    type: 'number',
    dataType: 'float32',
    values: values.slice(0, MOST),
  }))
  return segmentProperties(ids.slice(0, MOST), properties)
}

/** Share of the dataset beyond which a segment hides all others in a 3-D view. */
const HIDES = 1 / 20

/**
 * Decimal ids of the largest segments, for a first look: by voxels where there is a table, else by the size of their
 * meshes. Those that fill a great part of the dataset come last.
 */
export async function largestSegments(
  artifacts: ArtifactStore,
  packed: Packs,
  release: Release,
  count: number,
): Promise<string[]> {
  const { graph, mesh } = release.layers
  if (has(graph)) {
    const { ids, numbers } = await table(artifacts, release)
    const sizes = numbers.find(c => c.name === SIZE)!.values
    const hides = (_: bigint, i: number): boolean => sizes[i]! > HIDES * voxels(release.bounds)
    return [...ids.filter((id, i) => !hides(id, i)), ...ids.filter(hides)].slice(0, count).map(String)
  }
  if (!has(mesh)) return []
  const sizes = new Map<string, number>()
  for (const { index } of await packed.cells(mesh))
    for (const k of index.keys) sizes.set(k, (sizes.get(k) ?? 0) + index.find(k)!.length)
  return [...sizes]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, count)
    .map(([id]) => id)
}
