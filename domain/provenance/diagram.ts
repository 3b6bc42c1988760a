// The stage table as people read it: a Mermaid diagram and a Markdown table.
import { parseInput } from '../index/reads.ts'
import type { StageRow } from '../stages/row.ts'
import { stageNames, stages, type StageName } from '../stages.ts'

const ARROWS = { self: '-->', neighbours: '-.->', children: '-->|children|', parent: '-->|parent|' } as const

const id = (stage: string): string => stage.replaceAll('-', '_')

/** Stages as boxes, grouped by phase; arrows say what reads what. */
export function stageDiagram(names: readonly StageName[] = stageNames): string {
  const phases = [...new Set(names.map(s => stages[s].phase))]
  const groups = phases.map(p => {
    const boxes = names
      .filter(s => stages[s].phase === p)
      .map(s => `    ${id(s)}["${s}<br/><i>${stages[s].scope}</i>"]`)
    return [`  subgraph ${p}`, ...boxes, '  end'].join('\n')
  })
  const arrows = names.flatMap(s =>
    stages[s].inputs.flatMap(i => {
      const { stage, of } = parseInput(i)
      return !names.includes(stage) ? [] : `  ${id(stage)} ${ARROWS[of]} ${id(s)}`
    }),
  )
  return ['flowchart LR', ...groups, ...arrows].join('\n')
}

const haloName = (halo: NonNullable<StageRow['halo']>[string] | undefined): string =>
  halo === undefined ? '' : ` (${typeof halo === 'object' ? halo.join(' below, ') + ' above' : halo})`

export function stageMarkdown(): string {
  const rows = stageNames.map(s => {
    const r = stages[s]
    const reads = r.inputs.map(i => `${i}${haloName(r.halo?.[parseInput(i).stage])}`).join(', ') || '-'
    const model = r.model ? `, model \`${r.model.role}\`${r.model.orKernel ? ' if named' : ''}` : ''
    const layers = r.layers?.map(l => l.layer).join(', ') ?? '-'
    const file = r.code === undefined ? '-' : `[${r.code}](../activities/${r.code}.ts)`
    return `| ${s} | ${r.version} | ${r.scope} | ${reads} | ${r.makes} | ${layers} | ${file} | ${r.queue}, ${r.retry.attempts} attempts${model} | ${r.checks.join('; ') || '-'} |`
  })
  return [
    '# The stages',
    '',
    'Printed from `domain/stages.ts` by `./hillock stages`; a test holds this page to it.',
    'A dashed arrow (`+` in the table) also reads the artifacts of neighbouring regions; `<` reads those of the children of a tree node, `>` that of its parent. In brackets: how many voxels beyond its region it sees, or the parameter that says so.',
    '',
    '```mermaid',
    stageDiagram(),
    '```',
    '',
    '| stage | version | scope | reads | makes | layers of a release | activity | queue, retry and model | checks |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
