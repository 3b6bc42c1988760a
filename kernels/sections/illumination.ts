// Uneven light and exposure of the tiles of one section, told apart from the tissue, and the grey values that remain.
import { addEntry, addRow, endRow, leastSquares, makeRows } from './least-squares.ts'
import type { SeamMatch } from './seams.ts'
import { cameraView, edgeDistance } from './camera-view.ts'
import { sharpness } from './tile-quality.ts'
import type { CameraView, SectionStitch, SectionTile, TilePlace } from './section-types.ts'

export type Illumination = SectionStitch['illumination']

/** Nodes of the gain grid along each axis. */
const nodes = 9
/** Cells of a tile along each axis whose mean grey is used. */
const cells = 8
const terms = 6
/** Pull of every exposure to that of the others: a slope of the light looks like a row of exposures, and is the likelier. */
const steadiness = 5
/** Weight of the mean of a cell (which tissue sways) against the ratio of two views of the same tissue. */
const cellWeight = 0.02

/** Smooth functions over the face of a tile, u and v from -1 to 1: the light of a lens falls off like these. */
const basis = (u: number, v: number): number[] => [u, v, u * u, u * v, v * v, (u * u + v * v) * (u * u + v * v)]

/**
 * Log brightness = light(place in the tile) + exposure(tile) + tissue. In an overlap the tissue is the same, so that ratios
 * of patches say most; the means of cells, averaged over the tiles, say the rest. Linear least squares.
 */
export function illuminationOf(
  tiles: readonly TilePlace[],
  matches: readonly SeamMatch[],
  greys: readonly TileGreys[],
): { illumination: Illumination; gains: number[] } {
  const n = tiles.length
  // Unknowns: the terms of the light, exposures, mean tissue of each tile.
  const rows = makeRows(terms + 2 * n)
  const light = (t: TilePlace, x: number, y: number, sign: number) => {
    const f = basis((2 * x) / Math.max(1, t.width - 1) - 1, (2 * y) / Math.max(1, t.height - 1) - 1)
    for (let k = 0; k < terms; k++) addEntry(rows, k, sign * f[k]!)
  }
  const seen = new Int32Array(n)
  for (const m of matches) {
    const a = tiles[m.a]!
    const b = tiles[m.b]!
    const left = greys[m.a]!.patches[seen[m.a]!++]!
    const right = greys[m.b]!.patches[seen[m.b]!++]!
    if (left <= 0 || right <= 0) continue
    light(a, m.ax, m.ay, 1)
    light(b, m.bx, m.by, -1)
    addEntry(rows, terms + m.a, 1)
    addEntry(rows, terms + m.b, -1)
    endRow(rows, Math.log(left / right), 0, m.score)
  }
  tiles.forEach((t, i) => {
    for (let j = 0; j < cells; j++)
      for (let k = 0; k < cells; k++) {
        const [w, h] = [t.width / cells, t.height / cells]
        const [x0, y0] = [(k * t.width) / cells, (j * t.height) / cells]
        const mean = greys[i]!.cells[j * cells + k]!
        if (mean <= 0 || edgeDistance(greys[i]!.view, t.width, t.height, x0 + w / 2, y0 + h / 2) <= 0) continue
        light(t, x0 + (w - 1) / 2, y0 + (h - 1) / 2, 1)
        addEntry(rows, terms + n + i, 1)
        endRow(rows, Math.log(mean), 0, cellWeight)
      }
    addRow(rows, [terms + i], [1], steadiness)
  })
  // The fourth order takes part only where it explains clearly more.
  addRow(rows, [5], [1], 2)
  const u = new Float64Array(rows.unknowns)
  leastSquares(rows, rows.rightX, u, 20 * rows.unknowns, 1e-9)

  const logs: number[] = []
  for (let j = 0; j < nodes; j++)
    for (let i = 0; i < nodes; i++) {
      const f = basis((2 * i) / (nodes - 1) - 1, (2 * j) / (nodes - 1) - 1)
      logs.push(f.reduce((sum, v, k) => sum + u[k]! * v, 0))
    }
  const mean = logs.reduce((a, b) => a + b, 0) / logs.length
  return {
    illumination: { nx: nodes, ny: nodes, gain: logs.map(v => Math.exp(v - mean)) },
    gains: tiles.map((_, i) => Math.exp(u[terms + i]!)),
  }
}

type Corners = readonly [x0: number, y0: number, x1: number, y1: number]

/** What stitching needs of the pixels of one tile. */
export interface TileGreys {
  readonly view: CameraView
  /** Mean grey of each cell, and of each of the patches that were asked for. */
  readonly cells: readonly number[]
  readonly patches: readonly number[]
  readonly focus: number
}

/** The patches of each tile that matches are about, in the order of the matches. */
export function patchesOf(tiles: number, matches: readonly SeamMatch[]): Corners[][] {
  const patches = Array.from({ length: tiles }, (): Corners[] => [])
  for (const { a, b, ax, ay, bx, by, halfX, halfY } of matches) {
    patches[a]!.push([ax - halfX, ay - halfY, ax + halfX, ay + halfY])
    patches[b]!.push([bx - halfX, by - halfY, bx + halfX, by + halfY])
  }
  return patches
}

export function tileGreys(t: SectionTile, patches: readonly Corners[]): TileGreys {
  const [w, h] = [t.width / cells, t.height / cells]
  const means: number[] = []
  for (let j = 0; j < cells; j++)
    for (let k = 0; k < cells; k++) {
      const [x0, y0] = [(k * t.width) / cells, (j * t.height) / cells]
      means.push(meanGrey(t, x0, y0, x0 + w, y0 + h))
    }
  return {
    view: cameraView(t),
    cells: means,
    patches: patches.map(c => meanGrey(t, ...c)),
    focus: sharpness(t.data, t.width, t.height),
  }
}

/** Mean over a rectangle of a tile; pixels at 0 and 255 do not count; 0 when none is left. */
function meanGrey(t: SectionTile, x0: number, y0: number, x1: number, y1: number): number {
  let [n, sum] = [0, 0]
  const left = Math.max(0, Math.round(x0))
  const right = Math.min(t.width, Math.round(x1))
  for (let y = Math.max(0, Math.round(y0)); y < Math.min(t.height, Math.round(y1)); y++)
    for (let i = y * t.width + left; i < y * t.width + right; i++) {
      const v = t.data[i]!
      if (v === 0 || v === 255) continue
      n++
      sum += v
    }
  return n > 0 ? sum / n : 0
}

/** Relative brightness at a pixel of a tile of the given size. */
export function gainAt(l: Illumination, width: number, height: number, x: number, y: number): number {
  const fx = Math.max(0, Math.min(1, x / Math.max(1, width - 1))) * (l.nx - 1)
  const fy = Math.max(0, Math.min(1, y / Math.max(1, height - 1))) * (l.ny - 1)
  const i = Math.min(l.nx - 2, Math.floor(fx))
  const j = Math.min(l.ny - 2, Math.floor(fy))
  const s = fx - i
  const t = fy - j
  const n = j * l.nx + i
  const g = l.gain
  return (1 - t) * ((1 - s) * g[n]! + s * g[n + 1]!) + t * ((1 - s) * g[n + l.nx]! + s * g[n + l.nx + 1]!)
}

/** How many pixels of a tile have each grey value, once light and exposure are taken out. */
export function greyHistogram(t: SectionTile, illumination: Illumination, gain: number): number[] {
  const histogram = Array.from({ length: 256 }, () => 0)
  // Every second pixel of every second row is enough of a sample.
  for (let y = 0; y < t.height; y += 2)
    for (let x = 0; x < t.width; x += 2) {
      const raw = t.data[y * t.width + x]!
      if (raw === 0 || raw === 255) continue
      const v = raw / (gainAt(illumination, t.width, t.height, x, y) * gain)
      histogram[Math.min(255, Math.round(v))]!++
    }
  return histogram
}

/** Statistics of the corrected grey values; the darkest and brightest hundredth (folds, dirt, holes) do not sway mean and std. */
export function intensityOf(histograms: readonly (readonly number[])[]): SectionStitch['intensity'] {
  const histogram = Array.from({ length: 256 }, (_, v) => histograms.reduce((n, h) => n + h[v]!, 0))
  const total = histogram.reduce((a, b) => a + b, 0)
  if (total === 0) return { mean: 0, std: 1, histogram }
  const low = quantile(histogram, 0.01 * total)
  const high = quantile(histogram, 0.99 * total)
  let [n, sum, squares] = [0, 0, 0]
  for (let v = low; v <= high; v++) {
    n += histogram[v]!
    sum += v * histogram[v]!
    squares += v * v * histogram[v]!
  }
  const mean = sum / n
  return { mean, std: Math.max(1, Math.sqrt(Math.max(0, squares / n - mean * mean))), histogram }
}

/** The lowest grey value up to which at least `count` pixels are. */
function quantile(histogram: readonly number[], count: number): number {
  let seen = 0
  return histogram.findIndex(n => (seen += n) >= count)
}
