// Decisions against what histories tell of them: each field that is forged is named, as is one that is gone or made up.
import { expect, test } from 'vitest'
import { proveDecisions } from '../../client/proof/release.ts'
import { HistoryFacts } from '../../domain/provenance/history-facts.ts'
import { Decision, putDecision } from '../../storage/provenance/decisions.ts'
import { forgeries } from '../forgeries.ts'
import { memoryStore } from './fixtures.ts'

const decision: Decision = {
  gate: 'release',
  decision: 'approve',
  author: 'ada',
  reason: 'looked at it',
  at: 5,
  workflowId: 'release/d/one',
  runId: 'r1',
}
const release = { dataset: 'd', release: 'x' }

async function found(stored: readonly Decision[], told: readonly Decision[]): Promise<string[]> {
  const objects = memoryStore()
  for (const d of stored) await putDecision(objects, 'd', 'x', d)
  const out: string[] = []
  const archives = { told: new HistoryFacts(), movers: [], folders: new Set(['histories/d/one/r0']) }
  archives.told.decisions.push(...told.map(d => ({ ...release, ...d })))
  await proveDecisions(
    objects,
    release,
    archives,
    (_, why, d) => out.push(d ? d.field : why),
    (_, why) => out.push(why),
  )
  return out
}

test('each field is named', async () => {
  expect(await found([decision], [decision])).toEqual([])
  for (const [field, forged] of forgeries(Decision, decision)) {
    const why = (await found([forged as Decision], [decision])).join(' ')
    expect(why, field).toContain(field)
  }
})

test('so is one that is gone, and one of which no history tells', async () => {
  expect(await found([], [decision])).toEqual(['the decision of ada is gone'])
  expect(await found([decision], [])).toEqual(['no history tells of this decision'])
})
