// Labels, numbers and tags of segments for Neuroglancer's segment list.
//
// Source: google/neuroglancer src/datasource/precomputed/segment_properties.rst (inline form, the only one there is).
import type { Json } from '../../domain/canonical.ts'

export type SegmentProperty =
  | { readonly id: string; readonly type: 'label' | 'description' | 'string'; readonly values: readonly string[] }
  | {
      readonly id: string
      readonly type: 'number'
      readonly dataType: 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32'
      readonly description?: string
      readonly values: readonly number[]
    }
  /** Of every segment the numbers of its tags in `tags`. */
  | {
      readonly id: string
      readonly type: 'tags'
      readonly tags: readonly string[]
      readonly values: readonly (readonly number[])[]
    }

/** The info file. @throws RangeError when a property does not have one value per segment. */
export function segmentProperties(ids: Iterable<bigint>, properties: readonly SegmentProperty[]): Json {
  const names = Array.from(ids, String)
  for (const p of properties)
    if (p.values.length !== names.length)
      throw new RangeError(`property ${p.id} has ${p.values.length} values for ${names.length} segments`)
  return {
    '@type': 'neuroglancer_segment_properties',
    inline: {
      ids: names,
      properties: properties.map(p => {
        if (p.type === 'number')
          return {
            id: p.id,
            type: p.type,
            data_type: p.dataType,
            ...(p.description !== undefined && { description: p.description }),
            values: p.values,
          }
        if (p.type === 'tags')
          return { id: p.id, type: p.type, tags: p.tags, values: p.values.map(v => [...v].sort((a, b) => a - b)) }
        return { id: p.id, type: p.type, values: p.values }
      }),
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
      type: 'number',
      dataType: 'float32',
      values: order.map(i => Number(values[i]!)),
    })),
  )
}
