// The aligned, normalised EM of any box: every voxel is a look-up, so that any decomposition gives the same bytes.
import { drawRow, prepare } from './draw-section.ts'
import { renderDefaults } from './section-types.ts'
import type { Lattice, RenderParams, SectionStitch, SlabSection } from './section-types.ts'
import type { Box } from './types.ts'

/** Names of the tiles that `renderSlab` may touch for a box, by its x and y. */
export function tilesInBox(stitch: SectionStitch, field: Lattice<Float32Array>, box: Box): string[] {
  const [left, right] = range(field.dx)
  const [top, bottom] = range(field.dy)
  const names: string[] = []
  for (const { name, affine, width, height, mesh } of stitch.transforms) {
    const [a, b, tx, c, d, ty] = affine
    const bent = mesh ? Math.max(...range(mesh.dx).map(Math.abs), ...range(mesh.dy).map(Math.abs)) : 0
    const reach = 2 + 2 * bent
    const xs = [0, a * width, b * height, a * width + b * height]
    const ys = [0, c * width, d * height, c * width + d * height]
    if (
      tx + Math.max(...xs) + reach >= box.min[0] + left &&
      tx + Math.min(...xs) - reach <= box.max[0] + right &&
      ty + Math.max(...ys) + reach >= box.min[1] + top &&
      ty + Math.min(...ys) - reach <= box.max[1] + bottom
    )
      names.push(name)
  }
  return names
}

function range(a: ArrayLike<number>): [number, number] {
  let low = 0
  let high = 0
  for (let i = 0; i < a.length; i++) {
    if (a[i]! < low) low = a[i]!
    if (a[i]! > high) high = a[i]!
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
  params: Partial<RenderParams> = {},
  excluded: readonly Box[] = [],
): Uint8Array {
  const p = { ...renderDefaults, ...params }
  const [x0, y0, z0] = box.min
  const sx = box.max[0] - x0
  const sy = box.max[1] - y0
  const sz = box.max[2] - z0
  const out = new Uint8Array(sx * sy * sz)
  // A tile that is not in reach of the box is never looked at.
  const prepared = new Map(
    sections.map(s => {
      const names = new Set(tilesInBox(s.stitch, s.field, box))
      return [
        s.z,
        {
          field: s.field,
          tiles: prepare(
            s.tiles.filter(t => names.has(t.name)),
            s.stitch,
          ),
        },
      ]
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
