// Sagas: steps that are undone in reverse order when a later one fails or the workflow is cancelled; none is given up silently.
import { ApplicationFailure, CancellationScope, condition, log, setHandler } from '@temporalio/workflow'
import { showPart, tableOf } from './details.ts'
import * as messages from '../domain/contract/messages.ts'
import { refuseOrder, type SagaStep, type StepOrder } from '../domain/operator.ts'

export interface Step<T> {
  readonly name: string
  readonly run: () => Promise<T>
  /**
   * Undoes the step whether or not it has taken effect: registered before `run`, and called again until it succeeds or an
   * operator says otherwise. Absent where nobody can come across what the step left.
   */
  readonly compensate?: (ending: Ending) => Promise<unknown>
}

/** How the saga came to be undone: which step did not end well, and whether the workflow was cancelled. */
export interface Ending {
  readonly step: string
  readonly cancelled: boolean
}

type Row = { -readonly [K in keyof SagaStep]: SagaStep[K] } & { order: StepOrder | null }

class Saga {
  private readonly rows: Row[] = []
  private readonly undo: { readonly row: Row; readonly compensate: NonNullable<Step<unknown>['compensate']> }[] = []

  constructor() {
    setHandler(messages.saga, () => this.steps())
    setHandler(
      messages.resolve,
      order => {
        const row = this.rows.find(r => r.name === order.step && r.state === 'stuck')!
        row.order = order
        row.orders = [...row.orders, order]
        return this.steps()
      },
      {
        validator: order => {
          const waiting = this.rows.filter(r => r.order === null)
          const why = refuseOrder(waiting, order)
          if (why !== null) throw ApplicationFailure.nonRetryable(why, 'ConfigError')
        },
        description: 'about a step that keeps failing: {step, action: retry|skip|done, author, reason}',
      },
    )
  }

  /** Takes a step. @throws what the step throws. */
  async step<T>({ name, run, compensate }: Step<T>): Promise<T> {
    const row = this.begin(name)
    if (compensate) this.undo.push({ row, compensate })
    try {
      const result = await run()
      this.set(row, 'done')
      return result
    } catch (e) {
      row.error = causeText(e)
      this.set(row, 'failed')
      throw e
    }
  }

  /** Takes a step after the point of no return: it is neither cancelled nor undone, and waits for an operator while it fails. */
  insist(name: string, run: () => Promise<unknown>): Promise<void> {
    return this.until(this.begin(name), 'running', 'done', run)
  }

  /** Undoes what was done, the last step first. */
  async back(cancelled: boolean): Promise<void> {
    const failed = this.rows.findLast(r => r.state === 'failed')
    const ending = { step: failed?.name ?? '', cancelled }
    for (const { row, compensate } of this.undo.toReversed())
      await this.until(row, 'undoing', 'undone', () => compensate(ending))
  }

  private async until(
    row: Row,
    doing: Row['state'],
    finished: Row['state'],
    work: () => Promise<unknown>,
  ): Promise<void> {
    for (;;) {
      this.set(row, doing)
      try {
        await CancellationScope.nonCancellable(work)
        return this.set(row, finished)
      } catch (e) {
        row.error = causeText(e)
        this.set(row, 'stuck')
      }
      await CancellationScope.nonCancellable(() => condition(() => row.order !== null))
      const { action } = row.order!
      row.order = null
      if (action !== 'retry') return this.set(row, action === 'skip' ? 'skipped' : 'done by hand')
    }
  }

  private begin(name: string): Row {
    const row: Row = { name, state: 'running', error: null, orders: [], order: null }
    this.rows.push(row)
    this.set(row, 'running')
    return row
  }

  private set(row: Row, state: Row['state']): void {
    row.state = state
    if (state === 'failed' || state === 'stuck') log.warn(`a step ${state}`, { step: row.name, error: row.error })
    const rows = this.rows.map(r => [r.name, r.state, r.error ?? ''])
    const stuck = this.rows.find(r => r.state === 'stuck')
    const call = stuck
      ? `\n\n**${stuck.name} keeps failing.** Send the Update \`${messages.resolve.name}\`: \`{"step": "${stuck.name}", "action": "retry|skip|done", "author": "...", "reason": "..."}\``
      : ''
    showPart('saga', tableOf(['step', 'state', 'last failure'], rows) + call)
  }

  private steps(): SagaStep[] {
    return this.rows.map(({ name, state, error, orders }) => ({ name, state, error, orders }))
  }
}
export type { Saga }

/** Runs `work`; when it fails or is cancelled, what its steps did is undone before the failure goes on. */
export async function saga<T>(work: (s: Saga) => Promise<T>): Promise<T> {
  const s = new Saga()
  try {
    return await work(s)
  } catch (e) {
    await s.back(CancellationScope.current().consideredCancelled)
    throw e
  }
}

/** The innermost message of a chain of failures: what an operator wants to read. */
function causeText(e: unknown): string {
  let at = e
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  return at instanceof Error ? at.message : String(at)
}
