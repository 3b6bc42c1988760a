// The plan of a run: the source and the model are looked at, and nothing is made.
import { planned } from '../survey.ts'
import type { Planned, ReconstructInput } from '../../domain/contract/run.ts'

export const plan = (input: ReconstructInput): Promise<Planned> => planned(input)
