// Marching cubes over the samples of a region: the surfaces of all labels in one pass.
import { longer } from '../arrays.ts'
import { EDGE_START, TRIANGLE_TABLE } from './table.ts'
import type { Samples } from '../surface-samples.ts'
import type { Vec3 } from '../types.ts'

/**
 * Surfaces of many labels in one stream. `owner[v]` is the label of vertex v (never 0), `positions` are nm as x, y, z,
 * `triangles` three vertices each, anticlockwise seen from outside. The three vertices of a triangle have one owner.
 */
export interface Surfaces {
  readonly owner: Uint32Array
  readonly positions: Float32Array
  readonly triangles: Uint32Array
}

/**
 * Surfaces between the labels of `samples`. They pass half-way between samples; towards a neighbouring region they end
 * in the plane of the samples that both regions see, with the same vertices and lines from either side.
 * `low` / `high` as in RegionLabels: on a side with 0 the layer of background closes the surface.
 */
export function marchLabels(
  samples: Samples,
  voxelSizeNm: Vec3,
  low: readonly number[],
  high: readonly number[],
): Surfaces {
  const { labels, shape } = samples
  const [sx, sy] = shape
  const plane = sx * sy
  const first = low.map(side => (side === 1 ? 1 : 0))
  const last = high.map((side, axis) => shape[axis]! - (side === 1 ? 2 : 1))
  const centre = samples.at.map((at, axis) => at.map(voxel => voxel * voxelSizeNm[axis]!))
  const middle = samples.at.map((at, axis) => at.map((v, i) => ((v + (at[i + 1] ?? v)) / 2) * voxelSizeNm[axis]!))

  // The last vertex on each edge of cells in two layers of samples (x- and y-edges) and in the layer between (z-edges), at the
  // sample where the edge starts; two per edge, one for the label at either end. One of before `since` is of an earlier layer.
  const vertexOn = new Int32Array(plane * 10)
  const place = new Int32Array(24)
  const since = new Int32Array(24)
  const { start, crossings } = TRIANGLE_TABLE

  let owner = new Uint32Array((labels.length >> 2) + 12)
  let positions = new Float32Array(3 * owner.length)
  let vertices = 0
  let triangles = new Uint32Array(6 * owner.length)
  let corners = 0
  let before = 0

  for (let z = first[2]!; z < last[2]!; z++) {
    const lower = z & 1
    for (let crossing = 0; crossing < 24; crossing++) {
      const edge = crossing >> 1
      const corner = EDGE_START[edge]!
      const layer = corner >> 2 === 0 ? lower : 1 - lower
      const slab = edge < 4 ? layer : edge < 8 ? 2 + layer : 4
      place[crossing] = 10 * ((corner & 1) + sx * ((corner >> 1) & 1)) + 2 * slab + (crossing & 1)
      since[crossing] = edge < 8 && corner >> 2 === 0 ? before : vertices
    }
    before = vertices
    for (let y = first[1]!; y < last[1]!; y++) {
      const row = sx * (y + sy * z)
      let x = first[0]!
      let i = row + x
      let l1 = labels[i]!
      let l3 = labels[i + sx]!
      let l5 = labels[i + plane]!
      let l7 = labels[i + plane + sx]!
      for (; x < last[0]!; x++) {
        i = row + x + 1
        const l0 = l1
        const l2 = l3
        const l4 = l5
        const l6 = l7
        l1 = labels[i]!
        l3 = labels[i + sx]!
        l5 = labels[i + plane]!
        l7 = labels[i + plane + sx]!
        if (l0 === l1 && l0 === l2 && l0 === l3 && l0 === l4 && l0 === l5 && l0 === l6 && l0 === l7) continue
        let done = 0
        for (let corner = 0; corner < 8; corner++) {
          if (((done >> corner) & 1) === 1) continue
          const label = labels[row + x + (corner & 1) + sx * ((corner >> 1) & 1) + plane * (corner >> 2)]!
          if (label === 0) continue
          const mask =
            (l0 === label ? 1 : 0) |
            (l1 === label ? 2 : 0) |
            (l2 === label ? 4 : 0) |
            (l3 === label ? 8 : 0) |
            (l4 === label ? 16 : 0) |
            (l5 === label ? 32 : 0) |
            (l6 === label ? 64 : 0) |
            (l7 === label ? 128 : 0)
          done |= mask
          if (vertices + 12 > owner.length) {
            owner = longer(owner)
            positions = longer(positions)
          }
          if (corners + 15 > triangles.length) triangles = longer(triangles)
          const end = start[mask + 1]!
          for (let c = start[mask]!; c < end; c++) {
            const crossing = crossings[c]!
            const slot = place[crossing]! + 10 * (x + sx * y)
            if (vertexOn[slot]! <= since[crossing]!) {
              const edge = crossing >> 1
              const corner = EDGE_START[edge]!
              const px = x + (corner & 1)
              const py = y + ((corner >> 1) & 1)
              const pz = z + (corner >> 2)
              owner[vertices] = label
              positions[3 * vertices] = edge < 4 ? middle[0]![px]! : centre[0]![px]!
              positions[3 * vertices + 1] = edge >= 4 && edge < 8 ? middle[1]![py]! : centre[1]![py]!
              positions[3 * vertices + 2] = edge >= 8 ? middle[2]![pz]! : centre[2]![pz]!
              vertexOn[slot] = ++vertices
            }
            triangles[corners++] = vertexOn[slot]! - 1
          }
        }
      }
    }
  }
  return {
    owner: owner.subarray(0, vertices),
    positions: positions.subarray(0, 3 * vertices),
    triangles: triangles.subarray(0, corners),
  }
}
