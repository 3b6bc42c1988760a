// The stage diagram: one line per stage with its figures, and arcs from each stage to those that read it.
import { stages, type StageName } from '../../domain/stages.ts'
import { duration } from '../../domain/slo/cost.ts'
import { bytes, figure, type Html, html } from './html.ts'
import type { LineageSummary, StageSummary } from '../../domain/provenance/lineage-summary.ts'

const ROW = 30
const NAMES = 230
const WIDE = 960

export interface DiagramRow {
  readonly stage: string
  /** Of the columns. */
  readonly cells: readonly string[]
  readonly title: string
  /** Where it leads to; nowhere if left out. */
  readonly href?: string
  /** Share of the stage that is done, which fills its box. */
  readonly part?: number
  readonly warn?: boolean
}

export interface DiagramArc {
  readonly from: string
  readonly to: string
  readonly title: string
}

/** Headings with the right edges of what stands under them. */
type Columns = readonly (readonly [name: string, x: number])[]

const LINEAGE: Columns = [
  ['artifacts', 420],
  ['voxels', 520],
  ['stored', 610],
  ['compute', 710],
  ['cost', 800],
  ['last made (UTC)', 950],
]

/** Seconds that a stage has worked, over all artifacts. */
export const busy = (s: StageSummary): number => s.seconds.kernel + s.seconds.inference + s.seconds.io

/** What a stage makes, in words; nothing for a stage that this version does not know. */
export const makes = (stage: string): string => (Object.hasOwn(stages, stage) ? stages[stage as StageName].makes : '')

/** The stages in their order, one line each, and on the left an arc from each stage to those that read it. */
export function stageDiagram(columns: Columns, rows: readonly DiagramRow[], arcs: readonly DiagramArc[]): Html {
  const y = new Map(rows.map((r, i) => [r.stage, 34 + ROW * (i + 0.5)]))
  const arc = ({ from, to, title }: DiagramArc): Html => {
    const a = y.get(from)!
    const b = y.get(to)!
    const x = NAMES - 14
    const path =
      a === b
        ? `M${x} ${a - 5}C${x - 22} ${a - 14} ${x - 22} ${a + 14} ${x - 4} ${a + 5}`
        : `M${x} ${a}C${x - 12 - 0.62 * Math.abs(b - a) ** 0.92} ${a} ${x - 12 - 0.62 * Math.abs(b - a) ** 0.92} ${b} ${x - 4} ${b}`
    return html`<path d="${path}" marker-end="url(#tip)"><title>${title}</title></path>`
  }
  const row = ({ stage, cells, title, href, part, warn }: DiagramRow): Html => {
    const at = y.get(stage)!
    const box = (width: number, kind: string): Html =>
      html`<rect class="${kind}" x="${NAMES - 8}" y="${at - 12}" width="${width}" height="24" rx="5" />`
    const line = html`<title>${title}</title>
      ${box(118, '')} ${part === undefined ? null : box(118 * part, warn ? 'part warned' : 'part')}
      <text x="${NAMES + 2}" y="${at + 4.5}">${stage}</text>
      ${cells.map((c, i) => html`<text x="${columns[i]![1]}" y="${at + 4.5}" text-anchor="end">${c}</text>`)}`
    return href === undefined ? html`<g>${line}</g>` : html`<a href="${href}">${line}</a>`
  }
  const height = 40 + ROW * rows.length
  return html`<svg
    class="stages"
    viewBox="0 0 ${WIDE} ${height}"
    width="${WIDE}"
    height="${height}"
    role="group"
    aria-label="Stages and what they read"
  >
    <defs>
      <marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">
        <path d="M1 1L7 4L1 7" />
      </marker>
    </defs>
    ${columns.map(([name, x]) => html`<text class="soft" x="${x}" y="18" text-anchor="end">${name}</text>`)}
    ${arcs.filter(a => y.has(a.from) && y.has(a.to)).map(arc)} ${rows.map(row)}
  </svg>`
}

/** What was made for a release. */
export const lineageDiagram = ({ stages, edges }: LineageSummary): Html =>
  stageDiagram(
    LINEAGE,
    stages.map(s => ({
      stage: s.stage,
      title: makes(s.stage),
      href: `#${s.stage}`,
      cells: [
        figure(s.artifacts),
        s.voxels ? figure(s.voxels) : '',
        bytes(s.bytes),
        duration(busy(s)),
        s.cost ? figure(s.cost) : '',
        s.end.slice(0, 19).replace('T', ' '),
      ],
    })),
    edges.map(({ from, to, inputs }) => ({
      from,
      to,
      title: `${to} reads ${figure(inputs)} ${inputs === 1 ? 'artifact' : 'artifacts'} of ${from}`,
    })),
  )
