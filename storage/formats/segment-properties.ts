// Numbers of segments for Neuroglancer's segment list.
//
// Source: google/neuroglancer src/datasource/precomputed/segment_properties.rst (inline form, the only one there is).
import type { Json } from '../../domain/canonical.ts'

/** The info file, with numbers of every segment. @throws RangeError when a property does not have one value per segment. */
export function segmentProperties(
  ids: Iterable<bigint>,
  properties: readonly { readonly id: string; readonly values: readonly number[] }[],
): Json {
  const names = Array.from(ids, String)
  for (const p of properties)
    if (p.values.length !== names.length)
      throw new RangeError(`property ${p.id} has ${p.values.length} values for ${names.length} segments`)
  return {
    '@type': 'neuroglancer_segment_properties',
    inline: {
      ids: names,
      properties: properties.map(({ id, values }) => ({ id, type: 'number', data_type: 'float32', values })),
    },
  }
}

/** Longest list that a browser can take in one file. */
const MOST = 200_000

/** The largest segments of a table, largest first, with every other column as a number. */
export function segmentTable(
  table: { readonly id: BigUint64Array; readonly voxels: ArrayLike<number> } & Readonly<
    Record<string, ArrayLike<number> | BigUint64Array>
  >,
): Json {
  const { id, voxels, ...numbers } = table
  const order = Array.from(id.keys())
    .sort((a, b) => voxels[b]! - voxels[a]! || (id[a]! < id[b]! ? -1 : 1))
    .slice(0, MOST)
  return segmentProperties(
    order.map(i => id[i]!),
    Object.entries({ voxels, ...numbers }).map(([name, values]) => ({
      id: name,
      values: order.map(i => Number(values[i]!)),
    })),
  )
}
