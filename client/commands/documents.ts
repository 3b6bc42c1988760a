// Documents as Markdown: `hillock stages`, the stage table, and `hillock release plan [FILE|RELEASE]`, the release plan.
import { existsSync } from 'node:fs'
import { stageMarkdown } from '../../domain/provenance/diagram.ts'
import { releasePlan, type PlanSubject } from '../../domain/releases/release-plan.ts'
import { stageNames, stages as table } from '../../domain/stages.ts'
import { home, readStack } from '../../worker/home.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { workflowsUi } from '../links.ts'
import { readRunFile } from '../run-file.ts'

export async function printReleasePlan(name: string | undefined, o: { json?: boolean }): Promise<void> {
  const stack = name === undefined ? undefined : readStack(home())
  const markdown = releasePlan({
    ...(name === undefined ? {} : await subjectOf(name)),
    ...(stack ? { links: { temporal: workflowsUi(stack), serving: stack.serving } } : {}),
  })
  console.log(o.json ? JSON.stringify({ markdown }) : markdown.trimEnd())
}

const subjectOf = async (name: string): Promise<PlanSubject> =>
  /\.ya?ml$/.test(name) || existsSync(name)
    ? { config: readRunFile(name) }
    : { release: await findRelease(bucket(), name) }

export function stages(o: { json?: boolean }): void {
  if (!o.json) return console.log(stageMarkdown().trimEnd())
  const rows = stageNames.map(stage => {
    const { parameters: _, ...row } = table[stage]
    return { stage, ...row }
  })
  console.log(JSON.stringify({ stages: rows }))
}
