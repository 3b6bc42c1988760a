// Rows of spheres as columns.
import type { Samples } from './types.ts'

export type Row = Readonly<Record<'x' | 'y' | 'z' | 'r' | 'owner', number>>

export const samplesOf = (rows: readonly Row[]): Samples => ({
  x: Float64Array.from(rows, row => row.x),
  y: Float64Array.from(rows, row => row.y),
  z: Float64Array.from(rows, row => row.z),
  r: Float64Array.from(rows, row => row.r),
  owner: Uint32Array.from(rows, row => row.owner),
})
