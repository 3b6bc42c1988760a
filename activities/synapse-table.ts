// The synapse table as columns, and its parts put together in one fixed order.

export interface SynapseColumns {
  readonly [column: string]:
    | BigUint64Array<ArrayBuffer>
    | Float64Array<ArrayBuffer>
    | Float32Array<ArrayBuffer>
    | Uint32Array<ArrayBuffer>
  readonly pre: BigUint64Array<ArrayBuffer>
  readonly post: BigUint64Array<ArrayBuffer>
  /** Centre, then the points on either side, in voxels of the dataset. */
  readonly x: Float64Array<ArrayBuffer>
  readonly y: Float64Array<ArrayBuffer>
  readonly z: Float64Array<ArrayBuffer>
  readonly preX: Float64Array<ArrayBuffer>
  readonly preY: Float64Array<ArrayBuffer>
  readonly preZ: Float64Array<ArrayBuffer>
  readonly postX: Float64Array<ArrayBuffer>
  readonly postY: Float64Array<ArrayBuffer>
  readonly postZ: Float64Array<ArrayBuffer>
  /** Voxels of the cleft. */
  readonly size: Uint32Array<ArrayBuffer>
  readonly score: Float32Array<ArrayBuffer>
}

/** Rows of all tables sorted by centre (z, y, x), whatever the order of the tables. */
export function concatTables(tables: readonly SynapseColumns[]): SynapseColumns {
  const rows = tables.flatMap((t, k) => Array.from(t.pre, (_, i): [number, number] => [k, i]))
  const centre = ([k, i]: [number, number]): [number, number, number] => [
    tables[k]!.z[i]!,
    tables[k]!.y[i]!,
    tables[k]!.x[i]!,
  ]
  rows.sort((p, q) => {
    const [a, b] = [centre(p), centre(q)]
    return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
  })
  const float = (
    name: 'x' | 'y' | 'z' | 'preX' | 'preY' | 'preZ' | 'postX' | 'postY' | 'postZ',
  ): Float64Array<ArrayBuffer> => Float64Array.from(rows, ([k, i]) => tables[k]![name][i]!)
  return {
    pre: BigUint64Array.from(rows, ([k, i]) => tables[k]!.pre[i]!),
    post: BigUint64Array.from(rows, ([k, i]) => tables[k]!.post[i]!),
    x: float('x'),
    y: float('y'),
    z: float('z'),
    preX: float('preX'),
    preY: float('preY'),
    preZ: float('preZ'),
    postX: float('postX'),
    postY: float('postY'),
    postZ: float('postZ'),
    size: Uint32Array.from(rows, ([k, i]) => tables[k]!.size[i]!),
    score: Float32Array.from(rows, ([k, i]) => tables[k]!.score[i]!),
  }
}
