// Typed arrays as columns of tables and as scratch: longer ones, joined ones, chosen rows; and union-find over one.

export type Column = Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array | BigUint64Array

const like = <T extends Column>(a: T, length: number): T => new (a.constructor as new (n: number) => T)(length)

/** The same values with room for more. */
export function longer<T extends Column>(a: T, length = 2 * a.length): T {
  const out = like(a, length)
  out.set(a as never)
  return out
}

/** The arrays in a row; there must be one. */
export function concat<T extends Column>(parts: readonly T[]): T {
  const out = like(
    parts[0]!,
    parts.reduce((n, p) => n + p.length, 0),
  )
  let at = 0
  for (const p of parts) {
    out.set(p as never, at)
    at += p.length
  }
  return out
}

/** The rows of a table (columns of one length) at some places, in the order of the places. */
export function rowsAt<T extends { readonly [K in keyof T]: Column }>(table: T, at: ArrayLike<number>): T {
  const out: Record<string, Column> = {}
  for (const [name, column] of Object.entries<Column>(table)) {
    const to = (out[name] = like(column, at.length))
    for (let i = 0; i < at.length; i++) to[i] = column[at[i]!]!
  }
  return out as T
}

/** Where each of some things in a row begins, by their lengths; one more for the end. */
export function startsOf(lengths: ArrayLike<number>): Uint32Array {
  const starts = new Uint32Array(lengths.length + 1)
  for (let i = 0; i < lengths.length; i++) starts[i + 1] = starts[i]! + lengths[i]!
  return starts
}

/** Union-find: the root of a node, with the way there halved. */
export function rootOf(parent: Uint32Array, node: number): number {
  while (parent[node] !== node) {
    parent[node] = parent[parent[node]!]!
    node = parent[node]!
  }
  return node
}
