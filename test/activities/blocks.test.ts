// A block that fails is set aside; what fails on any block is no fault of one.
import { asyncLocalStorage, type Context } from '@temporalio/activity'
import { expect, test } from 'vitest'
import { eachBlock, type Block } from '../../activities/cells.ts'
import { HillockError, type ErrorType } from '../../domain/errors.ts'
import type { Hole } from '../../domain/release.ts'

const blocks: Block[] = [0, 1, 2].map(x => ({ coord: [x, 0, 0], box: { min: [x, 0, 0], max: [x + 1, 1, 1] } }))

/** Block 1 fails; `control` is what an even block does. */
function run(type: ErrorType | null, attempt: number, control: () => Promise<unknown>): Promise<Hole[]> {
  const failures = Array.from({ length: attempt - 1 }, () => ({ at: 1, type: 'ComputeLost' }))
  const context = {
    info: { attempt, heartbeatDetails: { failures } },
    cancellationSignal: new AbortController().signal,
    heartbeat(): void {},
  } as unknown as Context
  const work = async ({ coord }: Block): Promise<void> => {
    if (coord[0] === 1) throw type === null ? new RangeError('odd') : new HillockError(type, 'odd')
  }
  return asyncLocalStorage.run(context, () => eachBlock('affinity', blocks, work, control))
}

const well = async (): Promise<void> => {}
const lost = async (): Promise<void> => {
  throw new HillockError('ComputeLost', 'no memory')
}

test('a block that fails on the last attempt is a hole, where an even one does not', async () => {
  for (const type of ['ComputeLost', 'QuarantinedBlock', null] as const) {
    expect(await run(type, 5, well)).toEqual([{ stage: 'affinity', what: 'block 1_0_0', reason: 'odd' }])
    await expect(run(type, 4, well)).rejects.toThrow('odd')
  }
})

test('where an even block fails too, the activity does', async () => {
  await expect(run('ComputeLost', 5, lost)).rejects.toMatchObject({
    type: 'ComputeLost',
    message: expect.stringMatching(/affinity fails on an even block .* block 1_0_0 is not at fault: no memory/),
  })
  const wrong = async (): Promise<void> => {
    throw new HillockError('ModelMismatch', 'wrong')
  }
  await expect(run(null, 5, wrong)).rejects.toMatchObject({ type: 'ModelMismatch' })
})

test('what is wrong with the run as a whole is never a hole', async () => {
  for (const type of ['ModelMismatch', 'StoreError', 'MissingArtifact'] as const)
    await expect(run(type, 5, well)).rejects.toMatchObject({ type })
})
