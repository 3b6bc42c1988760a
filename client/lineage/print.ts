// Four ways to print what something rests on: text, JSON, Mermaid, DOT.
import { amount } from '../../domain/slo/cost.ts'
import { summariseLineage } from '../../domain/provenance/lineage-summary.ts'
import type { Lineage } from '../../domain/lineage.ts'
import { countOf } from '../../storage/release-index.ts'
import type { Graph, Node } from './graph.ts'
import type { Subject } from './subject.ts'

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
