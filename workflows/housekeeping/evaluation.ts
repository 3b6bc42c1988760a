// Scoring of an existing release against ground truth that is named after the fact.
import { workflowInfo } from '@temporalio/workflow'
import { housekeeping } from './activities.ts'
import type { Evaluated, EvaluateInput } from '../../domain/contract/release.ts'

/** The scores are kept under the last part of the workflow id: the time, by hand or by a schedule. */
export const evaluation = (input: Omit<EvaluateInput, 'name'>): Promise<Evaluated> =>
  housekeeping.evaluateRelease({ ...input, name: workflowInfo().workflowId.split('/').at(-1)! })
