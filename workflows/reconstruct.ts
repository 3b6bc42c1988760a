// The whole dataset, phase by phase as the stage table orders them; then the release.
import { executeChild, log, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow'
import { archived } from './housekeeping/archive.ts'
import { Control, Meter, type Tell } from './control.ts'
import { housekeeping } from './housekeeping/activities.ts'
import { release } from './release.ts'
import { passGates, retryPoisoned } from './run-gates.ts'
import { durable } from './fan-out.ts'
import { surveyed } from './survey.ts'
import { Tracker } from './tracker.ts'
import { workflowIds } from '../domain/contract/names.ts'
import type { ReconstructInput, Roots, RunContext, RunResult } from '../domain/contract/run.ts'
import { attributesOf } from '../domain/contract/search-attributes.ts'
import { overBudget, overResiduals, Pause, Resume, sameScope, scopeName, type Budget } from '../domain/control.ts'
import { expected, IMAGES } from '../domain/index/phases.ts'
import { countOf } from '../domain/slo/counts.ts'
import * as messages from '../domain/contract/messages.ts'
import { AUTOMATIC } from '../domain/operator.ts'
import { stagesOf, runPhase, runPhases, WIDTH, type Steps } from '../domain/index/order.ts'

/** A run hears of its spending in so many steps. */
const STEPS = 100
/** More than any run costs: only failures are told. */
const NEVER = 1e15

export async function reconstruct(input: ReconstructInput): Promise<RunResult> {
  const tracker = new Tracker('survey')
  setHandler(messages.progress, () => tracker.progress())
  const control = new Control(tracker)
  const { cost, failureRate } = input.config.budget
  const every = cost !== undefined ? cost / STEPS : failureRate !== undefined ? NEVER : undefined
  const steps = durable(tracker, control, new Meter(every, takeOrders(control, { ...input.config.budget })))
  return archived(() => run(input, tracker, control, steps))
}

async function run(input: ReconstructInput, tracker: Tracker, control: Control, steps: Steps): Promise<RunResult> {
  let { context, roots } = await allPhases(input, tracker, control, steps)
  if (input.config.quarantine === 'ask')
    for (let round = 1; await retryPoisoned(input.run, roots, round, tracker); round++)
      ({ context, roots } = await allPhases(input, tracker, control, steps))
  await control.clear(null, null)
  tracker.phase = 'release'
  if (context.through === 'evaluate') tracker.expect('evaluate', 1)
  const done = await executeChild(release, {
    workflowId: workflowIds.release(context),
    args: [
      {
        context,
        roots,
        cost: tracker.cost(),
        approver: AUTOMATIC,
        runId: workflowInfo().runId,
        ...(input.patch ? { patch: input.patch } : {}),
      },
    ],
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    staticSummary: `release of run ${input.run}`,
    typedSearchAttributes: attributesOf({ dataset: context.dataset }),
  })
  tracker.add(done.outcomes.map(countOf))
  tracker.release = done.release
  upsertSearchAttributes(attributesOf({ dataset: input.dataset, release: done.release }))
  tracker.phase = 'done'
  const { outcomes: _, ...result } = done
  return { ...result, stages: tracker.stages(), cost: tracker.cost() }
}

/** One walk over the whole dataset, with the gates and the guard on its way; what is there already is found. */
async function allPhases(
  { config, ...input }: ReconstructInput,
  tracker: Tracker,
  control: Control,
  steps: Steps,
): Promise<{ context: RunContext; roots: Roots }> {
  const context = await surveyed({ ...input, config })
  const totals = expected(context)
  const { stitchResidualPx, alignResidualPx } = config.budget
  tracker.roots = {}
  const roots = await runPhases(context, async subtree => {
    tracker.phase = subtree.phase
    for (const s of stagesOf(subtree)) tracker.expect(s, totals.get(s)!)
    if (stagesOf(subtree).includes(IMAGES) && (stitchResidualPx ?? alignResidualPx) !== undefined) {
      const why = overResiduals(config.budget, await housekeeping.residuals(subtree.roots))
      if (why) await guard(control, why)
    }
    await passGates(config, subtree, steps, tracker, totals)
    const root = await runPhase(subtree, steps)
    tracker.roots = { ...tracker.roots, [subtree.phase]: root }
    return root
  })
  return { context, roots }
}

const whole = (p: Pause): boolean => p.stage === null && p.region === null

/** The run pauses itself, unless it is paused already. */
async function guard(control: Control, reason: string): Promise<void> {
  if (control.pauses.some(whole)) return
  log.warn('pauses itself', { reason })
  await control.set([...control.pauses, { stage: null, region: null, by: 'budget guard', reason }])
}

/** Updates that pause and resume, and the guard that pauses by itself: returns what is told of each spending. */
function takeOrders(control: Control, budget: { -readonly [K in keyof Budget]: Budget[K] }): Tell {
  const spent = { cost: 0, made: 0, failed: 0, largest: 0 }
  // In a small phase no child is under way, and as much.
  const underWay = (): number => spent.largest * WIDTH * Math.max(1, control.open)
  setHandler(
    messages.pause,
    async given => {
      log.info('paused', { ...given })
      await control.set([...control.pauses.filter(p => !sameScope(p, given)), given])
      return control.pauses
    },
    { validator: given => void Pause.parse(given) },
  )
  setHandler(
    messages.resume,
    async given => {
      log.info('resumed', { ...given })
      if (given.budget !== null) budget.cost = given.budget
      await control.set(control.pauses.filter(p => !sameScope(p, given)))
      return control.pauses
    },
    {
      validator(given) {
        const r = Resume.parse(given)
        if (!control.pauses.some(p => sameScope(p, r))) throw new Error(`${scopeName(r)} is not paused`)
        const still = overBudget({ ...budget, ...(r.budget === null ? {} : { cost: r.budget }) }, spent, 0)
        if (whole(r) && still) throw new Error(`${still}; give a higher one`)
      },
    },
  )
  const spend: Tell = async s => {
    spent.cost += s.cost
    spent.made += s.made
    spent.failed += s.failed
    spent.largest = Math.max(spent.largest, s.largest)
    const why = overBudget(budget, spent, underWay())
    if (why) await guard(control, why)
  }
  setHandler(messages.spent, spend)
  return spend
}
