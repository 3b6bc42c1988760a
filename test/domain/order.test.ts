// The walk of a run: every cell of every stage exactly once, whatever the grid; and nothing twice where a part is known.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Outcome } from '../../domain/contract/artifacts.ts'
import type { Subtree, SubtreeResult } from '../../domain/contract/subtree.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import { fromKey, map3, type Vec3 } from '../../domain/geometry.ts'
import { expected, phasesOf } from '../../domain/index/phases.ts'
import { BATCH } from '../../domain/index/grid.ts'
import { childrenOf } from '../../domain/index/grid.ts'
import { nodeKey } from '../../domain/index/tree.ts'
import { stages, type StageName } from '../../domain/stages.ts'
import { runFanOut, runPhase, runPhases, type Steps } from '../../domain/index/order.ts'

const contextOf = (cells: Vec3): RunContext => ({
  dataset: 'd',
  run: 'r',
  config: '',
  layout: '',
  bounds: { min: [0, 0, 0], max: map3(a => cells[a] * 64 - 5) },
  region: [64, 64, 64],
  voxelSizeNm: [8, 8, 8],
  through: 'evaluate',
  synthetic: false,
  aligned: false,
})

/** Stages that go up the tree, and the lowest level at which they are. */
const UP: Partial<Record<StageName, number>> = { agglomerate: 0, 'mesh-directory': 1, 'skeleton-directory': 1 }

interface Walked {
  readonly made: string[]
  readonly children: number[]
  readonly missing: string[]
}

async function walk(context: RunContext, known: (p: Subtree) => SubtreeResult | null = () => null): Promise<Walked> {
  const made: string[] = []
  const children: number[] = []
  const missing: string[] = []
  const make = async (stage: StageName, what: string, task: unknown): Promise<Outcome> => {
    made.push(`${stage} ${what}`)
    // In the tree a node must be handed its children's artifacts of the same phase, all of them.
    const { refs, level, cell } = task as CellTask
    if (level > (UP[stage] ?? Infinity)) {
      const children = childrenOf({ level, coord: fromKey(cell) }, context.region, context.bounds).map(nodeKey)
      const given = Object.keys(refs[stage] ?? {})
      if (children.some(c => !given.includes(c)) || given.length !== children.length) missing.push(`${stage} ${what}`)
    }
    return {
      stage,
      key: what,
      ref: { stage, recipe: what, content: what },
      made: true,
      voxels: 0,
      seconds: 0,
      cost: 0,
      retries: 0,
      holes: [],
    }
  }
  const steps: Steps = {
    lookUpCache: async subtree => ({ found: known(subtree), below: [] }),
    saveIndexNode: async ({ subtree, entries, below }) => {
      children.push(entries.length + below.length)
      return { page: `${subtree.phase} ${subtree.node.level}/${subtree.node.coord.join('_')}` }
    },
    make,
    makeBatch: async (stage, _, { first, last }) => {
      for (let z = first; z <= last; z++) made.push(`${stage} ${z}`)
      return { page: `${stage} ${first}`, counts: [] }
    },
    spent: async () => {},
    visit: subtree => runFanOut(subtree, steps),
  }
  await runPhases(context, subtree => runPhase(subtree, steps))
  return { made, children, missing }
}

const side = fc.integer({ min: 1, max: 9 })

test('every artifact of the table is made once, and no page or sweep grows beyond its bound', async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(side, side, side), async cells => {
      const context = contextOf(cells)
      const { made, children, missing } = await walk(context)
      expect(new Set(made).size).toBe(made.length)
      expect(missing).toEqual([])
      for (const [stage, n] of expected(context)) {
        if (['match', 'evaluate'].includes(stage)) continue
        expect(made.filter(m => m.startsWith(`${stage} `)).length, stage).toBe(n)
      }
      expect(Math.max(...children)).toBeLessThanOrEqual(2 * (64 + 8 + 1))
      expect(BATCH).toBe(16)
    }),
    { numRuns: 25 },
  )
})

test('directories go up to the lowest level with at most 64 nodes, and there are none of so few regions', async () => {
  for (const [cells, nodes] of [
    [[8, 8, 1], []],
    [[9, 8, 1], [20]],
    [
      [33, 33, 2],
      [289, 81, 25],
    ],
  ] as [Vec3, number[]][]) {
    const context = contextOf(cells)
    const { made, missing } = await walk(context)
    const levels = [1, 2, 3, 4].map(level => made.filter(m => m.startsWith(`mesh-directory ${level}/`)).length)
    expect(levels).toEqual([...nodes, 0, 0, 0, 0].slice(0, 4))
    expect(missing).toEqual([])
    expect(expected(context).get('mesh-directory')).toBe(nodes.length ? nodes.reduce((a, b) => a + b) : undefined)
  }
})

test('a phase begins as soon as those are over that it rests on, and waits for no other', async () => {
  const began: string[] = []
  const pyramid = Promise.withResolvers<void>()
  const roots = await runPhases(contextOf([2, 2, 1]), async ({ phase, roots }) => {
    began.push(phase)
    if (phase === 'products') await pyramid.promise
    if (phase === 'pyramid') {
      expect(roots).toMatchObject({ image: 'image', objects: 'objects' })
      expect(roots).not.toHaveProperty('products')
      pyramid.resolve()
    }
    return phase
  })
  expect(began.indexOf('joins')).toBeGreaterThan(began.indexOf('pyramid'))
  expect(Object.keys(roots)).toEqual(phasesOf(contextOf([2, 2, 1])).filter(p => p !== 'release'))
})

test('a phase that is known as a whole is not visited', async () => {
  const context = contextOf([5, 4, 3])
  const page = { page: 'known', counts: [], forParent: {} }
  const { made } = await walk(context, p => (p.phase === 'maps' ? page : null))
  expect(made.filter(m => /^(affinity|synapse-map) /.test(m))).toEqual([])
  expect(made.filter(m => m.startsWith('render ')).length).toBe(60)
  expect(stages.affinity.phase).toBe('maps')
})
