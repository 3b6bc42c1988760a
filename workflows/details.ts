// What Temporal's UI shows as a workflow's current details: parts that are written independently of each other.
import { setCurrentDetails } from '@temporalio/workflow'

const parts = new Map<string, string>()

/** Sets one part, as Markdown; an empty one is left out. Each workflow has its own. */
export function showPart(name: string, text: string): void {
  parts.set(name, text)
  setCurrentDetails([...parts.values()].filter(p => p !== '').join('\n\n'))
}

/** Longest cell: an error may be a page. */
const LONGEST = 160

/** A table as Temporal's UI shows one readably: of Markdown's own it leaves no space between the columns. The first column is text. */
export function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows].map(r =>
    r.map(c =>
      String(c)
        .replaceAll(/[\s`]+/g, ' ')
        .slice(0, LONGEST),
    ),
  )
  const widths = head.map((_, i) => Math.max(...cells.map(r => r[i]!.length)))
  const numbers = head.map((_, i) => i > 0 && rows.length > 0 && rows.every(r => /^[\d/]*$/.test(String(r[i]))))
  const lines = cells.map(r => r.map((c, i) => (numbers[i] ? c.padStart(widths[i]!) : c.padEnd(widths[i]!))).join('  '))
  return ['```', ...lines.map(l => l.trimEnd()), '```'].join('\n')
}
