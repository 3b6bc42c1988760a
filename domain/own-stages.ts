// Stages that another package adds to the table (docs/library.md), before anything has read it.
import { z } from 'zod'
import type { StageRow } from './stages/row.ts'
import { params } from './values.ts'

/** What a row must say; the rest is as for stages that compute on a CPU. */
export type OwnRow = Partial<StageRow> &
  Pick<StageRow, 'version' | 'scope' | 'phase' | 'inputs' | 'makes' | 'parameters' | 'checks'>

const own: Record<string, OwnRow> = {}
let read = false

/** @throws Error once the table has been read: the file that adds the row is imported first */
export function addStage(name: string, row: OwnRow): void {
  if (read) throw new Error(`stage ${name}: import the file that adds it before anything else of hillock`)
  own[name] = row
}

export function ownStages(): Readonly<Record<string, OwnRow>> {
  read = true
  return own
}

export { params, z }
