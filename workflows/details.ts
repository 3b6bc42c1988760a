// What Temporal's UI shows as a workflow's current details: parts that are written independently of each other.
import { setCurrentDetails } from '@temporalio/workflow'

const parts = new Map<string, string>()

/** Sets one part, as Markdown; an empty one is left out. Each workflow has its own. */
export function showPart(name: string, text: string): void {
  parts.set(name, text)
  setCurrentDetails([...parts.values()].filter(p => p !== '').join('\n\n'))
}
