// Queues of the workers and ids of workflows: whatever starts a workflow again finds it under the same name.
import { key } from '../geometry.ts'
import type { Node } from '../index/tree.ts'
import type { Execution } from '../provenance/history.ts'
import type { DiffInput } from './release.ts'
import type { RunContext } from './run.ts'

export const queues = {
  workflow: 'hillock',
  cpu: 'hillock-cpu',
  inference: 'hillock-inference',
  /** Short activities, for the cpu workers too, beside their kernels: the index never waits behind those. */
  index: 'hillock-index',
} as const

/** What is done first of what waits for the same workers; 3 is a run. */
export const priorities = { rollback: 1, housekeeping: 2, patch: 2, scheduled: 4 } as const

export const workflowIds = {
  reconstruct: (dataset: string, run: string): string => `reconstruct/${dataset}/${run}`,
  fanOut: (c: RunContext, phase: string, node: Node): string =>
    `fan-out/${c.dataset}/${c.run}/${phase}/${node.level}_${key(node.coord)}`,
  release: (c: Pick<RunContext, 'dataset' | 'run'>): string => `release/${c.dataset}/${c.run}`,
  rollback: (dataset: string, channel: string, release: string): string =>
    `rollback/${dataset}/${channel}/from-${release}`,
  plan: (dataset: string, run: string): string => `plan/${dataset}/${run}`,
  evaluate: (dataset: string, release: string, run: string): string => `evaluate/${dataset}/${release}/${run}`,
  diff: (d: DiffInput, run: string): string => `diff/${d.dataset}/${d.before}/${d.after}/${run}`,
  publish: (dataset: string, channel: string, release: string): string => `publish/${dataset}/${channel}/${release}`,
  archive: ({ workflowId, runId }: Execution): string =>
    `archive/${workflowId.slice(workflowId.indexOf('/') + 1)}/${runId}`,
  audit: (dataset: string, release: string, run: string, page: number): string =>
    `audit/${dataset}/${release}/${run}/${page}`,
  unheld: (waiting: string, step: string): string => `unheld/${waiting.slice(waiting.indexOf('/') + 1)}/${step}`,
}

const OF_A_RUN: readonly string[] = ['reconstruct', 'fan-out', 'release']

/** Dataset and run that a workflow belongs to, for its log. */
export function ownerOf(workflowId: string): Readonly<Record<string, string | undefined>> {
  const [kind, dataset, run] = workflowId.split('/')
  return OF_A_RUN.includes(kind!) ? { dataset, run } : { dataset }
}
