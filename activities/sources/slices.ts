// Slices of a stack or volume as tiles: whole ones while they are small, else a grid, so that a region touches few bytes.
import type { TileEntry } from '../../domain/run-file/source.ts'
import { cellsIn, type Box } from '../../domain/geometry.ts'
import { encodePng } from '../../storage/formats/image.ts'
import type { VolumeArray } from '../../storage/formats/chunk.ts'
import { copyOverlap } from '../../storage/formats/volume.ts'

/** Longest side of a tile, in pixels. */
const EDGE = 1024

/** Tiles of slices `first..last` of an extent from the origin; side by side, without an overlap. */
export function sliceTiles({ max }: Box, first: number, last: number): TileEntry[] {
  const alone = max[0] <= EDGE && max[1] <= EDGE
  return cellsIn(
    { min: [0, 0, first], max: [Math.ceil(max[0] / EDGE), Math.ceil(max[1] / EDGE), last + 1] },
    [1, 1, 1],
  ).map(([column, row, section]) => {
    const [x, y] = [column * EDGE, row * EDGE]
    return {
      section,
      name: alone ? 'slice' : `r${row}c${column}`,
      file: '',
      x,
      y,
      width: Math.min(EDGE, max[0] - x),
      height: Math.min(EDGE, max[1] - y),
    }
  })
}

/** The pixels of a tile, cut out of the voxels of `box` (x fastest), as a PNG. */
export function tilePng(
  { section, x, y, width, height }: TileEntry,
  data: Uint8Array | Uint16Array,
  box: Box,
): Promise<Uint8Array> {
  const out = data instanceof Uint16Array ? new Uint16Array(width * height) : new Uint8Array(width * height)
  copyOverlap(data as VolumeArray, box, out, { min: [x, y, section], max: [x + width, y + height, section + 1] }, 1)
  return encodePng(out, width, height)
}
