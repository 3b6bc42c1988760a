// Rows of spheres as columns.
import type { Vec3 } from '../kernels/types.ts'
import type { Samples } from './types.ts'

export type Row = Readonly<Record<'r' | 'owner', number> & { at: Vec3 }>

export const samplesOf = (rows: readonly Row[]): Samples => ({
  x: Float64Array.from(rows, row => row.at[0]),
  y: Float64Array.from(rows, row => row.at[1]),
  z: Float64Array.from(rows, row => row.at[2]),
  r: Float64Array.from(rows, row => row.r),
  owner: Uint32Array.from(rows, row => row.owner),
})
