// Marks of sections and boxes: written once, lifted once, listed by dataset.
import { expect, test } from 'vitest'
import { liftDataMark, listDataMarks, putDataMark } from '../../storage/marks.ts'
import { memoryStore } from './fixtures.ts'

test('marks stand until they are lifted, each dataset has its own', async () => {
  const objects = memoryStore()
  const why = { reason: 'torn', by: 'ann' }
  const section = await putDataMark(objects, { dataset: 'd', what: { section: 42 }, ...why })
  const box = { min: [0, 0, 0], max: [1, 2, 3] } as const
  const other = await putDataMark(objects, { dataset: 'd-2', what: { box }, ...why })
  expect(section.id).toMatch(/^section-42-[0-9a-f]{8}$/)
  expect(await listDataMarks(objects, 'd')).toEqual([section])
  expect((await listDataMarks(objects)).map(m => m.id)).toEqual([other.id, section.id])
  expect(await liftDataMark(objects, section.id, why)).toBe(true)
  expect(await liftDataMark(objects, section.id, why)).toBe(false)
  expect(await listDataMarks(objects, 'd')).toEqual([])
  expect(await listDataMarks(objects, 'd-2')).toEqual([other])
  // The same section again is another mark.
  await new Promise(r => setTimeout(r, 2))
  const again = await putDataMark(objects, { dataset: 'd', what: { section: 42 }, ...why })
  expect(again.id).not.toBe(section.id)
  expect(await listDataMarks(objects, 'd')).toEqual([again])
})
