// Differences between releases as the manifests alone tell them: which holes, which figures.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { figuresThatDiffer, listsThatDiffer } from '../../domain/plan/diff.ts'
import type { Release } from '../../domain/release.ts'

const release = (more: Partial<Release>): Release => ({ quality: {}, holes: [], cost: 0, ...more }) as Release

test('lists: what is left of each when the common part is taken out, in order', () => {
  expect(listsThatDiffer(['a', 'b', 'a', 'c'], ['c', 'a', 'd', 'd'], String)).toEqual({
    gone: ['b', 'a'],
    new: ['d', 'd'],
  })
  const letters = fc.array(fc.constantFrom('a', 'b', 'c'))
  fc.assert(
    fc.property(letters, letters, (x, y) => {
      const d = listsThatDiffer(x, y, String)
      expect([...x, ...d.new].sort()).toEqual([...y, ...d.gone].sort())
      expect(d.gone.filter(v => d.new.includes(v))).toEqual([])
    }),
  )
})

test('figures that only one has are told from nought', () => {
  const hole = { stage: 'align', what: 'section 3', reason: 'torn' }
  const a = release({ quality: { voiSum: 0, arand: 0.5 }, holes: [hole], cost: 1 })
  const b = release({ quality: { arand: 0.5 }, cost: 2 })
  expect(figuresThatDiffer(a, b)).toEqual({
    quality: { voiSum: { before: 0, after: null } },
    holes: { gone: [hole], new: [] },
    cost: { before: 1, after: 2 },
  })
})
