// The pages of runs: which there are, and one of them live, with its stages, what was left out, what waits for a person, and what holds it back.
import { scopeName } from '../../domain/control.ts'
import { activeStages, extentOf } from '../../domain/index/phases.ts'
import { parseInput } from '../../domain/index/reads.ts'
import { RELEASE_GATE } from '../../domain/operator.ts'
import type { Hole } from '../../domain/release.ts'
import { amount, duration } from '../../domain/slo/cost.ts'
import { secondsOf, shareDone } from '../../domain/slo/counts.ts'
import { stageNames, stages, type StageName } from '../../domain/stages.ts'
import { action, choice, ifOperator, type May, stuckSteps } from './actions.ts'
import { facts, figure, holeList, html, moment, page, section, table, type Html, type Part } from './html.ts'
import { workflowLink } from './lineage-page.ts'
import { diffTables } from '../release-diff.ts'
import type { ListedRun, RunView } from './runs.ts'
import { stageDiagram } from './stage-diagram.ts'

const seconds = (from: Date | string, to: Date | string | number): string =>
  duration((Number(new Date(to)) - Number(new Date(from))) / 1000)

/** What a run is doing, in a word. */
function state({ status, progress, gates }: Pick<ListedRun, 'status' | 'progress' | 'gates'>): Html {
  const name = status.toLowerCase()
  if (status !== 'RUNNING') return html`<span class="${status === 'COMPLETED' ? '' : 'warn'}">${name}</span>`
  const waits = gates.find(g => !g.decided)
  if (waits) return html`<b class="warn">waits at gate ${waits.gate}</b>`
  if (progress?.pauses.length) return html`<b class="warn">${progress.pauses.map(scopeName).join('; ')} held back</b>`
  return html`<b>${name}</b>`
}

export const runsPage = (runs: readonly ListedRun[] | undefined, now: number): string =>
  page(
    'Runs',
    html`Reconstructions that Temporal knows of, the newest first`,
    !runs?.length
      ? html`<div class="card">
          ${
            runs
              ? html`No run yet. Start one with <code>hillock run</code>.`
              : html`This server does not know where Temporal is: start it with <code>TEMPORAL_ADDRESS</code> set.`
          }
        </div>`
      : html`<div class="card">
          ${table(
            ['run', 'state', 'phase', 'began', 'took'],
            runs.map(r => [
              html`<a href="/runs/${r.dataset}/${r.run}">${r.dataset}/${r.run}</a>`,
              state(r),
              r.progress?.phase,
              moment(r.start),
              seconds(r.start, r.end ?? now),
            ]),
            4,
          )}
        </div>`,
    '/runs',
    'live',
  )

const COLUMNS = [
  ['done', 430],
  ['made', 510],
  ['found', 590],
  ['set aside', 680],
  ['retries', 760],
  ['compute', 850],
  ['took or left', 950],
] as const

/** Every stage of the run in its order, filled as far as it is done. */
function stageGraph({ input, progress, status }: RunView, now: number): Html {
  const rows = progress?.stages ?? []
  const planned = new Set([...activeStages(extentOf(input.config)), ...rows.map(r => r.stage)])
  const names = stageNames.filter(s => planned.has(s))
  const heldBack = (s: StageName): boolean =>
    progress?.pauses.some(p => !p.region && (!p.stage || p.stage === s)) ?? false
  const row = (stage: StageName) => {
    const r = rows.find(x => x.stage === stage)
    const title = `${stage}: ${stages[stage].makes}`
    if (!r) return { stage, title, part: 0, cells: heldBack(stage) ? ['held back'] : [] }
    const s = secondsOf(r, now)
    const over = status !== 'RUNNING'
    const time = !s ? '' : 'took' in s ? duration(s.took) : over ? '' : `~ ${duration(s.left)}`
    return {
      stage,
      title,
      part: shareDone(r),
      warn: r.quarantined > 0,
      cells: [
        `${r.made + r.found}/${r.total}`,
        figure(r.made),
        figure(Math.max(0, r.found)),
        r.quarantined ? figure(r.quarantined) : '',
        r.retries ? figure(r.retries) : '',
        duration(r.seconds),
        shareDone(r) < 1 && heldBack(stage) ? 'held back' : time,
      ],
    }
  }
  const arcs = names.flatMap(to =>
    stages[to].inputs.map(i => ({ from: parseInput(i).stage, to, title: `${to} reads ${parseInput(i).stage}` })),
  )
  return stageDiagram(COLUMNS, names.map(row), arcs)
}

const route = ({ dataset, run }: RunView): string => `/operate/${dataset}/runs/${run}`

const lines = (word: string, all: readonly Hole[]): Part =>
  holeList(`${word}: ${figure(all.length)}`, all, all.length <= 10)

const holes = ({ quarantined: { blocks, others, more } }: RunView): Html =>
  blocks.length + others.length === 0
    ? html`<p>Nothing so far, in the phases that are done.</p>`
    : html`${lines('Blocks and regions that failed on every attempt', blocks)}
      ${lines('Bad tiles and what else is missing in the source', others)}
      ${more ? html`<p class="soft">And more: <code>hillock quarantine</code> lists all of a release.</p>` : null}`

/** What there is to go by: of a release how it compares with what is published, else what the run has come to. */
function evidence(gate: string, v: RunView): Part {
  if (gate.startsWith('quarantine')) return holes(v)
  if (gate !== RELEASE_GATE || !v.candidate) return html`<p class="soft">The stages below are what it has come to.</p>`
  const { candidate, published } = v.candidate
  const name = `${candidate.dataset}/${candidate.release}`
  return html`<p><a href="/release/${name}">Page of the candidate</a> · <a href="/view/${name}">view it</a></p>
    ${published ? diffTables(published, candidate) : html`<p>Nothing is published yet.</p>`}`
}

function waits(v: RunView, may: May, now: number): Part {
  const here = `/runs/${v.dataset}/${v.run}`
  const over = v.status !== 'RUNNING'
  const open = over ? [] : v.gates.filter(g => !g.decided)
  const stuck = stuckSteps(v.steps, may, here)
  if (open.length + stuck.length === 0) return null
  const gates = open.map(g => {
    const at = `${route(v)}/gates/${encodeURIComponent(g.gate)}`
    const form = action(
      `gate-${g.gate}`,
      null,
      g.choices.map(c => ({ text: c[0]!.toUpperCase() + c.slice(1), path: `${at}/${c}`, plain: c !== 'approve' })),
    )
    return html`<div class="card" id="card-${g.gate}">
      <p><b>Gate ${g.gate}</b> <span class="soft">open for ${duration((now - g.opened) / 1000)}</span></p>
      <p>${g.summary}</p>
      ${evidence(g.gate, v)} ${ifOperator(may, here, form)}
    </div>`
  })
  return html`<section id="waits">
    <h2>Waits for a person</h2>
    ${gates}${stuck}
  </section>`
}

function pauses(v: RunView, may: May): Part {
  if (v.status !== 'RUNNING') return null
  const here = `/runs/${v.dataset}/${v.run}`
  const held = (v.progress?.pauses ?? []).map(p => {
    const fields = html`${p.stage && html`<input type="hidden" name="stage" value="${p.stage}" />`}${p.region && html`<input type="hidden" name="region" value="${p.region}" />`}
    ${p.stage || p.region ? null : html`<label>New limit of cost (optional) <input name="budget" type="number" min="0" step="any" size="8" /></label>`}`
    return html`<div id="held-${p.stage ?? 'all'}-${p.region ?? 'all'}">
      <p><b class="warn">${scopeName(p)}</b> is held back by ${p.by}: ${p.reason}</p>
      ${may.operate ? action(`resume-${p.stage ?? 'all'}-${p.region ?? 'all'}`, fields, [{ text: 'Resume', path: `${route(v)}/resume` }]) : null}
    </div>`
  })
  const names = activeStages(extentOf(v.input.config))
  const fields = html`${choice('stage', 'Stage', [['', 'all of them'], ...names.map(s => [s, s] as const)])}
    <label
      >Region <input name="region" size="8" placeholder="all" pattern="\\d+_\\d+_\\d+" title="x_y_z, as 3_1_0"
    /></label>`
  const form = action('pause', fields, [{ text: 'Pause', path: `${route(v)}/pause`, plain: true }])
  return section(
    'Hold back',
    'What is under way ends; nothing new begins of the stage or region, or of the whole run.',
    html`${held} ${ifOperator(may, here, form)}`,
  )
}

const decided = ({ gates, steps }: RunView): (readonly [string, Part])[] => [
  ...gates.flatMap(({ gate, decided: d }) =>
    d ? [[`gate ${gate}`, `${d.decision} by ${d.author}, ${moment(d.at)}: ${d.reason}`] as const] : [],
  ),
  ...steps.flatMap(s => s.orders.map(o => [`step ${s.name}`, `${o.action} by ${o.author}: ${o.reason}`] as const)),
]

function left({ schedule, gates }: RunView, now: number): string {
  if (gates.some(g => !g.decided)) return 'it waits for a decision'
  if (!schedule?.end) return 'not known yet'
  const { end, unmeasured } = schedule
  const time = duration(Math.max(0, end - now) / 1000)
  return unmeasured.length > 0
    ? `more than ${time}: nothing is measured yet of ${unmeasured.join(', ')}`
    : `about ${time} at this speed: until ${moment(end)}`
}

export function runPage(v: RunView, may: May, temporalUi: string | undefined, now: number): string {
  const { dataset, run, progress, input, release } = v
  const over = v.status !== 'RUNNING'
  const cost = progress?.stages.reduce((sum, s) => sum + s.cost, 0)
  const { deadline } = input.config.slo
  return page(
    `Run ${dataset}/${run}`,
    html`<a href="/runs">Runs</a> · <a href="/releases/${dataset}">releases of ${dataset}</a> ·
      <a href="/slo/${dataset}/${run}">service levels</a>`,
    html`<div class="card">
        ${facts([
          ['state', state(v)],
          ['why', v.failure && html`<span class="warn">${v.failure}</span>`],
          ['phase', progress?.phase ?? 'no worker answers just now'],
          ['began', `${moment(v.start)}, ${seconds(v.start, v.end ?? now)}${over ? '' : ' ago'}`],
          ['ended', v.end && moment(v.end)],
          ['time left', over ? null : left(v, now)],
          ['deadline', deadline],
          ['cost so far', cost === undefined ? null : `${amount(cost)} ${input.config.price.currency}`],
          ['release', release && html`<a href="/release/${dataset}/${release}"><code>${release}</code></a>`],
          ['in Temporal', workflowLink(v, temporalUi)],
          ...decided(v),
        ])}
        ${v.troubles.map(t => html`<p class="warn">${t}</p>`)}
      </div>
      ${waits(v, may, now)} ${section('Stages', null, stageGraph(v, now))}
      ${section('Left out', 'What the release will declare as holes.', holes(v))} ${pauses(v, may)}`,
    '/runs',
    'live',
  )
}
