// A node of the index: an immutable tree of lists of artifacts that shares with other runs whatever is the same.
import { z } from 'zod'
import { canonicalJson } from '../canonical.ts'
import { fromKey, key, map3, type Vec3 } from '../geometry.ts'
import { ArtifactRef } from '../lineage.ts'
import { Digest, sha256, type Recipe } from '../recipe.ts'
import { Hole } from '../release.ts'
import { stages, type StageName } from '../stages.ts'
import { BATCH, rangeName } from './grid.ts'
import type { Node } from './tree.ts'

export const IndexEntry = z
  .strictObject({
    stage: z.string(),
    cell: z.string(),
    ref: ArtifactRef,
    holes: z.array(Hole).readonly().exactOptional(),
  })
  .readonly()
export type IndexEntry = z.infer<typeof IndexEntry>

const count = z.number().int().nonnegative()

/** Artifacts of one stage below a node. */
const StageSum = z
  .strictObject({
    /** Digest over cells and contents: equal if and only if every artifact has equal bytes. */
    content: Digest,
    count,
    holes: count,
  })
  .readonly()
export type StageSum = z.infer<typeof StageSum>

const sums = z.record(z.string(), StageSum).readonly()

export const IndexNode = z
  .strictObject({
    entries: z.array(IndexEntry).readonly(),
    below: z.array(z.strictObject({ key: z.string(), page: Digest, stages: sums }).readonly()).readonly(),
    stages: sums,
  })
  .readonly()
export type IndexNode = z.infer<typeof IndexNode>

/** The node of own artifacts and of nodes below. */
export function indexNodeOf(entries: IndexNode['entries'], below: IndexNode['below']): IndexNode {
  const stages: Record<string, StageSum> = {}
  const names = new Set([...entries.map(e => e.stage), ...below.flatMap(p => Object.keys(p.stages))])
  for (const stage of [...names].sort()) {
    const own = entries.filter(e => e.stage === stage)
    const under = below.flatMap(p => (p.stages[stage] ? [{ key: p.key, sum: p.stages[stage] }] : []))
    stages[stage] = {
      content: sha256(
        canonicalJson([...own.map(e => [e.cell, e.ref.content]), ...under.map(u => [u.key, u.sum.content])]),
      ),
      count: own.length + under.reduce((n, u) => n + u.sum.count, 0),
      holes: own.reduce((n, e) => n + (e.holes?.length ?? 0), 0) + under.reduce((n, u) => n + u.sum.holes, 0),
    }
  }
  return { entries, below, stages }
}

/** Name of the cell that an artifact of a stage fills, by what its recipe says. */
export function cellOfExtent(stage: StageName, extent: Recipe['extent'], region: Vec3): string {
  if (extent === 'dataset') return 'all'
  if ('range' in extent) return rangeName(extent.range, extent.of)
  if ('node' in extent) return `${extent.level}/${extent.node}`
  if ('section' in extent) return String(extent.section)
  if ('sections' in extent) return extent.sections.join('-')
  return stages[stage].scope === 'slab' ? String(extent.min[2]) : key(map3(a => Math.floor(extent.min[a] / region[a])))
}

/** Node of the fan-out tree, at the lowest level, whose index node lists the artifact of a cell: the other way round. */
export function nodeOfCell(stage: StageName, cell: string): Node {
  if (cell === 'all') return { level: 0, coord: [0, 0, 0] }
  const [level, coord] = cell.split('/')
  if (coord !== undefined) return { level: Number(level), coord: fromKey(coord) }
  const { scope } = stages[stage]
  if (scope === 'region' || scope === 'range') return { level: 0, coord: fromKey(cell) }
  // Of a pair of sections the later one says in which batch it lies.
  return { level: 0, coord: [0, 0, Math.floor(Number(cell.split('-').at(-1)) / BATCH)] }
}
