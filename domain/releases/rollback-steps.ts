// The steps of a rollback with `--regions`, in their order; without regions the first is all. The workflow, the command and the release plan take them from here.

export interface RollbackStep {
  readonly name: string
  readonly does: string
  /** What readers of the channel see. */
  readonly readers: string
  readonly takenBack: string
}

const steps = {
  back: {
    name: 'channel back',
    does: 'the channel names the last good release again: one compare-and-swap, however large the release',
    readers: 'the last good release, from this moment; who opened the bad one by name still reads it',
    takenBack: 'never by a failure of ours; by cancelling the rollback',
  },
  hold: {
    name: 'hold',
    does: 'schedules pause, new runs of the dataset are refused, releases under way wait',
    readers: 'no change',
    takenBack: 'the hold is released',
  },
  diagnosis: {
    name: 'diagnosis',
    does: 'what differs from the good release, what of that is tainted, which run file makes the patch',
    readers: 'no change',
    takenBack: 'nothing to take back',
  },
  quarantine: {
    name: 'quarantine',
    does: 'tainted artifacts are marked bad: nothing can be made from them',
    readers: 'no change',
    takenBack: 'the marks are lifted',
  },
  patch: {
    name: 'patch',
    does: 'bad regions are made again with the good parameters, and the tree nodes, segments, meshes, synapses and tables that depend on them; evaluated, approved, published',
    readers: 'the patch release, once it is published',
    takenBack: 'the channels go back to what they named',
  },
  release: {
    name: 'release the hold',
    does: 'schedules go on',
    readers: 'no change',
    takenBack: 'retried until it succeeds, or an operator resolves it',
  },
} as const satisfies Record<string, RollbackStep>
export const rollbackSteps: Readonly<Record<keyof typeof steps, RollbackStep>> = steps
