// Plots of the service levels as inline SVG: one row per stage, the same rows in every column; and throughput, cost and quality by release.
import { union, type Level, type SloReport, type StageLevel } from '../../domain/slo/slo.ts'
import { duration } from '../../domain/slo/cost.ts'
import { figure, html, type Html } from './html.ts'

const ROW = 24
const TOP = 46
const COLUMNS = { time: 112, rate: 545, each: 755, cost: 965 } as const
const WIDTHS = { time: 390, rate: 160, each: 160, cost: 140 } as const
const WIDE = COLUMNS.cost + WIDTHS.cost + 10

export const PLOT_STYLE = `
:root{--bad:#c92a2a;--mark:#0b7285}@media(prefers-color-scheme:dark){:root{--bad:#ff8787;--mark:#66d9e8}}
.plot{width:100%;min-width:860px;height:auto;display:block}.plot rect.bar{fill:var(--accent);stroke:none}.plot rect.hit{fill:transparent;stroke:none}
.plot line{stroke:var(--line)}.plot line.range{stroke:var(--accent);stroke-width:2}.plot line.thick{stroke:var(--accent);stroke-width:6}.plot line.aim{stroke:var(--ink);stroke-width:2.5}
.plot line.fail{stroke:var(--bad);stroke-width:2}.plot line.when{stroke:var(--warm);stroke-width:2;stroke-dasharray:4 3}
.plot circle{fill:var(--accent);stroke:var(--card);stroke-width:2}.plot circle.slot{fill:var(--card);stroke:var(--accent)}.plot circle.own{fill:var(--mark)}
.plot path.curve{fill:none;stroke:var(--accent);stroke-width:2;opacity:1}.plot text.n{text-anchor:end}.plot text.mid{text-anchor:middle}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;margin:1rem 0}.tiles .card{margin:0}
.tiles b{display:block;font-size:1.5rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}.good{color:var(--mark)}.bad{color:var(--bad)}
`

interface Axis {
  readonly at: (value: number) => number
  readonly ticks: readonly (readonly [number, string])[]
}

const TIMES = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800,
]

/** From 0 to `to` in about `n` steps of 1, 2 or 5 times a power of ten, or (of seconds) of the clock. */
function linear(x: number, width: number, to: number, n: number, ofTime: boolean): Axis {
  const rough = (to || 1) / n
  const unit = 10 ** Math.floor(Math.log10(rough))
  const nice = ofTime ? TIMES : [unit, 2 * unit, 5 * unit, 10 * unit]
  const step = nice.find(s => s >= rough) ?? rough
  const label = (v: number): string => (v === 0 ? '0' : ofTime ? duration(v).replace(/ 0 \w+$/, '') : figure(v))
  const ticks = Array.from({ length: Math.floor((to || 1) / step) + 1 }, (_, i) => [i * step, label(i * step)] as const)
  return { at: v => x + (v / (to || 1)) * width, ticks }
}

/** Powers of ten around the values; every third of them is labelled where there are many. */
function logarithmic(x: number, width: number, values: readonly number[]): Axis {
  const logs = values.filter(v => v > 0).map(Math.log10)
  const lo = Math.floor(Math.min(0, ...logs))
  const hi = Math.max(lo + 1, Math.ceil(Math.max(...logs, lo)))
  const every = Math.ceil((hi - lo) / 5)
  const ticks = Array.from(
    { length: hi - lo + 1 },
    (_, i) => [10 ** (lo + i), i % every ? '' : figure(10 ** (lo + i))] as const,
  )
  return { at: v => x + ((Math.log10(Math.max(v, 10 ** lo)) - lo) / (hi - lo)) * width, ticks }
}

const axisOf = (title: string, x: number, axis: Axis, height: number): Html =>
  html` <text x="${x}" y="14">${title}</text>
    ${axis.ticks.map(
      ([v, label]) =>
        html`<line x1="${axis.at(v)}" x2="${axis.at(v)}" y1="${TOP - 10}" y2="${height}" /><text
            class="soft mid"
            x="${axis.at(v)}"
            y="${TOP - 16}"
            >${label}</text
          >`,
    )}`

const hint = (x: number, y: number, width: number, text: string): Html =>
  html`<rect class="hit" x="${x}" y="${y - ROW / 2}" width="${width}" height="${ROW}"><title>${text}</title></rect>`

/** When each stage worked and failed, how fast it was, how long an artifact took, and what it cost. */
export function stagePlot(r: SloReport): Html {
  const rows = r.stages.filter(s => s.made + s.failures > 0)
  const height = TOP + rows.length * ROW
  // Time in which nothing was at work (the days between two runs) is cut out.
  const spans = union(rows.flatMap(s => s.busy))
  const worked = (at: number): number => spans.reduce((n, [a, b]) => n + Math.max(0, Math.min(at, b) - a), 0) / 1000
  const time = linear(COLUMNS.time, WIDTHS.time, worked(Infinity), 5, true)
  const rate = logarithmic(
    COLUMNS.rate,
    WIDTHS.rate,
    rows.flatMap(s => [s.mvoxelPerSecond ?? 0, s.perSlot ?? 0, s.target ?? 0]),
  )
  const each = logarithmic(
    COLUMNS.each,
    WIDTHS.each,
    rows.flatMap(s => (s.secondsEach ? [s.secondsEach.min, s.secondsEach.max] : [])),
  )
  const cost = linear(
    COLUMNS.cost,
    WIDTHS.cost,
    Math.max(...rows.flatMap(s => [s.cost, s.forecast?.cost ?? 0])),
    2,
    false,
  )
  const row = (s: StageLevel, i: number): Html => {
    const y = TOP + i * ROW + ROW / 2
    const when = (at: number): number => time.at(worked(at))
    const aim = (x: number): Html => html`<line class="aim" x1="${x}" x2="${x}" y1="${y - 8}" y2="${y + 8}" />`
    const q = s.secondsEach
    return html` <line x1="0" x2="${WIDE}" y1="${y + ROW / 2}" y2="${y + ROW / 2}" />
      <text class="n" x="${COLUMNS.time - 10}" y="${y + 4}">${s.stage}</text>
      ${s.busy.map(([a, b]) => html`<rect class="bar" x="${when(a)}" y="${y - 5}" width="${Math.max(1.5, when(b) - when(a))}" height="10" rx="1" />`)}
      ${s.failedAt.map(a => html`<line class="fail" x1="${when(a)}" x2="${when(a)}" y1="${y - 10}" y2="${y + 10}" />`)}
      ${hint(COLUMNS.time, y, WIDTHS.time, `${s.stage}: ${s.made} made, ${s.found} found; ${duration(s.wall)} with work in hand; ${s.failures} of ${s.attempts} attempts failed`)}
      ${s.mvoxelPerSecond ? html`<circle cx="${rate.at(s.mvoxelPerSecond)}" cy="${y}" r="5.5" />` : null}
      ${s.perSlot ? html`<circle class="slot" cx="${rate.at(s.perSlot)}" cy="${y}" r="4" />` : null}
      ${s.target ? aim(rate.at(s.target)) : null}
      ${s.mvoxelPerSecond ? hint(COLUMNS.rate, y, WIDTHS.rate, `${s.stage}: ${figure(s.mvoxelPerSecond)} Mvoxel/s, ${figure(s.perSlot ?? 0)} per slot${s.target ? `, target ${figure(s.target)}` : ''}`) : null}
      ${
        q
          ? html`<line class="range" x1="${each.at(q.min)}" x2="${each.at(q.max)}" y1="${y}" y2="${y}" />
              <line class="thick" x1="${each.at(q.median)}" x2="${each.at(q.p90)}" y1="${y}" y2="${y}" />
              <circle cx="${each.at(q.median)}" cy="${y}" r="5.5" />
              ${hint(COLUMNS.each, y, WIDTHS.each, `${s.stage}: ${figure(q.min)} to ${figure(q.max)} s, median ${figure(q.median)} s, nine in ten below ${figure(q.p90)} s`)}`
          : null
      }
      <rect class="bar" x="${COLUMNS.cost}" y="${y - 5}" width="${cost.at(s.cost) - COLUMNS.cost}" height="10" rx="1" />
      ${s.forecast ? aim(cost.at(s.forecast.cost)) : null}
      ${hint(COLUMNS.cost, y, WIDTHS.cost, `${s.stage}: ${figure(s.cost)} ${r.currency}, forecast by its first tenth ${s.forecast ? figure(s.forecast.cost) : 'none'}`)}`
  }
  return html`<svg
    class="plot"
    viewBox="0 0 ${WIDE} ${height + 4}"
    role="img"
    aria-label="Stages: time, throughput, seconds per artifact, cost"
  >
    ${axisOf('time at work, idle time cut out', COLUMNS.time, time, height)}
    ${axisOf('Mvoxel/s', COLUMNS.rate, rate, height)} ${axisOf('seconds per artifact', COLUMNS.each, each, height)}
    ${axisOf(`compute cost, ${r.currency}`, COLUMNS.cost, cost, height)} ${rows.map(row)}
  </svg>`
}

type Plotted = Pick<Level, 'release' | 'own' | 'quality'> & Partial<Pick<Level, 'cost' | 'mvoxelPerSecond'>>
type Measure = readonly [title: string, of: (c: Plotted) => number | null | undefined, top?: number]

const MEASURES = (currency: string): readonly Measure[] => [
  ['throughput, Mvoxel/s', c => c.mvoxelPerSecond],
  [currency === '' ? 'cost' : `cost, ${currency}`, c => c.cost],
  ['VOI, bits (0 is best)', c => c.quality.voiSum],
  ['adapted Rand error (0 is best)', c => c.quality.arand],
  ['VOI without borders, bits (0 is best)', c => c.quality.voiSumInner],
  ['normalised expected run length (1 is best)', c => c.quality.nerl, 1],
  ['synapse F1 (1 is best)', c => c.quality.synapseF1, 1],
]
const [ACROSS, EACH, DOWN] = [3, 355, 180]

/** One small plot for each measure that is known of a release, release by release in the order given. */
export function releasePlot(releases: readonly Plotted[], currency = ''): Html {
  const [width, height] = [285, 120]
  const measures = MEASURES(currency).filter(([, of]) => releases.some(c => typeof of(c) === 'number'))
  const rows = Math.ceil(measures.length / ACROSS)
  return html`<svg
    class="plot"
    viewBox="0 0 1080 ${rows * DOWN}"
    role="img"
    aria-label="${measures.map(([title]) => title).join(', ')}, by release"
  >
    ${measures.map(([title, of, most], m) => {
      const [x0, y0] = [62 + (m % ACROSS) * EACH, Math.floor(m / ACROSS) * DOWN]
      const values = releases.flatMap((c, i) => {
        const v = of(c)
        return v === null || v === undefined ? [] : [{ c, i, v }]
      })
      const top = most ?? Math.max(1e-9, ...values.map(k => k.v)) * 1.15
      const x = (i: number): number =>
        x0 + 14 + (releases.length > 1 ? (i / (releases.length - 1)) * (width - 28) : width / 2)
      const y = (v: number): number => y0 + 30 + height - (v / top) * height
      return html`<text x="${x0}" y="${y0 + 14}">${title}</text>
        ${[0, top / 2, top].map(v => html`<line x1="${x0}" x2="${x0 + width}" y1="${y(v)}" y2="${y(v)}" /><text class="soft n" x="${x0 - 6}" y="${y(v) + 4}">${figure(v)}</text>`)}
        <path class="curve" d="${values.map((k, n) => `${n ? 'L' : 'M'}${x(k.i)},${y(k.v)}`).join('')}" />
        ${values.map(k => html`<circle class="${k.c.own ? 'own' : ''}" cx="${x(k.i)}" cy="${y(k.v)}" r="6"><title>${k.c.release}: ${figure(k.v)}</title></circle>`)}`
    })}
  </svg>`
}
