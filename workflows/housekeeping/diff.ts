// The difference between two releases; one activity is enough, and what it finds lies in the raw archive.
import { housekeeping } from './activities.ts'
import type { DiffInput } from '../../domain/contract/release.ts'

export const diff = (input: DiffInput): Promise<string> => housekeeping.diffReleases(input)
