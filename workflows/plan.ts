// The plan of a run: nothing is made, so one activity is enough.
import { housekeeping } from './housekeeping.ts'
import type { Planned, ReconstructInput } from '../domain/contract.ts'

export const plan = (input: ReconstructInput): Promise<Planned> => housekeeping.plan(input)
