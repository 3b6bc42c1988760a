// `hillock stages`: the stage table as a page.
import { stageMarkdown } from '../../domain/provenance/diagram.ts'
import { stageNames, stages as table } from '../../domain/stages.ts'

export function stages(o: { json?: boolean }): void {
  if (!o.json) return console.log(stageMarkdown().trimEnd())
  const rows = stageNames.map(stage => {
    const { parameters: _, ...row } = table[stage]
    return { stage, ...row }
  })
  console.log(JSON.stringify({ stages: rows }))
}
