// Taint: against a made-up pipeline whose contents are digests of recipes, what is tainted is exactly what a patch makes otherwise.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cellsIn, key, map3, subtract, type Vec3 } from '../../domain/geometry.ts'
import { cellName, parseInput, readsAt } from '../../domain/index/reads.ts'
import { stageNames, stages, type StageName } from '../../domain/stages.ts'
import { tainted, type Spot } from '../../domain/plan/taint.ts'
import { nodesAt, rootLevel, type Node } from '../../domain/index/tree.ts'

const REGION: Vec3 = [64, 64, 64]
const grid = (cells: Vec3) => ({
  bounds: { min: [0, 0, 0] as Vec3, max: map3(a => cells[a] * 64 - 7) },
  region: REGION,
})
type Grid = ReturnType<typeof grid>
const simulated = stageNames.filter(
  s => ['region', 'node', 'range', 'dataset', 'release'].includes(stages[s].scope) && s !== 'align',
)
const isWhole = (s: StageName): boolean => ['range', 'dataset', 'release'].includes(stages[s].scope)

function nodesOf(stage: StageName, g: Grid): Node[] {
  if (isWhole(stage)) return [{ level: 0, coord: [0, 0, 0] }]
  const top = stages[stage].scope === 'node' ? rootLevel(g.bounds, g.region) : 0
  const from = stage === 'resolve' ? 1 : 0
  return Array.from({ length: Math.max(0, top - from + 1) }, (_, i) => from + i).flatMap(level =>
    nodesAt(level, g.region, g.bounds).map(coord => ({ level, coord })),
  )
}
const nameOf = (stage: StageName, n: Node): string => (isWhole(stage) ? 'all' : cellName(stage, n))

interface Run {
  readonly recipes: Map<string, string>
  readonly contents: Map<string, string>
}

/** `absorb` > 0 makes contents coincide often, as early cut-off does. */
function run(g: Grid, parameter: (stage: StageName, region: string) => string, absorb = 0): Run {
  const recipes = new Map<string, string>()
  const contents = new Map<string, string>()
  const content = (stage: StageName, n: Node): string => {
    const id = `${stage} ${nameOf(stage, n)}`
    const known = contents.get(id)
    if (known) return known
    const own = n.level === 0 && !isWhole(stage) ? [n.coord] : []
    const lower =
      stage === 'agglomerate'
        ? own.flatMap(c =>
            [0, 1, 2].map(a =>
              subtract(
                c,
                map3(b => (a === b ? 1 : 0)),
              ),
            ),
          )
        : []
    const inputs = stages[stage].inputs.flatMap(i => {
      const input = parseInput(i)
      if (!simulated.includes(input.stage)) return []
      const nodes = isWhole(stage) ? nodesOf(input.stage, g) : readsAt(input, n, g)
      return nodes
        .filter(m => nodesOf(input.stage, g).some(o => o.level === m.level && key(o.coord) === key(m.coord)))
        .map(m => content(input.stage, m))
    })
    const recipe = [id, ...[...own, ...lower].map(c => parameter(stage, key(c))), ...inputs].join('|')
    const digest = createHash('sha256').update(recipe).digest('hex')
    recipes.set(id, digest)
    contents.set(id, absorb ? `${id} ${parseInt(digest.slice(0, 8), 16) % absorb}` : digest)
    return contents.get(id)!
  }
  for (const s of simulated) for (const n of nodesOf(s, g)) content(s, n)
  return { recipes, contents }
}

const spots = (bad: Run, good: Run): Spot[] =>
  [...bad.contents].flatMap(([id, c]) => {
    const [stage, cell] = id.split(' ') as [StageName, string]
    return good.contents.get(id) === c ? [] : [{ stage, cell }]
  })
const names = (list: readonly Spot[]): string[] => list.map(s => `${s.stage} ${s.cell}`).sort()

const side = fc.integer({ min: 1, max: 4 })
const scene = fc
  .record({
    cells: fc.tuple(side, side, fc.integer({ min: 1, max: 2 })),
    stage: fc.constantFrom<StageName>('agglomerate', 'agglomerate', 'synapse', 'supervoxel'),
    picks: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
    better: fc.array(fc.nat(), { maxLength: 3 }),
  })
  .map(({ cells, stage, picks, better }) => {
    const g = grid(cells)
    const all = cellsIn(g.bounds, REGION).map(key)
    const at = (list: number[]): Set<string> => new Set(list.map(i => all[i % all.length]!))
    const wrong = at(picks)
    const improved = at(better)
    const base = (): string => 'base'
    const bad = (s: StageName, r: string): string =>
      s === stage && wrong.has(r) ? 'bad' : s === 'agglomerate' && improved.has(r) ? 'better' : 'base'
    const patch = (s: StageName, r: string): string => (wrong.has(r) ? 'base' : bad(s, r))
    // A wrong region that had been improved too goes back as a whole.
    const changed = Object.fromEntries([...wrong].map(r => [r, stageNames.filter(s => bad(s, r) !== 'base')] as const))
    return { g, base, bad, patch, changed }
  })

test('tainted is exactly what the patch makes otherwise', () => {
  fc.assert(
    fc.property(scene, ({ g, base, bad, patch, changed }) => {
      const runs = [base, bad, patch].map(p => run(g, p)) as [Run, Run, Run]
      const found = tainted(spots(runs[1], runs[0]), changed, g)
      const otherwise = [...runs[1].recipes].filter(([id, r]) => runs[2].recipes.get(id) !== r).map(([id]) => id)
      expect(names(found)).toEqual(otherwise.sort())
    }),
    { numRuns: 60 },
  )
})

test('with early cut-off: nothing that is as before is tainted, and nothing without a tainted cause', () => {
  fc.assert(
    fc.property(scene, fc.integer({ min: 1, max: 3 }), ({ g, base, bad, changed }, absorb) => {
      const [good, worse] = [run(g, base, absorb), run(g, bad, absorb)]
      const differing = spots(worse, good)
      const found = tainted(differing, changed, g)
      const set = new Set(names(found))
      expect(set.size).toBe(found.length)
      for (const n of set) expect(good.contents.get(n)).not.toBe(worse.contents.get(n))
      // Without what the patch changes, nothing is tainted; with one region less, no more than before.
      expect(tainted(differing, {}, g)).toEqual([])
      const { [Object.keys(changed)[0]!]: _, ...fewer } = changed
      for (const n of names(tainted(differing, fewer, g))) expect(set.has(n)).toBe(true)
      if (absorb === 1) expect(found).toEqual([])
    }),
    { numRuns: 60 },
  )
})

test('a whole row: its tree path, the regions that read it and the tables, but not a far region', () => {
  const g = grid([4, 1, 1])
  const [good, bad] = [run(g, () => 'base'), run(g, (s, r) => (s === 'agglomerate' && r === '0_0_0' ? 'bad' : 'base'))]
  const set = new Set(names(tainted(spots(bad, good), { '0_0_0': ['agglomerate'] }, g)))
  for (const n of [
    'agglomerate 0/0_0_0',
    'agglomerate 0/1_0_0',
    'agglomerate 2/0_0_0',
    'segment 0_0_0',
    'graph all',
    'evaluate all',
  ])
    expect(set.has(n), n).toBe(true)
  for (const n of ['affinity 0_0_0', 'rag 0_0_0', 'pyramid 2/0_0_0', 'agglomerate 0/3_0_0'])
    expect(set.has(n), n).toBe(false)
})
