// Everything that some artifacts rest on, as a small graph in which many artifacts of one stage are one node; printed as text, JSON, Mermaid and DOT.
import { extentText, finder, summariseLineage } from '../../domain/provenance/lineage-summary.ts'
import type { Lineage } from '../../domain/lineage.ts'
import { amount } from '../../domain/slo/cost.ts'
import { stageNames } from '../../domain/stages.ts'
import { countOf } from '../../storage/release-index.ts'
import type { Subject } from './subject.ts'

interface Node {
  readonly id: string
  readonly label: string
  /** Artifacts or objects that it stands for. */
  readonly count: number
  /** Asked about. */
  readonly focus: boolean
  readonly recipes: readonly string[]
}

interface Graph {
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

const title = ({ label, count }: Node): string => (count > 1 ? `${label} (${count})` : label)
const name = (s: string): string => s.replaceAll(/[^A-Za-z0-9_]/g, '_')

export const mermaid = ({ nodes, edges }: Graph): string =>
  [
    'flowchart LR',
    ...nodes.map(n => `  ${name(n.id)}["${title(n)}"]${n.focus ? ':::focus' : ''}`),
    ...edges.map(e => `  ${name(e.from)} -->${e.inputs > 1 ? `|${e.inputs}|` : ''} ${name(e.to)}`),
    '  classDef focus stroke-width:3px',
  ].join('\n')

export const dot = ({ nodes, edges }: Graph): string =>
  [
    'digraph lineage {',
    '  rankdir=LR; node [shape=box]',
    ...nodes.map(n => `  ${name(n.id)} [label="${title(n)}"${n.focus ? ', penwidth=3' : ''}]`),
    ...edges.map(e => `  ${name(e.from)} -> ${name(e.to)}${e.inputs > 1 ? ` [label="${e.inputs}"]` : ''}`),
    '}',
  ].join('\n')

export function json({ release, records, artifacts: all, what, focus }: Subject, graph: Graph): string {
  const { dataset, release: id, digest, run, approver } = release
  const artifacts = what === null ? {} : { artifacts: focus }
  const summary = summariseLineage(records, []).stages.map(s => ({ ...s, artifacts: all[s.stage] ?? [] }))
  return JSON.stringify({ dataset, release: id, digest, run, approver, what, ...artifacts, stages: summary, graph })
}

export const text = (subject: Subject, graph: Graph): string =>
  (subject.what === null ? ofRelease(subject) : [...subject.focus.flatMap(ofArtifact), ...restsOn(graph)]).join('\n')

const short = (value: unknown): string => JSON.stringify(value).slice(0, 160)
const runtimeText = (t: Lineage['runtime']): string =>
  `Node ${t.node}${t.onnxruntime ? `, ONNX Runtime ${t.onnxruntime} on ${t.provider}` : ''}`

function ofRelease({ release: r, records, artifacts }: Subject): string[] {
  const lines = [`${r.dataset}/${r.release}  digest ${r.digest}`, `run ${r.run.workflowId}, approval: ${r.approver}`]
  for (const s of summariseLineage(records, []).stages) {
    const all = countOf(r, s.stage)
    const first = all > (artifacts[s.stage]?.length ?? all) ? ` of the first ${s.artifacts}` : ''
    lines.push(
      `${s.stage} v${s.versions.map(v => v.value).join(', v')}: ${all} artifacts${first}, ${(s.bytes / 1e6).toFixed(1)} MB, cost ${amount(s.cost)}`,
      ...s.parameters.slice(0, 3).map(p => `  parameters ${short(p.value)}`),
      ...s.models.map(m => `  model ${m.value}`),
      `  code ${s.codeRevisions.map(c => c.value).join(', ')}; ${s.runtimes.map(t => runtimeText(t.value as Lineage['runtime'])).join('; ')}`,
    )
  }
  return lines
}

const ofArtifact = (r: Lineage): string[] => [
  `${r.recipe.stage}/${r.recipeId}`,
  `  stage version ${r.recipe.version}, parameters ${short(r.recipe.parameters)}`,
  `  extent ${short(r.recipe.extent)}, content ${r.content}, ${r.outputs.length} objects, ${r.bytes} bytes`,
  ...(r.recipe.model === null ? [] : [`  model ${r.recipe.model}`]),
  `  made ${r.start} to ${r.end} by ${r.workflowId} (${r.runId}), attempt ${r.attempt}, cost ${amount(r.cost)}`,
  `  code ${r.codeRevision}; ${runtimeText(r.runtime)}`,
]

const restsOn = ({ nodes, edges }: Graph): string[] => [
  'rests on',
  ...nodes
    .filter(n => !n.focus)
    .map(
      n =>
        `  ${title(n)} -> ${edges
          .filter(e => e.from === n.id)
          .map(e => e.to)
          .join(', ')}`,
    ),
]
