// Waiting while a rollback holds the dataset: a run that was under way before it does not publish in between.
import { continueAsNew, executeChild, log, sleep, workflowInfo } from '@temporalio/workflow'
import { showPart } from './details.ts'
import { housekeeping } from './housekeeping/activities.ts'
import { workflowIds } from '../domain/contract/names.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'

const MOST_SECONDS = 3600

/** Returns once no hold but those of workflow `own` is in force; an operator may take as long as he likes. */
export async function unheld(dataset: string, own: string | undefined): Promise<void> {
  for (let seconds = 2; ; seconds = Math.min(MOST_SECONDS, seconds * 2)) {
    const held = await housekeeping.holdsOn(dataset, own)
    show(held)
    if (held.length === 0) return
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof unheld>(dataset, own)
    await sleep(seconds * 1000)
  }
}

/** The same for a step of a longer workflow: what it waits for fills no history of its own. */
export async function untilUnheld(dataset: string, own: string | undefined, step: string): Promise<void> {
  const held = await housekeeping.holdsOn(dataset, own)
  if (held.length === 0) return
  log.info('waits for a hold', { step, held })
  show(held)
  await executeChild(unheld, {
    workflowId: workflowIds.unheld(workflowInfo().workflowId, step),
    args: [dataset, own],
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    typedSearchAttributes: attributesOf({ dataset }),
    staticSummary: `waits for ${held.join('; ')}`,
  })
  show([])
}

const show = (held: readonly string[]): void => showPart('held', held.map(h => `**waits for ${h}**`).join('\n'))
