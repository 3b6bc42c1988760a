// Service levels as parts of pages, and the page of one run or release: figures first, then one plot by stage, then the tables behind it; nothing is fetched.
import { ratio, sum } from '../../domain/slo/hot-spots.ts'
import type { Amount, SloReport } from '../../domain/slo/slo.ts'
import { duration } from '../../domain/slo/cost.ts'
import { bytes, figure, html, Html, known, listing, moment, page, section, table } from './html.ts'
import { releasePlot, PLOT_STYLE, stagePlot } from './slo-plots.ts'

const OPERATIONS = ['get', 'put', 'size', 'ref']

const percent = (n: number | null): string => (n === null ? '–' : `${figure(n * 100)} %`)

const tile = (label: string, value: string, note: string | Html): Html =>
  html`<div class="card"><span class="soft">${label}</span><b>${value}</b><span class="soft">${note}</span></div>`

const verdict = (met: boolean | null): Html =>
  met === null
    ? html`not measured`
    : met
      ? html`<span class="good">✓ met</span>`
      : html`<span class="bad">✗ missed</span>`

function ending({ schedule: { deadline, end, actual, unmeasured }, runs }: SloReport): Html {
  const late = deadline === null || end === null ? null : (end - deadline) / 1000
  const margin =
    late === null
      ? html`no deadline in the run file`
      : html`deadline ${moment(deadline!)}: ${verdict(late <= 0)} by ${duration(Math.abs(late))}`
  const status = runs.at(-1)?.status ?? 'unknown'
  const note = html`${margin}${unmeasured.length > 0 ? html`; not before, as nothing is measured yet of ${unmeasured.join(', ')}` : null}`
  return tile(actual ? `run ${status}` : 'would end at this speed', end === null ? '–' : moment(end), note)
}

function tiles(r: SloReport): Html {
  const made = r.stages.reduce((n, s) => n + s.made, 0)
  const found = r.stages.reduce((n, s) => n + s.found, 0)
  const failures = r.stages.reduce((n, s) => n + s.failures, 0)
  const attempts = r.stages.reduce((n, s) => n + s.attempts, 0)
  const open = r.stages.reduce((n, s) => n + s.unrecovered, 0)
  const per = (n: number): string => figure((n / r.cubicMicrons) * 1e9)
  return html`<div class="tiles">
    ${ending(r)} ${tile('artifacts made', figure(made), `${figure(found)} found, made by earlier runs`)}
    ${tile('attempts that failed', percent(r.failureRate), `${figure(failures)} of ${figure(attempts)}; ${percent(r.retryRate)} of activities were retried`)}
    ${tile('mean time to recovery', r.recoverySeconds === null ? '–' : duration(r.recoverySeconds), open > 0 ? html`<span class="bad">${open} not recovered</span>` : 'from first failure to success')}
    ${tile(`compute, ${r.currency} per mm³`, per(r.compute.made), `forecast ${per(r.compute.forecast)}; everything behind it ${per(r.compute.all)}`)}
    ${tile(`storage, ${r.currency} per mm³ and month`, per(r.storagePerMonth.all), `${bytes(r.stored.all)} in all`)}
  </div>`
}

function costs(r: SloReport): Html {
  const row = (what: string, a: Amount, show: (n: number) => string): string[][] =>
    (
      [
        [what, (n: number) => show(n)],
        [`${what} per µm³`, (n: number) => show(n / r.cubicMicrons)],
        [`${what} per mm³`, (n: number) => show((n / r.cubicMicrons) * 1e9)],
      ] as const
    ).map(([label, f]) => [label, f(a.forecast), f(a.made), f(a.all)])
  const money = (n: number): string => `${figure(n)} ${r.currency}`
  return table(
    ['', 'forecast by the first tenth', 'made', 'all that stands behind it'],
    [
      ...row('compute', r.compute, money),
      ...row('storage per month', r.storagePerMonth, money),
      ['stored', bytes(r.stored.forecast), bytes(r.stored.made), bytes(r.stored.all)],
    ],
  )
}

const failing = (r: SloReport): Html => {
  const rows = r.stages.filter(s => s.failures + s.handedOver > 0)
  if (rows.length === 0) return html`<p>No attempt has failed.</p>`
  return listing(
    {
      stage: s => s.stage,
      attempts: s => figure(s.attempts),
      failed: s => figure(s.failures),
      'handed over': s => figure(s.handedOver),
      share: s => percent(s.failureRate),
      'activities retried': s => percent(s.retryRate),
      kinds: s =>
        Object.entries(s.failuresByType)
          .map(([type, n]) => `${n} ${type}`)
          .join(', '),
      'time to recovery': s => (s.recoverySeconds === null ? '–' : `${duration(s.recoverySeconds)} (${s.recovered})`),
      'not recovered': s => (s.unrecovered > 0 ? html`<span class="bad">${s.unrecovered}</span>` : '0'),
    },
    rows,
  )
}

/** The parts of a report, for the pages that show it. */
export function sloParts(r: SloReport) {
  return {
    overview: html`<style>
        ${new Html(PLOT_STYLE)}
      </style>
      <p class="soft">
        ${r.runs.map(x => html`<code>${x.workflowId}</code> ${x.status}, ${moment(x.start)} to ${x.end ? moment(x.end) : 'now'}. `)}
        Computed from workflow histories and lineage records at ${moment(r.now)}.
      </p>
      ${r.missing.length > 0 ? html`<p class="warn">The server no longer has the histories of ${r.missing.join(', ')}.</p>` : null}
      ${tiles(r)}
      ${
        r.objectives.length > 0
          ? section(
              'Objectives',
              'Targets of the run file.',
              table(
                ['', 'target', 'actual', ''],
                r.objectives.map(o => [o.name, figure(o.target), known(o.actual), verdict(o.met)]),
              ),
            )
          : null
      }`,
    stages: section(
      'Stages',
      'Bars: work in hand; red: an attempt failed. Throughput: filled = per second of wall time, hollow = per second of one slot, stroke = target. Time of one artifact: range, median, and up to which nine in ten lie. Cost: bar = actual, stroke = forecast by the first tenth.',
      stagePlot(r),
    ),
    failures: section(
      'Failures and recovery',
      'Recovery counts from the first failure of an activity to its success; a lost attempt (killed worker) from when it was last heard of.',
      failing(r),
    ),
    cost: section(
      'Cost',
      `The dataset has ${figure(r.cubicMicrons)} µm³. Failed attempts are not in the cost of an artifact.`,
      costs(r),
    ),
    candidates: candidates(r),
    hotSpots: hotSpots(r),
  }
}

function candidates(r: SloReport): Html | null {
  if (r.candidates.length === 0) return null
  return section(
    'Releases',
    'In the order of their runs; the ones in question are marked. Throughput: all voxels over the time in which the run had work in hand, also where it found most artifacts made.',
    html`${r.candidates.length > 1 ? releasePlot(r.candidates, r.currency) : null}
    ${listing(
      {
        release: c =>
          html`${c.own ? '● ' : ''}<a href="/release/${r.dataset}/${c.release}"><code>${c.release}</code></a>`,
        channels: c => c.channels.join(', '),
        'Mvoxel/s': c => known(c.mvoxelPerSecond),
        'VOI split': c => known(c.quality.voiSplit),
        'VOI merge': c => known(c.quality.voiMerge),
        ARAND: c => known(c.quality.arand),
        'synapse F1': c => known(c.quality.synapseF1),
        holes: c => figure(c.holes),
        [`cost, ${r.currency}`]: c => figure(c.cost),
      },
      r.candidates,
      2,
    )}`,
  )
}

/** How the figures of a row are said. */
const amountOf = ({ measure }: SloReport['skew'][number]) =>
  measure === 'bytes' ? bytes : measure === 'seconds' ? duration : figure

const hotSpots = (r: SloReport): Html =>
  html`${section(
    'Slowest artifacts',
    'By the time beyond the median of their stage.',
    listing(
      {
        stage: s => s.stage,
        covers: s => s.covers,
        seconds: s => figure(s.seconds),
        'median of the stage': s => figure(s.median),
      },
      r.slowest,
      2,
    ),
  )}
  ${section(
    'Skew',
    'What falls to one region over all its stages; bytes of the lowest shards, and of table partitions.',
    listing<SloReport['skew'][number]>(
      {
        of: s => s.of,
        '': s => s.measure,
        number: s => figure(s.count),
        least: s => amountOf(s)(s.min),
        median: s => amountOf(s)(s.median),
        'nine in ten below': s => amountOf(s)(s.p90),
        most: s => amountOf(s)(s.max),
        'most over median': s => known(s.spread),
        'the largest': s => s.worst,
      },
      r.skew,
      2,
    ),
  )}
  ${section(
    'Requests to the object store',
    'By prefix, of attempts that succeeded; requests that were sent again count each time. Failed ones hold what was throttled.',
    table(
      ['prefix', ...OPERATIONS, 'failed', 'throttled', 'MB', 'ms each'],
      r.requests.map(q => [
        q.prefix,
        ...OPERATIONS.map(o => figure(q.sent[o] ?? 0)),
        figure(q.failed),
        figure(q.throttled),
        figure(q.bytes / 1e6),
        known(ratio(q.ms, sum(Object.values(q.sent), Number))),
      ]),
    ),
  )}`
export function sloPage(r: SloReport): string {
  const { overview, stages, failures, cost, candidates: releases, hotSpots: hot } = sloParts(r)
  return page(
    `Service levels of ${r.subject}`,
    html`<a href="/dashboard/${r.dataset}">Dashboard of ${r.dataset}</a>`,
    html`${overview} ${stages} ${failures} ${cost} ${releases} ${hot}`,
    '/dashboard',
  )
}
