// The release-plan document: what a release is made of, what each artifact must say of itself, how a release is taken back, where to look.
import type { z } from 'zod'
import type { RunConfig } from '../config.ts'
import { stageDiagram } from '../provenance/diagram.ts'
import { Lineage, Runtime } from '../lineage.ts'
import { activeStages, extentOf } from '../index/phases.ts'
import { Recipe } from '../recipe.ts'
import type { Release } from '../release.ts'
import { rollbackSteps } from './rollback-steps.ts'
import { stageNames, stages, type StageName } from '../stages.ts'
import type { StageRow } from '../stages/row.ts'

export interface PlanSubject {
  /** The run file that a release is to be made with. */
  readonly config?: RunConfig
  /** A release that exists. */
  readonly release?: Release
  /** Where the stack of this machine answers. */
  readonly links?: { readonly temporal: string; readonly serving: string }
}

const cell = (text: string): string => text.replaceAll('|', '\\|') || '-'
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(' | ')} |`,
  `|${head.map(() => '---').join('|')}|`,
  ...rows.map(r => `| ${r.map(cell).join(' | ')} |`),
]
const fields = ({ shape }: z.ZodObject): string[][] =>
  Object.entries(shape).map(([k, v]) => [`\`${k}\``, v.description ?? ''])

function stagesOf({ config, release }: PlanSubject): readonly StageName[] {
  if (release) return stageNames.filter(s => s in (release.stages ?? release.counts ?? {}))
  if (!config) return stageNames
  return activeStages(extentOf(config))
}

const inputsOf = (s: StageName): string => stages[s].inputs.join(', ') || 'the source'

const ofModel = (model: StageRow['model']): [digest: string, runtime: string] => {
  if (!model) return ['null', 'Node, CPU']
  return [`digest, from its card${model.orKernel ? '; null without one' : ''}`, 'Node, ONNX Runtime, provider, CPU']
}

function subject({ config, release }: PlanSubject): string[] {
  if (release)
    return [
      `Release \`${release.dataset}/${release.release}\`, digest \`${release.digest}\`, parent ${release.parent ? `\`${release.parent}\`` : 'none'}, approval: ${release.approver}, made by \`${release.run.workflowId}\` with code \`${release.codeRevision}\`.`,
      '',
      ...table(
        ['layer', 'digest'],
        Object.entries(release.layerDigests).map(([l, d]) => [l, `\`${d}\``]),
      ),
      '',
      ...release.holes.map(h => `- hole: ${h.stage} ${h.what}: ${h.reason}`),
    ]
  if (config)
    return [`The release that a run of dataset \`${config.dataset}\` is to make, through stage ${config.through}.`]
  return [
    'The plan of any release; with a run file or a release it names parameters, artifacts and gates.',
    'Printed by `./hillock release plan`; a test holds this page to it.',
  ]
}

function gates({ config, release }: PlanSubject): string[] {
  const { gate, channel } = config?.release ?? {}
  const limits = Object.entries(gate ?? {}).map(([k, v]) => `${k} at most ${v}`)
  const quality = Object.entries(release?.quality ?? {}).map(([k, v]) => [k, String(v)])
  return [
    'Evaluated against ground truth where there is some; assembled with its holes and cost inside; held against the thresholds and gates of the run file; then one compare-and-swap points the channel at it.',
    ...(config ? [`Channel: ${channel}. Thresholds: ${limits.join(', ') || 'none'}.`] : []),
    ...(quality.length ? ['', ...table(['figure', 'value'], quality)] : []),
  ]
}

function looking({ config, release, links }: PlanSubject): string[] {
  const dataset = config?.dataset ?? release?.dataset
  const query = dataset ? `HillockDataset = "${dataset}"` : 'HillockDataset = "<dataset>"'
  const name = release ? `${release.dataset}/${release.release}` : `${dataset ?? '<dataset>'}/published`
  const temporal = links && dataset ? `${links.temporal}?query=${encodeURIComponent(query)}` : undefined
  const page = (path: string): string => (links ? `${links.serving}${path}` : `\`${path}\` of the serving process`)
  return [
    `- progress and history: Temporal's UI, ${temporal ?? `query \`${query}\``}`,
    `- dashboard: Grafana, \`/d/hillock\` (import \`deploy/monitoring/dashboard.json\`)`,
    `- service levels: ${page(`/slo/${name}`)}`,
    `- lineage: ${page(`/lineage/${name}`)}`,
    `- the volume: ${page(`/view/${name}`)}`,
    '- what to do when something goes wrong: [runbook.md](runbook.md)',
  ]
}

/** As Markdown. */
export function releasePlan(of: PlanSubject = {}): string {
  const names = stagesOf(of)
  const { config, release } = of
  const title = release ? ` of ${release.dataset}/${release.release}` : config ? ` of ${config.dataset}` : ''
  const made = names.map(s => [
    s,
    String(stages[s].version),
    inputsOf(s),
    stages[s].makes,
    stages[s].checks.join('; '),
    ...(config ? [`\`${JSON.stringify(config.stages[s])}\``] : []),
    ...(release ? [String(release.stages?.[s]?.length ?? release.counts?.[s])] : []),
  ])
  const extra = [...(config ? ['parameters'] : []), ...(release ? ['artifacts'] : [])]
  const provenance = names.map(s => [s, inputsOf(s), ...ofModel(stages[s].model)])
  return [
    `# Release plan${title}`,
    '',
    ...subject(of),
    '',
    '## Stages, their inputs and outputs',
    '',
    '```mermaid',
    stageDiagram(names),
    '```',
    '',
    ...table(['stage', 'version', 'reads', 'makes', 'checked before it counts', ...extra], made),
    '',
    '## Provenance that every artifact must carry',
    '',
    'An artifact exists if and only if its lineage record does. A record that lacks one of these fields is refused (`ProvenanceError`), and nothing downstream can name what was refused.',
    '',
    ...table(['field of the record', 'what it holds'], fields(Lineage)),
    '',
    ...table(['field of `recipe`', 'what it holds'], fields(Recipe)),
    '',
    ...table(['field of `runtime`', 'what it holds'], fields(Runtime)),
    '',
    'What differs from stage to stage:',
    '',
    ...table(['stage', '`recipe.inputs`: contents of', '`recipe.model`', '`runtime`'], provenance),
    '',
    '## From candidate to published',
    '',
    ...gates(of),
    '',
    '## Rollback',
    '',
    '`./hillock release rollback DATASET [--regions x_y_z,...] --reason "..."`',
    '',
    ...table(
      ['', 'step', 'what it does', 'what readers of the channel see', 'how it is taken back'],
      Object.values(rollbackSteps).map((s, i) => [String(i + 1), s.name, s.does, s.readers, s.takenBack]),
    ),
    '',
    '## Where to look',
    '',
    ...looking(of),
    '',
  ].join('\n')
}
