// Scoring of an existing release against ground truth that is named after the fact.
import { housekeeping } from './housekeeping.ts'
import type { EvaluateInput } from '../domain/contract.ts'
import type { Quality } from '../domain/release.ts'

export async function evaluation(input: EvaluateInput): Promise<Quality> {
  return housekeeping.evaluateRelease(input)
}
