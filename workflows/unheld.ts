// Waiting while a rollback holds the dataset: a run that was under way before it does not publish in between.
import { sleep } from '@temporalio/workflow'
import { showPart } from './details.ts'
import { housekeeping } from './housekeeping.ts'

/** While an operator takes his time, a waiting release must not fill its history. */
const MOST_SECONDS = 3600

/** Returns once no hold but those of workflow `own` is in force. */
export async function unheld(dataset: string, own: string | undefined): Promise<void> {
  for (let seconds = 2; ; seconds = Math.min(MOST_SECONDS, seconds * 2)) {
    const held = await housekeeping.holdsOn(dataset, own)
    showPart('held', held.map(h => `**waits for ${h}**`).join('\n'))
    if (held.length === 0) return
    await sleep(seconds * 1000)
  }
}
