// Faults on purpose, for tests and drills: a rule file makes named activities fail before or after their effect.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { activityInfo } from '@temporalio/activity'
import { HillockError, type ErrorType } from '../domain/errors.ts'
import { setting } from '../domain/settings.ts'

interface FaultRule {
  /** Matched against `activityType activityId`, for a single block with ` block x_y_z` behind it, as a regular expression. */
  readonly match: string
  /** Matched against the workflow id, as a regular expression; any if left out. */
  readonly workflow?: string
  /** Before anything was done, or when all was done and only the answer is lost. */
  readonly when: 'before' | 'after'
  /** Attempts that fail: those up to this one. */
  readonly attempts: number
  /** `kill` ends the whole worker process, as if the machine had died. */
  readonly type: ErrorType | 'kill'
}

const file = setting('HILLOCK_FAULTS')

/**
 * `part`: a piece of the activity's work that can fail by itself. Throws where the rules of `HILLOCK_FAULTS` (a JSON file, read at every call) ask for it. `<file>.log` gets a line for each
 * fault, and one with `when: passed` when an activity that a rule names succeeds.
 */
export function fault(when: FaultRule['when'], part = ''): void {
  if (!file || !existsSync(file)) return
  const { activityType, activityId, attempt, workflowExecution } = activityInfo()
  const log = (what: FaultRule['when'] | 'passed', type: string | null): void =>
    appendFileSync(
      `${file}.log`,
      `${JSON.stringify({ activityType, activityId: activityId + part, attempt, when: what, type, workflowId: workflowExecution?.workflowId, at: Date.now() })}\n`,
    )
  const rules = (JSON.parse(readFileSync(file, 'utf8')) as FaultRule[]).filter(
    r =>
      new RegExp(r.match).test(`${activityType} ${activityId}${part}`) &&
      new RegExp(r.workflow ?? '').test(workflowExecution?.workflowId ?? ''),
  )
  const rule = rules.find(r => r.when === when && attempt <= r.attempts)
  if (!rule) {
    if (rules.length > 0 && when === 'after') log('passed', null)
    return
  }
  log(when, rule.type)
  if (rule.type === 'kill') process.kill(process.pid, 'SIGKILL')
  else throw new HillockError(rule.type, `fault on purpose ${when} ${activityId}, attempt ${attempt}`)
}
