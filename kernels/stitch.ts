// Puts the tiles of one section together: shifts from all overlaps at once, a mesh where the lens bends, grey values.
import { cameraView } from './camera-view.ts'
import { illuminationOf, intensityOf } from './illumination.ts'
import { addEntry, endRow, leastSquares, makeRows, median, rowTimes } from './least-squares.ts'
import { meshLattice, solveMesh } from './mesh-solve.ts'
import { seamMatches } from './seams.ts'
import type { SeamMatch } from './seams.ts'
import { stitchDefaults } from './section-types.ts'
import { sharpness } from './tile-quality.ts'
import type { Rect, SectionStitch, SectionTile, StitchParams, TileTransform } from './section-types.ts'

/** Pull of each tile to its nominal position against one match: places what nothing else holds. */
const anchor = 1e-4

/**
 * Stitches a section. The order of the tiles does not matter. Blank and broken tiles must not be passed.
 * The mean deviation of the tiles from their nominal positions is zero.
 * @throws RangeError when no tile is passed or two share a name
 */
export function stitchSection(input: readonly SectionTile[], params: Partial<StitchParams> = {}): SectionStitch {
  const p = { ...stitchDefaults, ...params }
  const tiles = [...input].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  if (tiles.length === 0) throw new RangeError('a section without tiles cannot be stitched')
  for (let i = 1; i < tiles.length; i++)
    if (tiles[i]!.name === tiles[i - 1]!.name) throw new RangeError(`two tiles are called ${tiles[i]!.name}`)

  const { matches, overlapping } = seamMatches(tiles, p)
  const { shiftX, shiftY, residuals } = solveShifts(tiles, matches)
  const bent = matches.length > 0 && median(residuals) > p.elasticAbovePx
  const mesh = bent ? solveMesh(tiles, matches, shiftX, shiftY) : undefined
  const finalResiduals = mesh ? mesh.residuals : residuals

  const views = tiles.map(cameraView)
  const { illumination, gains } = illuminationOf(tiles, matches, views)
  const transforms = tiles.map((t, i): TileTransform => ({
    name: t.name,
    width: t.width,
    height: t.height,
    affine: [1, 0, t.x + shiftX[i]!, 0, 1, t.y + shiftY[i]!],
    mesh: mesh ? meshLattice(mesh, i) : null,
    gain: gains[i]!,
    view: views[i]!,
  }))
  const touched = tiles.map(() => false)
  for (const m of matches) touched[m.a] = touched[m.b] = true
  return {
    transforms,
    matches: matches.map((m, k) => ({
      a: tiles[m.a]!.name,
      b: tiles[m.b]!.name,
      ax: m.ax,
      ay: m.ay,
      bx: m.bx,
      by: m.by,
      dx: tiles[m.a]!.x + m.ax - (tiles[m.b]!.x + m.bx),
      dy: tiles[m.a]!.y + m.ay - (tiles[m.b]!.y + m.by),
      score: m.score,
      residual: finalResiduals[k]!,
    })),
    bounds: boundsOf(transforms),
    residualPx: { median: median(finalResiduals), max: finalResiduals.reduce((a, b) => Math.max(a, b), 0) },
    intensity: intensityOf(tiles, illumination, gains),
    illumination,
    focus: tiles.reduce((sum, t) => sum + sharpness(t.data, t.width, t.height), 0) / tiles.length,
    unmatched: tiles.filter((_, i) => overlapping[i] && !touched[i]).map(t => t.name),
  }
}

/** Corrections to the nominal positions, by least squares that give less and less weight to matches that do not fit. */
function solveShifts(tiles: readonly SectionTile[], matches: readonly SeamMatch[]) {
  const rows = makeRows(tiles.length)
  for (const m of matches) {
    addEntry(rows, m.b, 1)
    addEntry(rows, m.a, -1)
    const a = tiles[m.a]!
    const b = tiles[m.b]!
    endRow(rows, a.x + m.ax - b.x - m.bx, a.y + m.ay - b.y - m.by, m.score)
  }
  for (let i = 0; i < tiles.length; i++) {
    addEntry(rows, i, 1)
    endRow(rows, 0, 0, anchor)
  }
  const shiftX = new Float64Array(tiles.length)
  const shiftY = new Float64Array(tiles.length)
  let residuals: number[] = []
  for (let round = 0; round < 6; round++) {
    leastSquares(rows, rows.rightX, shiftX, 4 * tiles.length + 20, 1e-10)
    leastSquares(rows, rows.rightY, shiftY, 4 * tiles.length + 20, 1e-10)
    residuals = matches.map((_, k) =>
      Math.hypot(rowTimes(rows, k, shiftX) - rows.rightX[k]!, rowTimes(rows, k, shiftY) - rows.rightY[k]!),
    )
    // Geman-McClure weights; the scale follows the residuals, since a bent seam leaves several pixels.
    const scale = Math.max(0.5, 2 * median(residuals))
    matches.forEach((m, k) => {
      const q = residuals[k]! / scale
      rows.weight[k] = m.score / ((1 + q * q) * (1 + q * q))
    })
  }
  // The anchor makes the mean vanish already, up to the tolerance of the solver.
  for (const s of [shiftX, shiftY]) {
    const mean = s.reduce((a, b) => a + b, 0) / tiles.length
    for (let i = 0; i < s.length; i++) s[i]! -= mean
  }
  return { shiftX, shiftY, residuals }
}

function boundsOf(transforms: readonly TileTransform[]): Rect {
  const min: [number, number] = [Infinity, Infinity]
  const max: [number, number] = [-Infinity, -Infinity]
  for (const { affine, width, height } of transforms) {
    const [a, b, tx, c, d, ty] = affine
    for (const x of [0, width - 1])
      for (const y of [0, height - 1]) {
        const sx = a * x + b * y + tx
        const sy = c * x + d * y + ty
        min[0] = Math.min(min[0], Math.floor(sx))
        min[1] = Math.min(min[1], Math.floor(sy))
        max[0] = Math.max(max[0], Math.ceil(sx) + 1)
        max[1] = Math.max(max[1], Math.ceil(sy) + 1)
      }
  }
  return { min, max }
}
