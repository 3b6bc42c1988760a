// Pausing and resuming: a run tells the workflows below it, each holds back what it would begin.
import {
  condition,
  getExternalWorkflowHandle,
  setHandler,
  type ChildWorkflowHandle,
  type Workflow,
  type WorkflowResultType,
} from '@temporalio/workflow'
import { covers, type Pause, type Spent } from '../domain/control.ts'
import type { StageCount } from '../domain/contract/run.ts'
import * as messages from '../domain/contract/messages.ts'
import type { StageName } from '../domain/stages.ts'
import type { Tracker } from './tracker.ts'

export class Control {
  private held: readonly Pause[]
  private readonly children = new Set<string>()
  private readonly changed: () => void
  private telling: Promise<void> = Promise.resolve()

  constructor(tracker: Tracker, pauses: readonly Pause[] = []) {
    this.held = pauses
    this.changed = () => {
      tracker.pauses = this.held
      tracker.show()
    }
    tracker.pauses = pauses
    tracker.open = () => [...this.children].filter(id => id.startsWith('fan-out/'))
    setHandler(messages.pauses, p => this.set(p))
  }

  /** Children under way. */
  get open(): number {
    return this.children.size
  }

  get pauses(): readonly Pause[] {
    return this.held
  }

  /** Takes over `pauses` and tells all children that are under way. */
  async set(pauses: readonly Pause[]): Promise<void> {
    this.held = pauses
    this.changed()
    // One round after the other: signals under way at the same time may overtake each other.
    this.telling = this.telling.then(() => this.tell([...this.children]))
    await this.telling
  }

  private async tell(children: readonly string[]): Promise<void> {
    await Promise.all(
      children.map(id =>
        getExternalWorkflowHandle(id)
          .signal(messages.pauses, this.held)
          // It has just ended, or not begun yet: `follow` tells it then.
          .catch(() => {}),
      ),
    )
  }

  /** Waits while something holds this work back. */
  async clear(stage: StageName | null, region: string | null): Promise<void> {
    const isHeld = (): boolean => this.held.some(p => covers(p, stage, region))
    while (isHeld()) await condition(() => !isHeld())
  }

  /** Result of a child that is started with the pauses of this moment. */
  async follow<T extends Workflow>(
    workflowId: string,
    start: () => Promise<ChildWorkflowHandle<T>>,
  ): Promise<WorkflowResultType<T>> {
    const told = this.held
    this.children.add(workflowId)
    try {
      const child = await start()
      if (this.held !== told) await (this.telling = this.telling.then(() => this.tell([workflowId])))
      return await child.result()
    } finally {
      this.children.delete(workflowId)
    }
  }
}

export type Tell = (spent: Spent) => Promise<void>

/** Tells the run what a fan-out has spent, in steps of `every`, so that a run hears of it a hundred times and no more. */
export class Meter {
  readonly every: number | undefined
  private readonly tell: Tell
  private cost = 0
  private made = 0
  private failed = 0
  private largest = 0

  constructor(every: number | undefined, tell: Tell) {
    this.every = every
    this.tell = tell
  }

  async add(counts: readonly StageCount[]): Promise<void> {
    if (this.every === undefined) return
    this.largest = Math.max(
      this.largest,
      counts.reduce((n, c) => n + c.cost, 0),
    )
    for (const c of counts) {
      this.cost += c.cost
      this.made += c.made
      this.failed += c.retries + c.quarantined
    }
    if (this.cost < this.every && this.failed === 0) return
    const spent = { cost: this.cost, made: this.made, failed: this.failed, largest: this.largest }
    this.cost = this.made = this.failed = 0
    await this.tell(spent)
  }
}
