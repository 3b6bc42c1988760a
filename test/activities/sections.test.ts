// Sections of many tiles: stitched and drawn from a few at a time they are what they are from all at once.
import { expect, test } from 'vitest'
import { drawSection } from '../../activities/sections/sections.ts'
import type { IngestedTile } from '../../activities/sections/ingest.ts'
import { renderSection } from '../../kernels/sections/draw-section.ts'
import { stitchTiles } from '../../activities/sections/stitch.ts'
import { StagesConfig } from '../../domain/stages.ts'
import type { SectionImage } from '../../kernels/sections/section-types.ts'
import { encodePng } from '../../storage/formats/image.ts'
import { putRaw } from '../../storage/raw.ts'
import { memoryStore } from '../storage/fixtures.ts'
import { stitchSection } from '../kernels/sections/section-kernels.ts'
import { tile, tissue } from '../kernels/sections/texture.ts'

test('a section is the same from a few tiles at a time', async () => {
  const objects = memoryStore()
  const images = [0, 1, 2].flatMap(row =>
    [0, 1, 2].map(column => {
      const [x, y] = [column * 90, row * 80]
      const grey = (u: number, v: number): number => tissue(x + u + (row === 1 ? 1.4 : 0), y + v)
      return tile(`r${row}c${column}`, x, y, 110, 100, grey, 8, row * 3 + column)
    }),
  )
  const stitch = stitchSection(images)
  const tiles: IngestedTile[] = []
  for (const { data, ...t } of images) {
    const digest = await putRaw(objects, await encodePng(data, t.width, t.height))
    tiles.push({ ...t, sha256: digest } as IngestedTile)
  }
  const direct = async (kernel: (...a: never[]) => unknown, args: never[]): Promise<unknown> => kernel(...args)
  const params = StagesConfig.parse({}).stitch
  expect(await stitchTiles({ objects, compute: direct } as never, tiles, params)).toEqual(stitch)
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
