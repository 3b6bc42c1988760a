// Agglomeration: equal to brute force, and equal to one global run whatever the tree, with ties and regional thresholds.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Vec3 } from '../../domain/geometry.ts'
import { agglomerate, joinChildren } from '../../kernels/segmentation/agglomerate.ts'
import type { Merges } from '../../kernels/segmentation/segmentation-types.ts'
import { asEdges, closedNodes, generator, naiveAgglomerate, naiveGraph, randomSpecimen, treeRun } from './tree-run.ts'

const usual = 0.4

type Row = [bigint, bigint, number, number, number]

const mapOf = (ids: Iterable<bigint>, { from, to }: Merges): Map<bigint, bigint> => {
  const merged = new Map(from.reduce<[bigint, bigint][]>((rows, id, i) => [...rows, [id, to[i]!]], []))
  return new Map([...ids].map(id => [id, merged.get(id) ?? id]))
}
const sorted = (m: Map<bigint, bigint>): [bigint, bigint][] => [...m].sort(([a], [b]) => (a < b ? -1 : 1))

function randomGraph(seed: number, n: number, m: number, levels: number): { ids: bigint[]; edges: Row[] } {
  const random = generator(seed)
  const ids = Array.from({ length: n }, (_, i) => BigInt(i) * 0x1_0000_0001n + 5n)
  const edges = new Map<string, Row>()
  for (let k = 0; k < m; k++) {
    const [p, q] = [Math.floor(random() * n), Math.floor(random() * n)]
    if (p === q) continue
    const count = 1 + Math.floor(random() * 4)
    const mean = Math.floor(random() * levels) * Math.floor(255 / levels)
    const threshold = [0, 0.3, 0.5][Math.floor(random() * 3)]!
    edges.set(`${Math.min(p, q)} ${Math.max(p, q)}`, [
      ids[Math.min(p, q)]!,
      ids[Math.max(p, q)]!,
      mean * count,
      count,
      threshold,
    ])
  }
  return { ids, edges: [...edges.values()] }
}

describe('one node', () => {
  test('equals brute force on random graphs, with and without ties, in any order of edges', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 2, max: 24 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(2, 4, 250),
        (seed, n, dense, levels) => {
          const { ids, edges } = randomGraph(seed, n, n * dense, levels)
          const expected = sorted(naiveAgglomerate(ids, edges))
          const random = generator(seed ^ 77)
          const shuffled = edges.map(e => [random(), e] as const).sort(([a], [b]) => a - b)
          for (const list of [edges, edges.toReversed(), shuffled.map(([, e]) => e)]) {
            const r = agglomerate({ edges: asEdges(list), nodes: closedNodes(ids.toReversed()), openFaces: 0 })
            expect(sorted(mapOf(ids, r.merges))).toEqual(expected)
            expect(r.nodes.id.length + r.edges.a.length).toBe(0)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  test('a mean that equals the threshold merges, one below does not', () => {
    const merge = (sum: number): number =>
      agglomerate({ edges: asEdges([[1n, 2n, sum, 2, 0.6]]), nodes: closedNodes([1n, 2n]), openFaces: 0 }).merges.from
        .length
    expect(merge(306)).toBe(1)
    expect(merge(305)).toBe(0)
  })

  test('the highest threshold of parallel edges rules', () => {
    // 1-2 merges; then 3 has two contacts with it, together 0.7 on average, of which one asks for 0.8.
    const edges = (t: number): Row[] => [
      [1n, 2n, 255, 1, 0.5],
      [1n, 3n, 255 * 3, 5, 0.5],
      [2n, 3n, 255 * 4, 5, t],
    ]
    const merges = (t: number): number =>
      agglomerate({ edges: asEdges(edges(t)), nodes: closedNodes([1n, 2n, 3n]), openFaces: 0 }).merges.from.length
    expect(merges(0.5)).toBe(2)
    expect(merges(0.8)).toBe(1)
  })

  test('waits for what touches an open face, and for what waits', () => {
    // Chain 1 - 2 - 3 - 4, rising towards 4, which touches +x; 5 - 6 are out of reach; 7 has nobody.
    const edges = asEdges([
      [1n, 2n, 150, 1, 0.3],
      [2n, 3n, 200, 1, 0.3],
      [3n, 4n, 250, 1, 0.3],
      [4n, 5n, 10, 1, 0.3],
      [5n, 6n, 100, 1, 0.3],
    ])
    const nodes = { ...closedNodes([1n, 2n, 3n, 4n, 5n, 6n, 7n]), faces: Uint8Array.of(0, 0, 0, 2, 0, 0, 1) }
    const r = agglomerate({ edges, nodes, openFaces: 2 })
    expect([...r.merges.from]).toEqual([6n])
    expect([...r.nodes.id]).toEqual([1n, 2n, 3n, 4n])
    expect([...r.edges.a]).toEqual([1n, 2n, 3n])
    expect([...r.nodes.faces]).toEqual([0, 0, 0, 2])
  })

  test('an edge out of the node must lead through an open face', () => {
    const request = { edges: asEdges([[1n, 9n, 10, 1, 0.3]]), nodes: { ...closedNodes([1n]), faces: Uint8Array.of(2) } }
    expect(() => agglomerate({ ...request, openFaces: 1 })).toThrow(RangeError)
    expect(agglomerate({ ...request, openFaces: 2 }).edges.b).toEqual(BigUint64Array.of(9n))
  })
})

describe('joining children', () => {
  test('clears the faces on which children meet and keeps the outer ones', () => {
    const child = (id: bigint, octant: Vec3) => ({
      octant,
      edges: asEdges([]),
      nodes: { ...closedNodes([id]), faces: Uint8Array.of(63) },
    })
    const { nodes } = joinChildren([child(2n, [1, 0, 0]), child(1n, [0, 0, 1])])
    expect([...nodes.id]).toEqual([1n, 2n])
    expect([...nodes.faces]).toEqual([1 | 4 | 32, 2 | 4 | 16])
  })

  test('refuses a cluster that stands in two children', () => {
    const child = { octant: [0, 0, 0] as Vec3, edges: asEdges([]), nodes: closedNodes([1n]) }
    expect(() => joinChildren([child, child])).toThrow(/two children/)
  })
})

describe('any tree', () => {
  const axis = (most: number) => fc.integer({ min: 1, max: most })
  const levels = fc.constantFrom(
    [0, 255],
    [0, 128, 255],
    [40, 80, 120, 160, 200],
    Array.from({ length: 256 }, (_, i) => i),
  )

  test('gives what brute force gives on the whole graph, with thresholds by region', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.tuple(axis(4), axis(3), axis(2)),
        axis(3),
        levels,
        fc.boolean(),
        (seed, grid, perBlock, values, regional) => {
          const block: Vec3 = [3, 2, 2]
          // The last regions are cut short on x and y.
          const shape: Vec3 = [grid[0] * 3 - (grid[0] > 1 ? 1 : 0), grid[1] * 2 - (grid[1] > 1 ? 1 : 0), grid[2] * 2]
          const s = randomSpecimen(seed, shape, block, perBlock, values)
          const threshold = (r: Vec3): number => (regional ? [0.3, 0.5, 0.7][(r[0] + 2 * r[1] + r[2]) % 3]! : usual)
          const graph = naiveGraph(s, [1, 1, 1], threshold)
          const expected = naiveAgglomerate(new Set(s.ids), graph.values())
          expect(sorted(treeRun(s, [1, 1, 1], threshold).segment)).toEqual(sorted(expected))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('regions of other shapes over the same blocks give the same segments', () => {
    fc.assert(
      fc.property(fc.nat(), fc.tuple(axis(6), axis(4), axis(3)), levels, (seed, grid, values) => {
        const shape: Vec3 = [grid[0] * 2, grid[1] * 2, grid[2] * 3]
        const s = randomSpecimen(seed, shape, [2, 2, 3], 3, values)
        const flat = treeRun(s, [6, 4, 3], () => usual)
        const expected = naiveAgglomerate(new Set(s.ids), naiveGraph(s, [6, 4, 3], () => usual).values())
        expect(sorted(flat.segment)).toEqual(sorted(expected))
        for (const perRegion of [
          [1, 1, 1],
          [2, 1, 1],
          [2, 2, 1],
          [3, 1, 2],
        ] as Vec3[])
          expect(sorted(treeRun(s, perRegion, () => usual).segment)).toEqual(sorted(flat.segment))
      }),
      { numRuns: 30 },
    )
  })

  test('merges below the root: only what is open goes up', () => {
    // Larger regions in which most supervoxels touch no face.
    const s = randomSpecimen(
      3,
      [24, 24, 24],
      [2, 2, 2],
      2,
      Array.from({ length: 256 }, (_, i) => i),
    )
    const total = new Set(s.ids).size
    const { sentUp, segment } = treeRun(s, [6, 6, 6], () => 0.3)
    expect(sentUp[0]!).toBeLessThan(0.9 * total)
    expect(sentUp[1]).toBe(0)
    expect(sorted(segment)).toEqual(sorted(treeRun(s, [12, 12, 12], () => 0.3).segment))
  })
})
