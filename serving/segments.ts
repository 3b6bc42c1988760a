// Segments of a release for the viewer: their properties, and which are the largest.
import type { Release } from '../domain/release.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import { packs } from './packs.ts'
import { readTable, type Row } from './table.ts'

/** Output of the graph artifact: one row per segment, column `segment`, other columns numbers. */
export const PROPERTIES = 'segments.parquet'
const ID = 'segment'
const SIZE = 'voxels'

/** Longest list that the viewer can take in one file. */
const MOST = 200_000

const idOf = (row: Row): string => BigInt.asUintN(64, BigInt(row[ID] as bigint)).toString()

/** Rows of the properties table, largest segment first. */
async function table(artifacts: ArtifactStore, release: Release): Promise<Row[]> {
  const refs = Object.values(release.layers.graph?.artifacts ?? {})
  const rows = (await Promise.all(refs.map(async ref => readTable(await artifacts.get(ref, PROPERTIES))))).flat()
  return rows.sort((a, b) => Number(b[SIZE]) - Number(a[SIZE]) || (idOf(a) < idOf(b) ? -1 : 1))
}

/** `segment_properties/info`: every numeric column as a number property. */
export async function segmentProperties(artifacts: ArtifactStore, release: Release): Promise<Record<string, unknown>> {
  const rows = (await table(artifacts, release)).slice(0, MOST)
  const columns = Object.keys(rows[0] ?? {}).filter(c => c !== ID && ['number', 'bigint'].includes(typeof rows[0]![c]))
  return {
    '@type': 'neuroglancer_segment_properties',
    inline: {
      ids: rows.map(idOf),
      properties: columns.map(id => ({ id, type: 'number', data_type: 'float32', values: rows.map(r => Number(r[id])) })),
    },
  }
}

/** Decimal ids of the largest segments: by voxels where there is a table, else by the size of their meshes. */
export async function largestSegments(artifacts: ArtifactStore, release: Release, count: number): Promise<string[]> {
  if (release.layers.graph) return (await table(artifacts, release)).slice(0, count).map(idOf)
  if (!release.layers.mesh) return []
  const sizes = new Map<string, number>()
  for (const { index } of await packs(artifacts).cells(release.layers.mesh))
    for (const k of index.keys) sizes.set(k, (sizes.get(k) ?? 0) + index.find(k)!.length)
  return [...sizes]
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([id]) => id)
}
