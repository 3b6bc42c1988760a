// One section as an affine transform lays it on another, and matches found there.
import { affineOf } from './flow.ts'
import { sampleTile } from './sample-tile.ts'
import type { Affine, SectionImage, SectionMatch } from './section-types.ts'

const through = ([a, b, tx, c, d, ty]: Affine, x: number, y: number): [number, number] => [
  a * x + b * y + tx,
  c * x + d * y + ty,
]

/** On the pixels of a, what b shows where the transform takes them. */
export function layImage(a: SectionImage, b: SectionImage, lay: Affine): SectionImage {
  const data = new Uint8Array(a.width * a.height)
  for (let y = 0, o = 0; y < a.height; y++)
    for (let x = 0; x < a.width; x++, o++) {
      const [p, q] = through(lay, a.x0 + x * a.scale, a.y0 + y * a.scale)
      const [u, v] = [(p - b.x0) / b.scale, (q - b.y0) / b.scale]
      const [i, j] = [Math.round(u), Math.round(v)]
      if (i < 0 || j < 0 || i >= b.width || j >= b.height || b.data[j * b.width + i] === 0) continue
      data[o] = Math.max(1, Math.min(255, Math.round(sampleTile(b.data, b.width, b.height, u, v))))
    }
  return { ...a, data }
}

/** A match with what was laid, as one with the section itself. */
export function layMatch(m: SectionMatch, lay: Affine): SectionMatch {
  const [dx, dy] = [m.dx.slice(), m.dy.slice()]
  for (let j = 0, k = 0; j < m.ny; j++)
    for (let i = 0; i < m.nx; i++, k++) {
      const [x, y] = [m.x0 + i * m.spacing, m.y0 + j * m.spacing]
      const [u, v] = through(lay, x + dx[k]!, y + dy[k]!)
      dx[k] = u - x
      dy[k] = v - y
    }
  const [u, v, confidence] = [dx, dy, m.confidence].map(values => Float64Array.from(values))
  const flow = { nx: m.nx, ny: m.ny, dx: u!, dy: v!, confidence: confidence! }
  return { ...m, dx, dy, affine: affineOf(flow, m.x0, m.y0, m.spacing) }
}
