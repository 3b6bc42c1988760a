// Differences between releases as the manifests tell them: which cells of which layers, which holes, which figures.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { figuresThatDiffer, layersThatDiffer, listsThatDiffer } from '../../domain/plan/diff.ts'
import type { Release } from '../../domain/release.ts'

const ref = (content: string) => ({ stage: 's', recipe: content, content })
const refs = (contents: Record<string, string>) =>
  Object.fromEntries(Object.entries(contents).map(([k, v]) => [k, ref(v)]))
const release = (
  em: Record<string, string>,
  mesh: Record<string, string> | null,
  more: Partial<Release> = {},
): Release =>
  ({
    regionShape: [64, 64, 64],
    layers: { em: { regions: refs(em), mips: [] }, ...(mesh ? { mesh: { artifacts: refs(mesh) } } : {}) },
    layerDigests: { em: JSON.stringify(em), mesh: JSON.stringify(mesh) },
    quality: {},
    holes: [],
    cost: 0,
    ...more,
  }) as unknown as Release

test('cells with other contents, cells of one only, layers of one only', () => {
  const a = release({ '0_0_0': 'x', '1_0_0': 'y', '2_0_0': 'z' }, null)
  const b = release({ '0_0_0': 'x', '1_0_0': 'w', '3_0_0': 'z' }, { '0_0_0': 'm' })
  expect(layersThatDiffer(a, b)).toEqual({
    em: { differ: ['1_0_0', '2_0_0', '3_0_0'], of: 4 },
    mesh: { differ: ['0_0_0'], of: 1 },
  })
  expect(layersThatDiffer(a, a)).toEqual({ em: { differ: [], of: 3 } })
})

test('on another grid of regions a layer differs as a whole, or not at all', () => {
  const a = release({ '0_0_0': 'x' }, null)
  const b = release({ '0_0_0': 'p', '1_0_0': 'q' }, null, { regionShape: [32, 64, 64] })
  expect(layersThatDiffer(a, b).em).toEqual({ differ: ['0_0_0', '1_0_0'], of: 2 })
  const same = { ...b, layerDigests: a.layerDigests }
  expect(layersThatDiffer(a, same).em).toEqual({ differ: [], of: 2 })
})

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
  const a = release({}, null, { quality: { voiSum: 0, arand: 0.5 }, holes: [hole], cost: 1 })
  const b = release({}, null, { quality: { arand: 0.5 }, cost: 2 })
  expect(figuresThatDiffer(a, b)).toEqual({
    quality: { voiSum: { before: 0, after: null } },
    holes: { gone: [hole], new: [] },
    cost: { before: 1, after: 2 },
  })
})
