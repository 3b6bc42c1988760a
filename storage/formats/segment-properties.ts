// Numbers of segments for Neuroglancer's segment list.
//
// Source: google/neuroglancer src/datasource/precomputed/segment_properties.rst (inline form, the only one there is).
import type { Json } from '../../domain/canonical.ts'

/** Longest list that a browser can take in one file. */
const MOST = 200_000

/** The info file: the largest segments of a table, largest first, with every other column as a number. */
export function segmentTable(
  table: { readonly id: BigUint64Array; readonly voxels: ArrayLike<number> } & Readonly<
    Record<string, ArrayLike<number> | BigUint64Array>
  >,
): Json {
  const { id, voxels, ...numbers } = table
  const order = Array.from(id.keys())
    .sort((a, b) => voxels[b]! - voxels[a]! || (id[a]! < id[b]! ? -1 : 1))
    .slice(0, MOST)
  const column = ([name, values]: [string, ArrayLike<number | bigint>]): Json => ({
    id: name,
    type: 'number',
    data_type: 'float32',
    values: order.map(i => Number(values[i])),
  })
  return {
    '@type': 'neuroglancer_segment_properties',
    inline: {
      ids: order.map(i => String(id[i])),
      properties: Object.entries({ voxels, ...numbers }).map(column),
    },
  }
}
