// The aligned, normalised EM of any box: every voxel is a look-up, so that any decomposition gives the same bytes.
import { drawRow, largestOf, prepare } from './draw-section.ts'
import type { Lattice, Rect, RenderParams, SectionStitch, SlabSection } from './section-types.ts'
import { sizeOf } from '../types.ts'
import type { Box } from '../types.ts'

/** Names of the tiles that `renderSlab` may touch for a box, by its x and y. */
export function tilesInBox(stitch: SectionStitch, field: Lattice<Float32Array>, { min, max }: Box): string[] {
  const [left, right] = range(field.dx)
  const [top, bottom] = range(field.dy)
  return tilesInRect(stitch, { min: [min[0] + left, min[1] + top], max: [max[0] + right, max[1] + bottom] })
}

/** Names of the tiles that may show in a rectangle of section coordinates. */
export function tilesInRect(stitch: SectionStitch, { min, max }: Rect): string[] {
  const touched = stitch.transforms.filter(({ affine: [a, b, tx, c, d, ty], width, height, mesh }) => {
    const reach = 2 + 2 * largestOf(mesh)
    const xs = range([0, a * width, b * height, a * width + b * height])
    const ys = range([0, c * width, d * height, c * width + d * height])
    return (
      tx + xs[1] + reach >= min[0] &&
      tx + xs[0] - reach <= max[0] &&
      ty + ys[1] + reach >= min[1] &&
      ty + ys[0] - reach <= max[1]
    )
  })
  return touched.map(t => t.name)
}

/** The smallest and the largest of some values and 0. */
function range(a: ArrayLike<number>): [number, number] {
  let [low, high] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    low = Math.min(low, a[i]!)
    high = Math.max(high, a[i]!)
  }
  return [low, high]
}

/**
 * EM of the box, x fastest. Tiles of a section blend over `featherPx` around the line half-way between their edges; where no
 * tile of a section covers, the nearest section within `fillSections` that does stands in (the lower on a tie); else 0.
 * What sections show inside of `excluded` boxes counts as not covered.
 */
export function renderSlab(
  sections: readonly SlabSection[],
  box: Box,
  p: RenderParams,
  excluded: readonly Box[] = [],
): Uint8Array<ArrayBuffer> {
  const [x0, y0, z0] = box.min
  const [sx, sy, sz] = sizeOf(box)
  const out = new Uint8Array(sx * sy * sz)
  const prepared = new Map(
    sections.map(({ z, field, tiles, stitch }) => {
      // A tile that is not in reach of the box is never looked at.
      const names = new Set(tilesInBox(stitch, field, box))
      const reached = tiles.filter(t => names.has(t.name))
      return [z, { field, tiles: prepare(reached, stitch) }]
    }),
  )
  const done = new Uint8Array(sx * sy)
  for (let k = 0; k < sz; k++) {
    const plane = out.subarray(k * sx * sy, (k + 1) * sx * sy)
    done.fill(0)
    let left = sx * sy
    // z, z - 1, z + 1, z - 2, ...
    for (let r = 0; r <= 2 * p.fillSections && left > 0; r++) {
      const z = z0 + k + (r % 2 === 1 ? -1 : 1) * Math.ceil(r / 2)
      const s = prepared.get(z)
      if (!s) continue
      const gaps = excluded.filter(e => e.min[2] <= z && z < e.max[2])
      for (const gap of gaps) mark(done, box, gap, 0, GAP)
      for (let y = 0; y < sy; y++) left -= drawRow(s.tiles, s.field, p, x0, y0 + y, sx, plane, done, y * sx)
      for (const gap of gaps) mark(done, box, gap, GAP, 0)
    }
  }
  return out
}

/** Stands for a pixel that this section may not draw. */
const GAP = 2

/** Turns `from` into `to` in a plane of the x and y of `box` wherever `part` lies. */
function mark(plane: Uint8Array, box: Box, part: Box, from: number, to: number): void {
  const sx = box.max[0] - box.min[0]
  const [x0, y0] = [Math.max(box.min[0], part.min[0]), Math.max(box.min[1], part.min[1])]
  const [x1, y1] = [Math.min(box.max[0], part.max[0]), Math.min(box.max[1], part.max[1])]
  for (let y = y0; y < y1; y++)
    for (let i = sx * (y - box.min[1]) + x0 - box.min[0], n = i + x1 - x0; i < n; i++)
      if (plane[i] === from) plane[i] = to
}
