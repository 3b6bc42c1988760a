// Faults on purpose, for tests and drills: a rule file makes named activities fail before or after their effect.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { activityInfo } from '@temporalio/activity'
import { HillockError, type ErrorType } from '../domain/errors.ts'

interface FaultRule {
  /** Matched against `activityType activityId`, as a regular expression. */
  readonly match: string
  /** Before anything was done, or when all was done and only the answer is lost. */
  readonly when: 'before' | 'after'
  /** Attempts that fail: those up to this one. */
  readonly attempts: number
  readonly type: ErrorType
}

const file = process.env['HILLOCK_FAULTS']

/** Throws where the rules of `HILLOCK_FAULTS` (a JSON file, read at every call) ask for it; what is thrown is logged in `<file>.log`. */
export function fault(when: FaultRule['when']): void {
  if (!file || !existsSync(file)) return
  const info = activityInfo()
  const rules = JSON.parse(readFileSync(file, 'utf8')) as FaultRule[]
  const rule = rules.find(
    r =>
      r.when === when &&
      info.attempt <= r.attempts &&
      new RegExp(r.match).test(`${info.activityType} ${info.activityId}`),
  )
  if (!rule) return
  const { activityType, activityId, attempt } = info
  const line = {
    activityType,
    activityId,
    attempt,
    when,
    type: rule.type,
    workflowId: info.workflowExecution?.workflowId,
    at: Date.now(),
  }
  appendFileSync(`${file}.log`, `${JSON.stringify(line)}\n`)
  throw new HillockError(rule.type, `fault on purpose ${when} ${activityId}, attempt ${attempt}`)
}
