// Lists of tiles in the raw archive: any sections are found again in the order of the list, and few documents are read for them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { getTiles, putTiles, tileDocuments } from '../../storage/tile-lists.ts'
import { memoryStore } from './fixtures.ts'

const entry = (section: number, i: number) => ({ section, name: `t${i}`, file: 'f', x: i, y: 0, width: 9, height: 9 })

test('a batch may have any number of tiles', async () => {
  const objects = memoryStore()
  const tiles = Array.from({ length: 150_000 }, (_, i) => entry(i % 16, i))
  expect((await getTiles(objects, await putTiles(objects, tiles), 0, 15))!.length).toBe(tiles.length)
})

test('sections are found as they were listed, batch by batch', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(70), { minLength: 1 }),
      fc.tuple(fc.nat(70), fc.nat(70)),
      async (sections, [a, b]) => {
        let reads = 0
        const store = memoryStore()
        const objects = { ...store, get: (...args: Parameters<typeof store.get>) => (reads++, store.get(...args)) }
        const tiles = sections.map(entry)
        const list = await putTiles(objects, tiles)
        const [first, last] = [Math.min(a, b), Math.max(a, b)]
        reads = 0
        const found = await getTiles(objects, list, first, last)
        const batch = (t: { section: number }): number => Math.floor(t.section / 16)
        const wanted = tiles.filter(t => t.section >= first && t.section <= last)
        expect(found).toEqual(wanted.sort((s, t) => batch(s) - batch(t)))
        expect(reads).toBeLessThanOrEqual(2 + Math.floor(last / 16) - Math.floor(first / 16))
        expect((await tileDocuments(objects, list)).length).toBe(Math.floor(Math.max(...sections) / 16) + 1)
      },
    ),
  )
  const objects = memoryStore()
  expect(await getTiles(objects, await putTiles(objects, null), 0, 5)).toBeNull()
})
