// Where a pixel of a phantom's tile lies in the specimen, straight from what its truth says of the section.
import type { PhantomSpec, SectionTruth } from '../../../specimen/types.ts'

/** Cubic B-spline of a lattice of the truth, straight from its definition as a sum of translated bumps. */
export function warp({ warp: w }: SectionTruth, values: readonly number[], x: number, y: number): number {
  const bump = (t: number) => {
    const a = Math.abs(t)
    return a < 1 ? 2 / 3 - a * a + (a * a * a) / 2 : a < 2 ? (2 - a) ** 3 / 6 : 0
  }
  let sum = 0
  for (let j = 0; j < w.nodes[1]; j++)
    for (let i = 0; i < w.nodes[0]; i++)
      sum +=
        values[i + w.nodes[0] * j]! * bump((x - w.origin[0]) / w.spacing - i) * bump((y - w.origin[1]) / w.spacing - j)
  return sum
}

/** The point of the specimen that tile k shows at the nominal stage position (u, v). */
export function shownAt(spec: PhantomSpec, s: SectionTruth, k: number, u: number, v: number): [number, number] {
  const angle = (s.rotationDeg * Math.PI) / 180
  const [cx, cy] = [spec.size[0] / 2, spec.size[1] / 2]
  const dx = u + s.tiles[k]!.dx + s.shift[0] - cx
  const dy = v + s.tiles[k]!.dy + s.shift[1] - cy
  return [
    cx + Math.cos(angle) * dx - Math.sin(angle) * dy + warp(s, s.warp.dx, u, v),
    cy + Math.sin(angle) * dx + Math.cos(angle) * dy + warp(s, s.warp.dy, u, v),
  ]
}
