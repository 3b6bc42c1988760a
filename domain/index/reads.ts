// What a stage reads, cell by cell: the relation between stages of the table, spelled out on the grid of regions and its tree.
import { key, type Box, type Vec3 } from '../geometry.ts'
import { stages, type StageName } from '../stages.ts'
import { childrenOf, frontierLevel, nodesAround, regionGrid } from './grid.ts'
import { nodeKey, parentOf, rootLevel, type Node } from './tree.ts'

const SUFFIXES = { '+': 'neighbours', '<': 'children', '>': 'parent' } as const

export interface Input {
  readonly stage: StageName
  readonly of: 'self' | 'neighbours' | 'children' | 'parent'
}

export function parseInput(name: string): Input {
  const of = SUFFIXES[name.at(-1) as keyof typeof SUFFIXES]
  return of ? { stage: name.slice(0, -1) as StageName, of } : { stage: name as StageName, of: 'self' }
}

/** Voxels below and above its own region that a stage sees of an input. @param parameters of the stage, where the row names one */
export function haloOf(stage: StageName, input: StageName, parameters: object = {}): readonly [number, number] {
  const given = stages[stage].halo?.[input] ?? 0
  const n = typeof given === 'string' ? (parameters as Record<string, number>)[given]! : given
  return typeof n === 'number' ? [n, n] : n
}

interface Grid {
  readonly bounds: Box
  readonly region: Vec3
}

/** Name of a cell in the index: `x_y_z` for what regions make, `level/x_y_z` for what tree nodes make, `all` for the dataset. */
export const cellName = (stage: StageName, node: Node): string =>
  stages[stage].scope === 'node' ? nodeKey(node) : stages[stage].scope === 'region' ? key(node.coord) : 'all'

/** Lowest and highest level of the region tree that have artifacts of a stage of regions or nodes. */
export function levelsOf(stage: StageName, { bounds, region }: Grid): readonly [lowest: number, highest: number] {
  const { scope, lowest = 0, directory } = stages[stage]
  if (directory) return [1, frontierLevel(bounds, region)]
  return [lowest, scope === 'node' ? rootLevel(bounds, region) : 0]
}

export const hasLevel = (stage: StageName, level: number, grid: Grid): boolean => {
  const [lowest, highest] = levelsOf(stage, grid)
  return level >= lowest && level <= highest
}

/** Nodes of `input` that a stage reads at `node`; none where the input has no artifact on that level. */
export function readsAt(input: Input, node: Node, grid: Grid): Node[] {
  const { bounds, region } = grid
  if (stages[input.stage].scope === 'dataset') return [node]
  const nodes = {
    self: () => [node],
    parent: () => [parentOf(node)],
    children: () => (node.level === 0 ? [] : childrenOf(node, region, bounds)),
    neighbours: () => nodesAround(regionGrid(bounds, region), node),
  }
  return nodes[input.of]().filter(n => hasLevel(input.stage, n.level, grid))
}
