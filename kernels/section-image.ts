// A section drawn small from its stitched tiles, for comparison with its neighbours.
import { toTile } from './sample.ts'
import type { Rect, SectionImage, SectionStitch, TileImage } from './section-types.ts'

/** Means of scale x scale pixels of the first tile (by name) that covers them; 0 where none does. */
export function renderSection(tiles: readonly TileImage[], stitch: SectionStitch, box: Rect, scale: number): SectionImage {
  const [x0, y0] = [Math.floor(box.min[0]), Math.floor(box.min[1])]
  const width = Math.ceil((box.max[0] - x0) / scale)
  const height = Math.ceil((box.max[1] - y0) / scale)
  const data = new Uint8Array(width * height)
  const images = new Map(tiles.map(t => [t.name, t]))
  for (const t of stitch.transforms) {
    const image = images.get(t.name)
    if (!image) continue
    for (let j = 0; j < height; j++)
      for (let i = 0; i < width; i++) {
        const o = j * width + i
        if (data[o] !== 0) continue
        const [px, py] = toTile(t, x0 + i * scale, y0 + j * scale).map(Math.round) as [number, number]
        if (px < 0 || py < 0 || px + scale > t.width || py + scale > t.height) continue
        let sum = 0
        for (let v = 0; v < scale; v++) for (let u = 0; u < scale; u++) sum += image.data[(py + v) * t.width + px + u]!
        data[o] = Math.max(1, Math.round(sum / (scale * scale)))
      }
  }
  return { data, width, height, x0, y0, scale }
}
