// Rollback: the channel goes back to an earlier release in one compare-and-swap.
import { CancellationScope } from '@temporalio/workflow'
import { housekeeping } from './housekeeping.ts'
import type { ChannelValue, RollbackInput } from '../domain/contract.ts'

/** Readers that resolve the channel after this see the earlier release; nothing is deleted. */
export async function rollback(input: RollbackInput): Promise<ChannelValue> {
  return CancellationScope.nonCancellable(() => housekeeping.rollBack(input))
}
