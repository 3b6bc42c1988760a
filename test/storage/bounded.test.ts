// Bounded work on a stream: every item once, no more at a time than allowed, and none after an error.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eachBounded } from '../../storage/bounded.ts'

test('every item once, a few at a time, until one fails', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(30), fc.integer({ min: 1, max: 5 }), fc.nat(40), async (count, limit, bad) => {
      let [asked, open, most, closed] = [0, 0, 0, false]
      async function* items(): AsyncGenerator<number> {
        try {
          for (; asked < count; asked++) yield asked
        } finally {
          closed = true
        }
      }
      const seen: number[] = []
      const work = eachBounded(items(), limit, async i => {
        most = Math.max(most, ++open)
        await new Promise(setImmediate)
        open--
        if (i === bad) throw new Error('bad')
        seen.push(i)
      })
      if (bad < count) {
        await expect(work).rejects.toThrow('bad')
        expect(seen.length).toBeLessThan(bad + limit)
      } else {
        await work
        expect(seen).toEqual(Array.from({ length: count }, (_, i) => i))
      }
      expect(most).toBeLessThanOrEqual(limit)
      expect(closed || count === 0).toBe(true)
    }),
  )
})
