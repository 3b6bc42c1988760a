// Release and rollback sagas against a real server: each step failed on purpose before and after its effect, cancelled, and undone.
import { rmSync } from 'node:fs'
import {
  CancelledFailure,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  type WorkflowHandle,
} from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { workflowIds } from '../../../domain/contract/names.ts'
import type { RollbackInput } from '../../../domain/contract/rollback.ts'
import * as messages from '../../../domain/contract/messages.ts'
import type { Gate } from '../../../domain/operator.ts'
import { decisionsOn } from '../../../storage/provenance/decisions.ts'
import { getRelease } from '../../../storage/releases.ts'
import { dice } from '../harness.ts'
import { configOfDataset, REGIONS, Stand, until } from './saga-stand.ts'

// Read when the module is loaded, so set before the imports above.
const faultFile = vi.hoisted(() => {
  const file = `${process.env['TMPDIR'] ?? '/tmp'}/hillock-faults-${process.pid}.json`
  process.env['HILLOCK_FAULTS'] = file
  return file
})
const stand = new Stand(faultFile)
beforeAll(() => stand.start(), 60_000)
afterAll(async () => {
  await stand.stop()
  rmSync(faultFile, { force: true })
  rmSync(`${faultFile}.log`, { force: true })
}, 30_000)

type End = 'completed' | 'failed' | 'cancelled'
async function endOf(handle: WorkflowHandle): Promise<{ end: End; why: string }> {
  try {
    await handle.result()
    return { end: 'completed', why: '' }
  } catch (e) {
    if (!(e instanceof WorkflowFailedError)) throw e
    let at: Error = e
    while (at.cause instanceof Error) at = at.cause
    return { end: e.cause instanceof CancelledFailure ? 'cancelled' : 'failed', why: at.message }
  }
}
const stateOf = async (handle: WorkflowHandle): Promise<Record<string, string>> =>
  Object.fromEntries((await handle.query(messages.saga)).map(s => [s.name, s.state]))

const refusal = (e: unknown): string => {
  expect(e).toBeInstanceOf(WorkflowUpdateFailedError)
  return (e as WorkflowUpdateFailedError).cause!.message
}
const said = { author: 'ada', reason: 'looked at it' }

let serial = 0
const fresh = (): string => `d${serial++}`
const input = (dataset: string, from: string, over: Partial<RollbackInput> = {}): RollbackInput => ({
  dataset,
  channel: 'published',
  from,
  to: null,
  by: 'ada',
  reason: 'merges everything',
  regions: [REGIONS[0]!],
  ...over,
})

describe('rollback', () => {
  const TAINTED = ['agglomerate', 'merge-table', 'segment'].map(s => `${s} ${REGIONS[0]} bad`)
  /** Every activity of the drill that does something, in order: those of the patch run included. */
  const steps = [
    'rollBack',
    'hold',
    'diagnose',
    'quarantine',
    'survey',
    'assemble',
    'publish publish/candidate',
    'publish publish/published',
  ]

  async function drill(match: string, how: 'before' | 'after' | 'cancel'): Promise<void> {
    const dataset = fresh()
    const { good, bad } = await stand.dataset(dataset)
    const initial = await stand.state(dataset)
    expect(initial.published?.release).toBe(bad)
    const id = workflowIds.rollback(dataset, 'published', bad)
    if (how === 'cancel') stand.cancelAt(dataset, id, new RegExp(`^${match}`))
    else
      stand.addFault({ match: `^${match}`, workflow: `/${dataset}/`, when: how, attempts: 9, type: 'ProvenanceError' })
    const { end, why } = await endOf(await stand.rollback(input(dataset, bad)))
    const left = await stand.state(dataset)
    // A cancel travels through three workflows: where the last effects are had before it arrives, the drill is whole.
    if (how === 'cancel' && match.startsWith('publish') && end === 'completed') {
      expect(left).toMatchObject({ holds: [], marks: TAINTED, paused: false, published: { earlier: [good] } })
      return
    }
    expect(end, `${match} ${how}: ${why}`).toBe(how === 'cancel' ? 'cancelled' : 'failed')
    // Readers are put before the bad release again only where somebody wants it, or where nothing has happened.
    const back = how !== 'cancel' && match !== 'rollBack'
    expect(left.published?.release, `${match} ${how}`).toBe(back ? good : bad)
    if (!back) expect(left.published).toEqual({ ...initial.published, before: left.published!.before })
    expect(left.candidate?.release).toBe(bad)
    expect({ holds: left.holds, marks: left.marks, paused: left.paused }, `${match} ${how}`).toEqual({
      holds: [],
      marks: [],
      paused: false,
    })
  }

  test.concurrent('the whole drill, every effect of it failing once after it was had: each is had once', async () => {
    const dataset = fresh()
    const { good, bad } = await stand.dataset(dataset)
    for (const match of ['rollBack', 'hold ', 'quarantine', 'publish', 'releaseHold'])
      stand.addFault({ match: `^${match}`, workflow: `/${dataset}/`, when: 'after', attempts: 1, type: 'StoreError' })
    const handle = await stand.rollback(input(dataset, bad))
    // While the patch is made: readers have the good release, nothing new begins, the schedule rests.
    await until(
      () => stateOf(handle),
      s => s['patch'] !== undefined,
    )
    const { end, why } = await endOf(handle)
    expect(end, why).toBe('completed')
    const result = await handle.result()
    const left = await stand.state(dataset)
    expect(left).toMatchObject({ holds: [], marks: TAINTED, paused: false })
    expect(left.published).toMatchObject({ release: result.patch, earlier: [good] })
    expect(left.candidate!.release).toBe(result.patch)
    expect(result).toMatchObject({ tainted: TAINTED.length, release: result.patch })
    const manifest = JSON.parse((await getRelease(stand.objects, dataset, result.patch!))!) as { parent: string }
    expect(manifest.parent).toBe(bad)
    expect(Object.values(await stateOf(handle)).every(s => s === 'done')).toBe(true)
  })

  for (const match of steps)
    for (const how of ['before', 'after', 'cancel'] as const)
      test.concurrent(`${match}: ${how === 'cancel' ? 'cancelled' : `fails ${how} its effect`}`, () =>
        drill(match, how))

  test.concurrent('without regions the channel goes back and nothing else happens; a channel that has moved on is left alone', async () => {
    const dataset = fresh()
    const { good, bad } = await stand.dataset(dataset)
    expect((await (await stand.rollback(input(dataset, bad, { regions: [] }))).result()).release).toBe(good)
    expect(await stand.state(dataset)).toMatchObject({
      published: { release: good, earlier: [] },
      marks: [],
      holds: [],
    })
    await stand.interfere(dataset, 'published', 'other')
    expect((await (await stand.rollback(input(dataset, bad, { regions: [] }))).result()).release).toBe('other')
  })

  test.concurrent('what somebody else did to the channel or a schedule meanwhile is not undone', async () => {
    const dataset = fresh()
    const { bad } = await stand.dataset(dataset)
    await stand.client.schedule.getHandle(`nightly-${dataset}`).pause('by hand')
    // Long enough to interfere and to cancel; the wait for the next attempt ends with the cancel.
    stand.addFault({ match: '^survey', workflow: `/${dataset}/`, when: 'before', attempts: 4, type: 'StoreError' })
    const handle = await stand.rollback(input(dataset, bad))
    await until(
      () => stateOf(handle),
      s => s['patch'] === 'running',
    )
    await stand.interfere(dataset, 'published', 'other')
    await handle.cancel()
    const { end, why } = await endOf(handle)
    expect(end, why).toBe('cancelled')
    expect(await stand.state(dataset)).toMatchObject({ published: { release: 'other' }, paused: true, holds: [] })
  })

  test.concurrent('a step that fails by itself after the cancel has reached it is cancelled, not failed', async () => {
    const dataset = fresh()
    await stand.dataset(dataset)
    stand.cancelAt(dataset, workflowIds.reconstruct(dataset, 'new'), /^survey /, true)
    stand.addFault({ match: '^survey', workflow: `/${dataset}/`, when: 'before', attempts: 1, type: 'StoreError' })
    const { end, why } = await endOf(await stand.startRun(dataset, 'new'))
    expect(end, why).toBe('cancelled')
  })

  test.concurrent('until the last step is taken a new run is refused and a release under way waits; it cannot be cancelled away', async () => {
    const dataset = fresh()
    const { bad } = await stand.dataset(dataset)
    stand.addFault({
      match: '^releaseHold',
      workflow: `/${dataset}/`,
      when: 'before',
      attempts: 9,
      type: 'ProvenanceError',
    })
    const handle = await stand.rollback(input(dataset, bad))
    await until(
      () => stateOf(handle),
      s => s['release the hold'] === 'stuck',
    )
    await handle.cancel()
    expect((await stand.state(dataset)).paused).toBe(true)
    const { end, why } = await endOf(await stand.startRun(dataset, 'new'))
    expect(end).toBe('failed')
    expect(why).toContain(`${dataset} is held: rollback/${dataset}/published/from-${bad}, by ada: merges everything`)
    const release = await stand.startRelease(dataset, 'under-way', configOfDataset(dataset))
    const asked = (): number =>
      (stand.begun.get(`unheld ${dataset} under-way candidate`) ?? []).filter(a => a.startsWith('holdsOn')).length
    await until(
      async () => asked(),
      n => n >= 2,
    )
    const patched = (await stand.state(dataset)).candidate
    stand.clearFaults(dataset)
    await handle.executeUpdate(messages.resolve, { args: [{ step: 'release the hold', action: 'retry', ...said }] })
    expect((await endOf(handle)).end).toBe('completed')
    expect(patched!.release).toBe((await handle.result()).patch)
    expect((await endOf(release)).end).toBe('completed')
    const left = await stand.state(dataset)
    expect(left).toMatchObject({ holds: [], paused: false, marks: TAINTED, published: { reason: 'run under-way' } })
  })

  test.concurrent('a hold whose rollback was terminated binds nobody, nor does it bind the same rollback started again', async () => {
    const dataset = fresh()
    const { bad } = await stand.dataset(dataset)
    stand.addFault({ match: '^quarantine', workflow: `/${dataset}/`, when: 'before', attempts: 9, type: 'StoreError' })
    const handle = await stand.rollback(input(dataset, bad))
    await until(
      () => stateOf(handle),
      s => s['quarantine'] === 'running',
    )
    await handle.terminate()
    stand.clearFaults(dataset)
    expect((await stand.state(dataset)).holds.length).toBe(1)
    expect((await endOf(await stand.startRun(dataset, 'new'))).end).toBe('completed')
    const again = await stand.rollback(input(dataset, bad, { to: (await stand.state(dataset)).published!.earlier[0]! }))
    expect((await endOf(again)).end).toBe('completed')
  })
})

describe('release', () => {
  const published = { release: { channel: 'published' } }
  const start = (dataset: string, over: object = published) =>
    stand.startRelease(dataset, 'run', configOfDataset(dataset, over))

  const effects = ['publish publish/candidate', 'publish publish/published']
  for (const known of [true, false])
    for (const match of known ? ['evaluate', 'assemble', ...effects] : effects)
      for (const how of ['before', 'after', 'cancel'] as const)
        test.concurrent(`${known ? '' : 'first one: '}${match} ${how}: the channels are as before`, async () => {
          const dataset = fresh()
          if (known) await stand.dataset(dataset)
          const initial = await stand.state(dataset)
          const id = workflowIds.release({ dataset, run: 'run' })
          if (how === 'cancel') stand.cancelAt(dataset, id, new RegExp(`^${match}`))
          else
            stand.addFault({
              match: `^${match}`,
              workflow: `/${dataset}/`,
              when: how,
              attempts: 9,
              type: 'ProvenanceError',
            })
          const { end, why } = await endOf(await start(dataset))
          // After the last effect there is nothing left to cancel.
          if (how === 'cancel' && match.endsWith('published')) {
            expect(end, why).toBe('completed')
            expect((await stand.state(dataset)).published!.reason).toBe('run run')
            return
          }
          expect(end, why).toBe(how === 'cancel' ? 'cancelled' : 'failed')
          const left = await stand.state(dataset)
          for (const c of ['published', 'candidate'] as const)
            expect(left[c], `${c} after ${match} ${how}`).toEqual(
              initial[c] && { ...initial[c], before: left[c]!.before },
            )
        })

  test.concurrent('a missed threshold leaves the channels as they were, and says so', async () => {
    const dataset = fresh()
    const { bad } = await stand.dataset(dataset)
    const handle = await start(dataset, { release: { gate: { voiSum: 1 } } })
    expect(await handle.result()).toMatchObject({ published: false, refusal: 'voiSum is 9, the gate allows 1' })
    expect(await stand.state(dataset)).toMatchObject({ published: { release: bad }, candidate: { release: bad } })
  })

  test.concurrent('an approval is asked for, checked and kept', async () => {
    const dataset = fresh()
    const { bad } = await stand.dataset(dataset)
    const handle = await start(dataset, { release: { approval: 'required' } })
    const open = await until(
      () => handle.query(messages.gates),
      g => g.length > 0,
    )
    expect(open[0]).toMatchObject({ gate: 'release', decided: null })
    const { published, candidate } = await stand.state(dataset)
    expect(published!.release).toBe(bad)
    expect(candidate!.release).not.toBe(bad)
    const decide = (d: object) => handle.executeUpdate<Gate, [object]>(messages.decide, { args: [d] })
    const no = { gate: 'release', decision: 'approve' }
    expect(await decide({ ...no, gate: 'other', ...said }).catch(refusal)).toContain('no gate other; open are: release')
    expect(await decide({ ...no, author: 'ada' }).catch(refusal)).toContain('reason')
    expect(await decide({ ...no, reason: 'fine', author: ' ' }).catch(refusal)).toContain('author')
    expect(await decide({ ...no, decision: 'perhaps', ...said }).catch(refusal)).toContain('perhaps')
    expect(await decide({ ...no, ...said })).toMatchObject({ decided: { author: 'ada' } })
    expect(await handle.result()).toMatchObject({ published: true })
    expect(await decide({ ...no, ...said }).catch((e: Error) => e.message)).toMatch(/completed|decided already/)
    const left = await stand.state(dataset)
    expect(left.published).toMatchObject({ release: candidate!.release, by: 'ada', reason: 'looked at it' })
    expect(await decisionsOn(stand.objects, dataset, candidate!.release)).toMatchObject([
      { decision: 'approve', author: 'ada', reason: 'looked at it', gate: 'release' },
    ])
  })

  test.concurrent('a rejected candidate is taken back, with who and why', async () => {
    const dataset = fresh()
    const { bad } = await stand.dataset(dataset)
    const handle = await start(dataset, { release: { approval: 'required' } })
    await until(
      () => handle.query(messages.gates),
      g => g.length > 0,
    )
    await handle.executeUpdate(messages.decide, { args: [{ gate: 'release', decision: 'reject', ...said }] })
    const result = await handle.result()
    expect(result).toMatchObject({ published: false, refusal: 'rejected at gate release by ada: looked at it' })
    expect(await stand.state(dataset)).toMatchObject({ published: { release: bad }, candidate: { release: bad } })
    expect(await decisionsOn(stand.objects, dataset, result.release)).toMatchObject([{ decision: 'reject' }])
  })

  test.concurrent('candidates rejected in the order in which they came leave nothing behind', async () => {
    const dataset = fresh()
    const { bad } = await stand.dataset(dataset)
    const before = (await stand.state(dataset)).candidate
    const over = { release: { approval: 'required' } }
    const both = []
    for (const run of ['first', 'second']) {
      const handle = await stand.startRelease(dataset, run, configOfDataset(dataset, { ...over, seed: both.length }))
      await until(
        () => handle.query(messages.gates),
        g => g.length > 0,
      )
      both.push(handle)
    }
    expect((await stand.state(dataset)).candidate!.earlier).toHaveLength(before!.earlier.length + 2)
    for (const handle of both) {
      await handle.executeUpdate(messages.decide, { args: [{ gate: 'release', decision: 'reject', ...said }] })
      await handle.result()
    }
    const left = (await stand.state(dataset)).candidate!
    expect({ release: left.release, earlier: left.earlier }).toEqual({ release: bad, earlier: before!.earlier })
  })

  for (const action of ['retry', 'skip', 'done'] as const)
    test.concurrent(`a compensation that keeps failing waits for an operator: ${action}`, async () => {
      const dataset = fresh()
      const { bad } = await stand.dataset(dataset)
      const fail = (match: string, when: 'before' | 'after'): void =>
        stand.addFault({ match, workflow: `/${dataset}/`, when, attempts: 99, type: 'ProvenanceError' })
      fail('^publish publish/published', 'after')
      fail('^takeBack takeBack/published', 'before')
      const handle = await start(dataset)
      const stuck = await until(
        () => handle.query(messages.saga),
        s => s.some(t => t.state === 'stuck'),
      )
      expect(stuck.find(s => s.state === 'stuck')).toMatchObject({ name: 'publish', orders: [] })
      // Nothing before it is undone until that is settled: the order is kept.
      expect((await stateOf(handle))['candidate']).toBe('done')
      const order = (o: object) => handle.executeUpdate(messages.resolve, { args: [o] })
      expect(await order({ step: 'candidate', action, ...said }).catch(refusal)).toContain('those that do: publish')
      expect(await order({ step: 'publish', action, author: 'ada' }).catch(refusal)).toContain('reason')
      expect(await order({ step: 'publish', action: 'ignore', ...said }).catch(refusal)).toContain('ignore')
      if (action === 'retry') {
        // Once more in vain, and it waits again.
        await order({ step: 'publish', action, ...said })
        await until(
          () => handle.query(messages.saga),
          s => s.some(t => t.state === 'stuck' && t.orders.length === 1),
        )
        stand.clearFaults(dataset)
      }
      await order({ step: 'publish', action, ...said })
      expect((await endOf(handle)).end).toBe('failed')
      const steps = await stateOf(handle)
      expect(steps['publish']).toBe({ retry: 'undone', skip: 'skipped', done: 'done by hand' }[action])
      expect(steps['candidate']).toBe('undone')
      const left = await stand.state(dataset)
      expect(left.candidate!.release).toBe(bad)
      expect(left.published!.release === bad).toBe(action === 'retry')
    })
})

describe('cancelled at a random moment, a saga is whole or has never been', () => {
  const random = dice(Number(process.env['HILLOCK_KILL_SEED'] ?? 1))
  for (const [i, ms] of Array.from({ length: 12 }, () => Math.round(3000 * random())).entries())
    test.concurrent(`${i % 2 ? 'release' : 'rollback'} after ${ms} ms`, async () => {
      const dataset = fresh()
      const { good, bad } = await stand.dataset(dataset)
      const { published, ...initial } = await stand.state(dataset)
      const handle =
        i % 2
          ? await stand.startRelease(dataset, 'run', configOfDataset(dataset))
          : await stand.rollback(input(dataset, bad))
      await new Promise(r => setTimeout(r, ms))
      await handle.cancel().catch(() => {})
      const { end, why } = await endOf(handle)
      const left = await stand.state(dataset)
      expect(left, `${end}: ${why}`).toMatchObject({ holds: [], paused: false })
      if (end === 'cancelled') {
        expect(left.published).toMatchObject({ release: bad, earlier: published!.earlier })
        expect(left).toMatchObject({ marks: initial.marks, candidate: { release: bad } })
      } else {
        expect(end, why).toBe('completed')
        expect(left.published!.release).toBe(left.candidate!.release)
        expect(left.published!.release).not.toBe(bad)
        expect(left.published!.earlier).toContain(i % 2 ? bad : good)
      }
    })
})

test('an open gate outlives every worker; cancelled while there is none, the release is taken back all the same', async () => {
  const dataset = fresh()
  const { bad } = await stand.dataset(dataset)
  const handle = await stand.startRelease(
    dataset,
    'run',
    configOfDataset(dataset, { release: { approval: 'required' } }),
  )
  await until(
    () => handle.query(messages.gates),
    g => g.length > 0,
  )
  await stand.stopWorkers()
  await handle.cancel()
  await stand.startWorkers()
  expect((await endOf(handle)).end).toBe('cancelled')
  expect(await stand.state(dataset)).toMatchObject({ published: { release: bad }, candidate: { release: bad } })
})
