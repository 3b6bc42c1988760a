// What a bad parameter has spoilt: how taint spreads from the regions that it was used in to everything made from them.
import type { RunContext } from '../contract/run.ts'
import { key, map3, type Vec3 } from '../geometry.ts'
import { nodeOfCell } from '../index/index-node.ts'
import { cellName, parseInput, readsAt, type Input } from '../index/reads.ts'
import { isRegional, stageNames, stages, type StageName } from '../stages.ts'
import type { Node } from '../index/tree.ts'

/** An artifact by stage and cell, as the index names it. */
export interface Spot {
  readonly stage: StageName
  readonly cell: string
}

/**
 * Those of `differing` (artifacts of the bad release whose content is not that of the good one at the same stage and cell) that come
 * of a parameter in `changed` (stages by region): made with it, or from something tainted. What differs for another reason, say
 * because a region next to it was improved, is not tainted; nor is anything that came out as before.
 */
export function tainted<S extends Spot>(
  differing: readonly S[],
  changed: Readonly<Record<string, readonly StageName[]>>,
  grid: Pick<RunContext, 'bounds' | 'region'>,
): S[] {
  const byStage = new Map<StageName, Map<string, S>>()
  for (const d of differing) byStage.set(d.stage, (byStage.get(d.stage) ?? new Map<string, S>()).set(d.cell, d))
  const known = new Map<string, boolean>()
  const isTainted = (stage: StageName, cell: string): boolean => {
    const spot = byStage.get(stage)?.get(cell)
    if (!spot) return false
    const name = `${stage} ${cell}`
    const before = known.get(name)
    if (before !== undefined) return before
    const node = nodeOfCell(stage, cell)
    const is =
      governedBy(stage, node).some(region => changed[region]?.includes(stage)) ||
      stages[stage].inputs.map(parseInput).some(input => reads(stage, input, node))
    known.set(name, is)
    return is
  }
  const reads = (reader: StageName, input: Input, node: Node): boolean => {
    // What is made of the whole dataset, or of some segments of it, reads every cell.
    if (['dataset', 'range', 'release'].includes(stages[reader].scope))
      return [...(byStage.get(input.stage)?.keys() ?? [])].some(cell => isTainted(input.stage, cell))
    if (!['region', 'node', 'dataset'].includes(stages[input.stage].scope)) return false
    return readsAt(input, node, grid).some(n => isTainted(input.stage, cellName(input.stage, n)))
  }
  return differing
    .filter(d => isTainted(d.stage, d.cell))
    .toSorted((a, b) => stageNames.indexOf(a.stage) - stageNames.indexOf(b.stage) || (a.cell < b.cell ? -1 : 1))
}

/** Regions whose own parameters enter the recipe of a stage at a cell. */
function governedBy(stage: StageName, { level, coord }: Node): string[] {
  if (level > 0 || !isRegional(stage)) return []
  const lower = [0, 1, 2].map(axis => map3(a => coord[a] - (a === axis ? 1 : 0)) as Vec3)
  return [coord, ...(stages[stage].overrides === 'lower' ? lower : [])].map(key)
}
