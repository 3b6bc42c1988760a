// The grid that `import` writes: as large as the data need, in whole chunks.
import { map3, type Vec3 } from '../../domain/geometry.ts'

/** Chunks and blocks of 64: the smallest that fit. */
const EDGE = 64

/** The default unless the volume is thinner. */
export const fitting = (extent: Vec3, most: Vec3): Vec3 =>
  map3(a => Math.min(most[a], EDGE * Math.max(1, Math.ceil(extent[a] / EDGE))))
