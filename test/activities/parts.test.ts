// A block that fails is set aside, what fails on any block is no fault of one, and no attempt makes again what an earlier one has finished.
import { asyncLocalStorage, type Context } from '@temporalio/activity'
import { expect, test } from 'vitest'
import { beats, newBeat, type Finished } from '../../activities/meter.ts'
import { eachPart, partsOf, type Block, type PartWork } from '../../activities/parts.ts'
import type { Outputs } from '../../activities/produce.ts'
import { HillockError, type ErrorType } from '../../domain/errors.ts'
import { key, type Box, type Vec3 } from '../../domain/geometry.ts'
import type { Hole } from '../../domain/release.ts'

const region: Box = { min: [0, 0, 0], max: [192, 64, 64] }
const parts = partsOf(region, [64, 64, 64], region)

interface Attempt {
  readonly made: string[]
  readonly put: string[]
  readonly holes: Hole[] | Error
}

/** What the attempts of one activity share: objects in the store, and what heartbeats carry. */
class Activity {
  readonly store = new Set<string>()
  finished: Record<string, Finished> = {}
  private readonly failures: { at: number; type: string }[] = []

  async attempt(
    fails: (block: string) => Error | null,
    control: () => Promise<unknown> = async () => {},
  ): Promise<Attempt> {
    const made: string[] = []
    const put: string[] = []
    const beat = newBeat('affinity', this.finished)
    const context = {
      info: { attempt: this.failures.length + 1, heartbeatDetails: { failures: [...this.failures] } },
      cancellationSignal: new AbortController().signal,
      log: { warn: () => {} },
    } as unknown as Context
    const outputs: Outputs = {
      written: async paths => paths.join(),
      takeOver: async (paths, digest) => digest === paths.join() && paths.every(p => this.store.has(p)),
    }
    const work: PartWork<null> = {
      begin: () => null,
      async make({ coord }: Block) {
        const why = fails(key(coord))
        if (why) throw why
        return made.push(key(coord))
      },
      control,
      paths: part => [key(part.box.min)],
      put: async part => {
        put.push(key(part.box.min))
        this.store.add(key(part.box.min))
      },
    }
    const run = (): Promise<{ holes: Hole[] }> => eachPart('affinity', parts, outputs, work)
    const holes = await asyncLocalStorage
      .run(context, () => beats.run(beat, run))
      .then(
        r => r.holes,
        (e: Error) => {
          this.failures.push({ at: 1, type: (e as Partial<HillockError>).type ?? e.name })
          return e
        },
      )
    this.finished = beat.finished
    return { made, put, holes }
  }
}

const odd = (type: ErrorType | null) => (block: string) =>
  block !== '1_0_0' ? null : type === null ? new RangeError('odd') : new HillockError(type, 'odd')

test('a block that fails costs its own attempts only, and is a hole after the last', async () => {
  for (const type of ['ComputeLost', 'QuarantinedBlock', null] as const) {
    const activity = new Activity()
    expect((await activity.attempt(odd(type))).made).toEqual(['0_0_0', '2_0_0'])
    for (let n = 2; n < 5; n++) expect(await activity.attempt(odd(type))).toMatchObject({ made: [], put: [] })
    const { holes, put } = await activity.attempt(odd(type))
    expect(holes).toEqual([{ stage: 'affinity', what: 'block 1_0_0', reason: 'odd' }])
    expect(put).toEqual(['64_0_0'])
  }
})

test('a block that goes well at last is no hole', async () => {
  const activity = new Activity()
  await activity.attempt(odd('ComputeLost'))
  expect(await activity.attempt(() => null)).toEqual({ made: ['1_0_0'], put: ['64_0_0'], holes: [] })
})

test('what heartbeats tell and the store does not hold is made again', async () => {
  const activity = new Activity()
  await activity.attempt(odd('ComputeLost'))
  activity.store.delete('0_0_0')
  activity.finished = { ...activity.finished, '128_0_0': { digest: 'other bytes', count: 1 } }
  expect((await activity.attempt(() => null)).made).toEqual(['0_0_0', '1_0_0', '2_0_0'])
})

test('where an even block fails too the activity does, and no other block is tried', async () => {
  const lost = async (): Promise<void> => {
    throw new HillockError('ComputeLost', 'no memory')
  }
  const { holes, made } = await new Activity().attempt(odd('ComputeLost'), lost)
  expect(made).toEqual(['0_0_0'])
  expect((holes as Error).message).toMatch(/affinity fails on an even block .* block 1_0_0 is not at fault: no memory/)
  const wrong = async (): Promise<void> => {
    throw new HillockError('ModelMismatch', 'wrong')
  }
  expect((await new Activity().attempt(odd(null), wrong)).holes).toMatchObject({ type: 'ModelMismatch' })
})

test('what is wrong with the run as a whole is never a hole', async () => {
  for (const type of ['ModelMismatch', 'StoreError', 'MissingArtifact'] as const)
    expect((await new Activity().attempt(odd(type))).holes).toMatchObject({ type })
})

test('a part is whole blocks and whole chunks, clipped to the region, and every block is in one', () => {
  const box: Box = { min: [0, 0, 0], max: [200, 96, 70] }
  for (const [block, shape] of [
    [
      [64, 64, 32],
      [64, 64, 64],
    ],
    [
      [128, 128, 64],
      [128, 128, 64],
    ],
    [
      [24, 96, 32],
      [192, 192, 64],
    ],
  ] as [Vec3, Vec3][]) {
    const parts = partsOf(box, block, box)
    for (const { box: b } of parts) expect(b.min.map((v, a) => v % shape[a]!)).toEqual([0, 0, 0])
    const blocks = parts.flatMap(p => p.blocks.map(b => key(b.coord)))
    expect(new Set(blocks).size).toBe(blocks.length)
    expect(blocks.length).toBe(block.reduce((n, side, a) => n * Math.ceil(box.max[a]! / side), 1))
  }
})
