// Drawing a section from parts: whatever their size, the picture is the one drawn from all tiles at once, and few tiles are needed for each.
import { expect, test } from 'vitest'
import { drawSection } from '../../activities/sections/sections.ts'
import type { IngestedTile } from '../../activities/sections/ingest.ts'
import { renderSection } from '../../kernels/sections/draw-section.ts'
import { stitchSection } from '../../kernels/sections/stitch.ts'
import type { SectionImage } from '../../kernels/sections/section-types.ts'
import { stages } from '../../domain/stages.ts'
import { encodePng } from '../../storage/formats/image.ts'
import { putRaw } from '../../storage/raw.ts'
import { memoryStore } from '../storage/fixtures.ts'
import { tile, tissue } from '../kernels/sections/texture.ts'

test('a section drawn in parts is the section', async () => {
  const objects = memoryStore()
  const images = [0, 1, 2].flatMap(row =>
    [0, 1, 2].map(column => {
      const [x, y] = [column * 90, row * 80]
      const grey = (u: number, v: number): number => tissue(x + u + (row === 1 ? 1.4 : 0), y + v)
      return tile(`r${row}c${column}`, x, y, 110, 100, grey, 8, row * 3 + column)
    }),
  )
  const stitch = stitchSection(images, stages.stitch.parameters.parse({}) as never)
  const tiles: IngestedTile[] = []
  for (const { data, ...t } of images) {
    const digest = await putRaw(objects, await encodePng(data, t.width, t.height))
    tiles.push({ ...t, sha256: digest } as IngestedTile)
  }
  const shown: number[] = []
  const compute = async (_: unknown, args: Parameters<typeof renderSection>): Promise<SectionImage> => {
    shown.push(args[0].length)
    return renderSection(...args)
  }
  for (const scale of [1, 2, 3]) {
    const whole = renderSection(images, stitch, stitch.bounds, scale)
    for (const edge of [40, 101, 4096]) {
      shown.length = 0
      expect(await drawSection({ objects, compute } as never, tiles, stitch, scale, edge)).toEqual(whole)
      if (edge === 40) expect(Math.max(...shown)).toBeLessThan(tiles.length)
    }
  }
})
