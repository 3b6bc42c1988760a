// The stage diagram of a release: one line per stage with its figures, and arcs from each stage to those that read it.
import { stages, type StageName } from '../domain/stages.ts'
import { bytes, duration, figure, type Html, html } from './html.ts'
import type { LineageSummary, StageSummary } from '../domain/provenance/lineage-summary.ts'

const ROW = 30
const NAMES = 230
const COLUMNS = [
  ['artifacts', 420],
  ['voxels', 520],
  ['stored', 610],
  ['compute', 710],
  ['cost', 800],
  ['last made (UTC)', 950],
] as const

/** Seconds that a stage has worked, over all artifacts. */
export const busy = (s: StageSummary): number => s.seconds.kernel + s.seconds.inference + s.seconds.io

/** What a stage makes, in words; nothing for a stage that this version does not know. */
export const makes = (stage: string): string => (Object.hasOwn(stages, stage) ? stages[stage as StageName].makes : '')

/** The stages in their order, one line each, and on the left an arc from each stage to those that read it. */
export function stageDiagram(summary: LineageSummary): Html {
  const y = new Map(summary.stages.map((s, i) => [s.stage, 34 + ROW * (i + 0.5)]))
  const arcs = summary.edges.map(({ from, to, inputs }) => {
    const a = y.get(from)!
    const b = y.get(to)!
    const x = NAMES - 14
    const path =
      a === b
        ? `M${x} ${a - 5}C${x - 22} ${a - 14} ${x - 22} ${a + 14} ${x - 4} ${a + 5}`
        : `M${x} ${a}C${x - 12 - 0.62 * Math.abs(b - a) ** 0.92} ${a} ${x - 12 - 0.62 * Math.abs(b - a) ** 0.92} ${b} ${x - 4} ${b}`
    return html`<path d="${path}" marker-end="url(#tip)"
      ><title>${to} reads ${figure(inputs)} ${inputs === 1 ? 'artifact' : 'artifacts'} of ${from}</title></path
    >`
  })
  const rows = summary.stages.map(s => {
    const at = y.get(s.stage)!
    const cells = [
      figure(s.artifacts),
      s.voxels ? figure(s.voxels) : '',
      bytes(s.bytes),
      duration(busy(s)),
      s.cost ? figure(s.cost) : '',
      s.end.slice(0, 19).replace('T', ' '),
    ]
    return html`<a href="#${s.stage}">
      <title>${makes(s.stage)}</title>
      <rect x="${NAMES - 8}" y="${at - 12}" width="118" height="24" rx="5" />
      <text x="${NAMES + 2}" y="${at + 4.5}">${s.stage}</text>
      ${cells.map((c, i) => html`<text x="${COLUMNS[i]![1]}" y="${at + 4.5}" text-anchor="end">${c}</text>`)}</a
    >`
  })
  const height = 40 + ROW * summary.stages.length
  return html`<svg
    viewBox="0 0 960 ${height}"
    width="960"
    height="${height}"
    role="img"
    aria-label="Stages and what they read"
  >
    <defs>
      <marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">
        <path d="M1 1L7 4L1 7" />
      </marker>
    </defs>
    ${COLUMNS.map(([name, x]) => html`<text class="soft" x="${x}" y="18" text-anchor="end">${name}</text>`)} ${arcs}
    ${rows}
  </svg>`
}
