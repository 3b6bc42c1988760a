// The name under which a workflow moves channels: the same after a reset, another when it is started again.
import { workflowInfo } from '@temporalio/workflow'

export const viaOf = (): string => `${workflowInfo().workflowId}#${workflowInfo().originalExecutionRunId}`
