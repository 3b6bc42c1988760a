// Puts the tiles of one section together: shifts from all overlaps at once, a mesh where the lens bends, grey values.
import { illuminationOf, type TileGreys } from './illumination.ts'
import { addEntry, addRow, endRow, makeRows, median, medianAndMax, solveRobustly } from './least-squares.ts'
import { solveMesh } from '../mesh/solve.ts'
import type { SeamMatch } from './seams.ts'
import type { Rect, SectionStitch, StitchParams, TilePlace, TileTransform } from './section-types.ts'

/** Pull of each tile to its nominal position against one match: places what nothing else holds. */
const anchor = 1e-4

/** Tiles in the order in which they are stitched. @throws RangeError when there is none or two share a name */
export function inOrder<T extends TilePlace>(input: readonly T[]): T[] {
  const tiles = [...input].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  if (tiles.length === 0) throw new RangeError('a section without tiles cannot be stitched')
  for (let i = 1; i < tiles.length; i++)
    if (tiles[i]!.name === tiles[i - 1]!.name) throw new RangeError(`two tiles are called ${tiles[i]!.name}`)
  return tiles
}

/**
 * The stitch of tiles in order, but for the grey values that remain, from what was found in their pixels. Blank and broken tiles must not
 * be passed. The mean deviation of the tiles from their nominal positions is zero.
 */
export function placeTiles(
  tiles: readonly TilePlace[],
  pairs: readonly (readonly [a: number, b: number])[],
  matches: readonly SeamMatch[],
  greys: readonly TileGreys[],
  p: StitchParams,
): Omit<SectionStitch, 'intensity'> {
  const { shiftX, shiftY, residuals } = solveShifts(tiles, matches)
  const bent = matches.length > 0 && median(residuals) > p.elasticAbovePx
  const mesh = bent ? solveMesh(tiles, matches, shiftX, shiftY) : { lattices: [], residuals }
  const { illumination, gains } = illuminationOf(tiles, matches, greys)
  const transforms = tiles.map((t, i): TileTransform => ({
    name: t.name,
    width: t.width,
    height: t.height,
    affine: [1, 0, t.x + shiftX[i]!, 0, 1, t.y + shiftY[i]!],
    mesh: mesh.lattices[i] ?? null,
    gain: gains[i]!,
    view: greys[i]!.view,
  }))
  const overlapping = new Set(pairs.flat())
  const touched = new Set(matches.flatMap(m => [m.a, m.b]))
  return {
    transforms,
    matches: matches.map(({ halfX: _x, halfY: _y, ...m }, k) => ({
      ...m,
      a: tiles[m.a]!.name,
      b: tiles[m.b]!.name,
      dx: tiles[m.a]!.x + m.ax - (tiles[m.b]!.x + m.bx),
      dy: tiles[m.a]!.y + m.ay - (tiles[m.b]!.y + m.by),
      residual: mesh.residuals[k]!,
    })),
    bounds: boundsOf(transforms),
    residualPx: medianAndMax(mesh.residuals),
    illumination,
    focus: greys.reduce((sum, g) => sum + g.focus, 0) / tiles.length,
    unmatched: tiles.filter((_, i) => overlapping.has(i) && !touched.has(i)).map(t => t.name),
  }
}

/** Corrections to the nominal positions. */
function solveShifts(tiles: readonly TilePlace[], matches: readonly SeamMatch[]) {
  const rows = makeRows(tiles.length)
  for (const m of matches) {
    const a = tiles[m.a]!
    const b = tiles[m.b]!
    addEntry(rows, m.b, 1)
    addEntry(rows, m.a, -1)
    endRow(rows, a.x + m.ax - b.x - m.bx, a.y + m.ay - b.y - m.by, m.score)
  }
  for (let i = 0; i < tiles.length; i++) addRow(rows, [i], [1], anchor)
  // The scale follows the residuals, since a bent seam leaves several pixels.
  const scaleOf = (residuals: readonly number[]) => Math.max(0.5, 2 * median(residuals))
  const solved = solveRobustly(rows, matches, 6, 4 * tiles.length + 20, 1e-10, scaleOf)
  // The anchor makes the mean vanish already, up to the tolerance of the solver.
  for (const s of [solved.x, solved.y]) {
    const mean = s.reduce((a, b) => a + b, 0) / tiles.length
    for (let i = 0; i < s.length; i++) s[i]! -= mean
  }
  return { shiftX: solved.x, shiftY: solved.y, residuals: solved.residuals }
}

function boundsOf(transforms: readonly TileTransform[]): Rect {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  for (const { affine, width, height } of transforms) {
    left = Math.min(left, Math.floor(affine[2]))
    top = Math.min(top, Math.floor(affine[5]))
    right = Math.max(right, Math.ceil(width - 1 + affine[2]) + 1)
    bottom = Math.max(bottom, Math.ceil(height - 1 + affine[5]) + 1)
  }
  return { min: [left, top], max: [right, bottom] }
}
