// The walk: everything that some artifacts rest on, as a small graph in which many artifacts of one stage are one node.
import { extentText, finder } from '../../domain/provenance/lineage-summary.ts'
import type { Lineage } from '../../domain/lineage.ts'
import { stageNames } from '../../domain/stages.ts'

export interface Node {
  readonly id: string
  readonly label: string
  /** Artifacts or objects that it stands for. */
  readonly count: number
  /** Asked about. */
  readonly focus: boolean
  readonly recipes: readonly string[]
}

export interface Graph {
  readonly nodes: readonly Node[]
  readonly edges: readonly { readonly from: string; readonly to: string; readonly inputs: number }[]
}

/** More artifacts of one stage than this are drawn as one node. */
const APART = 6

/** @param focus the artifacts asked about; none: all of the release, stage by stage. */
export function ancestry(records: readonly Lineage[], focus: readonly Lineage[]): Graph {
  const find = finder(records)
  const seen = new Map((focus.length > 0 ? focus : records).map(r => [r.recipeId, r]))
  const links: { from: Lineage | string; kind: string; to: Lineage }[] = []
  for (const to of seen.values())
    for (const [name, digest] of Object.entries(to.recipe.inputs)) {
      const from = find(name, digest)
      // A map is walked in the order of insertion, to its very end.
      if (from && !seen.has(from.recipeId)) seen.set(from.recipeId, from)
      links.push({ from: from ?? digest, kind: name.split('/')[0]!, to })
    }
  const byStage = Map.groupBy(seen.values(), r => r.recipe.stage)
  const isFocus = new Set(focus.map(r => r.recipeId))
  const alone = (r: Lineage): boolean =>
    focus.length > 0 &&
    (byStage.get(r.recipe.stage)!.length <= APART || (isFocus.has(r.recipeId) && focus.length <= APART))
  const idOf = (r: Lineage): string => (alone(r) ? `${r.recipe.stage}_${r.recipeId.slice(0, 8)}` : r.recipe.stage)
  const nodes = new Map<string, { label: string; focus: boolean; members: Set<string>; order: number }>()
  const add = (id: string, label: string, member: string, order: number, f: boolean): string => {
    const node = nodes.get(id) ?? { label, focus: false, members: new Set(), order }
    node.members.add(member)
    nodes.set(id, { ...node, focus: node.focus || f })
    return id
  }
  const nodeOf = (r: Lineage): string => {
    const { stage } = r.recipe
    const label = alone(r) ? `${stage}, ${extentText(r.recipe.extent)}` : stage
    return add(idOf(r), label, r.recipeId, (stageNames as readonly string[]).indexOf(stage), isFocus.has(r.recipeId))
  }
  for (const r of seen.values()) nodeOf(r)
  const edges = new Map<string, { from: string; to: string; inputs: number }>()
  for (const { from, kind, to } of links) {
    const id = typeof from === 'string' ? add(`raw_${kind}`, `${kind} (raw archive)`, from, -1, false) : nodeOf(from)
    const edge = edges.get(`${id} ${idOf(to)}`) ?? { from: id, to: idOf(to), inputs: 0 }
    edges.set(`${id} ${idOf(to)}`, { ...edge, inputs: edge.inputs + 1 })
  }
  return {
    nodes: [...nodes]
      .sort((a, b) => a[1].order - b[1].order || (a[0] < b[0] ? -1 : 1))
      .map(([id, n]) => ({ id, label: n.label, count: n.members.size, focus: n.focus, recipes: [...n.members] })),
    edges: [...edges.values()],
  }
}
