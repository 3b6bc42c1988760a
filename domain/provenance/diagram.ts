// The stage table as people read it: a Mermaid diagram and a Markdown table.
import { parseInput } from '../index/reads.ts'
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

export function stageMarkdown(): string {
  const rows = stageNames.map(s => {
    const r = stages[s]
    const checks = r.checks.join('; ') || '-'
    return `| ${s} | ${r.version} | ${r.scope} | ${r.inputs.join(', ') || '-'} | ${r.makes} | ${r.queue}, ${r.retry.attempts} attempts | ${checks} |`
  })
  return [
    '# The stages',
    '',
    'Printed from `domain/stages.ts` by `./hillock stages`; a test holds this page to it.',
    'A dashed arrow (`+` in the table) also reads the artifacts of neighbouring regions; `<` reads those of the children of a tree node, `>` that of its parent.',
    '',
    '```mermaid',
    stageDiagram(),
    '```',
    '',
    '| stage | version | scope | reads | makes | queue and retry | checks |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
