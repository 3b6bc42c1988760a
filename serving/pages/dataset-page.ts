// The page of the releases of a dataset: their quality one after the other, two of them compared, what the channels have named, and the forms that move them.
import { CHANNELS, type Channel, type Release } from '../../domain/release.ts'
import type { ChannelMove } from '../../storage/provenance/channel-moves.ts'
import { action, choice, ifOperator, type May, type Of, rollbacksUnderWay } from './actions.ts'
import { Html, html, moment, page, section, table, type Part } from './html.ts'
import { releaseTable, type DatasetListing } from './index-page.ts'
import { diffTables } from '../release-diff.ts'
import { PLOT_STYLE, releasePlot } from './slo-plots.ts'
import type { SagaStep } from '../../domain/operator.ts'

/** Moves of a channel that the page shows; the API has all. */
const MOVES = 50

export interface DatasetView extends DatasetListing {
  /** Moves of every channel, the oldest first. */
  readonly moves: Readonly<Record<Channel, readonly ChannelMove[]>>
  /** The two that are compared. */
  readonly compared: readonly [Release, Release] | undefined
  /** Of rollbacks that are under way. */
  readonly steps: readonly Of<SagaStep>[]
}

/** By the time at which a channel first named them; those that none ever has come first. */
function inOrder({ releases, moves }: DatasetView): Release[] {
  const all = CHANNELS.flatMap(c => moves[c])
  const since = (r: Release): number => Math.min(...all.filter(m => m.release === r.release).map(m => m.at))
  const at = new Map(releases.map(r => [r, since(r)]))
  const rank = (r: Release): number => (at.get(r) === Infinity ? 0 : at.get(r)!)
  return releases.toSorted((a, b) => rank(a) - rank(b))
}

function quality(v: DatasetView, ordered: readonly Release[]): Html {
  const plotted = ordered.map(({ release, quality, cost }) => ({
    release,
    quality,
    cost,
    own: v.channels.some(c => c.release === release),
  }))
  return html`${plotted.length > 1 ? releasePlot(plotted) : null} ${releaseTable(ordered.toReversed(), v)}`
}

const options = (releases: readonly Release[]): (readonly [string, string])[] =>
  releases.map(r => [r.release, r.release] as const)

/** Two that somebody has chosen; at first the published one and the one before it. */
function difference({ compared, dataset }: DatasetView, ordered: readonly Release[]): Part {
  if (ordered.length < 2) return null
  const all = options(ordered)
  return section(
    'Two releases compared',
    html`By their manifests; <code>hillock release diff</code> compares voxels and segments.`,
    html`<form class="action" action="/releases/${dataset}#compare" id="compare">
        ${choice('from', 'From', all, compared?.[0].release)} ${choice('to', 'to', all, compared?.[1].release)}
        <button class="plain">Compare</button>
      </form>
      ${compared && diffTables(compared[0], compared[1])}`,
  )
}

function moveForms(v: DatasetView, ordered: readonly Release[], may: May): Part {
  const at = `/operate/${v.dataset}`
  const channel = choice('channel', 'Channel', CHANNELS.map(c => [c, c] as const).toReversed())
  const newest = options(ordered.toReversed())
  const force = html`<label>Although its gate refuses it <input name="force" type="checkbox" value="true" /></label>`
  const publish = action(
    'publish',
    html`${choice('release', 'Release', newest)} ${channel} ${may.force ? force : null}`,
    [{ text: 'Publish', path: `${at}/publish` }],
  )
  const rollback = action(
    'rollback',
    html`${channel} ${choice('to', 'Back to', [['', 'the one before'], ...newest])}
      <label>Regions <input name="regions" size="12" placeholder="all" title="x_y_z, separated by commas" /></label>`,
    [{ text: 'Roll back', path: `${at}/rollback`, plain: true }],
  )
  return section(
    'Publish and roll back',
    'What a channel names changes for all its readers at once. Regions: they alone are made as they were, in a patch release.',
    ifOperator(may, `/releases/${v.dataset}`, html`${publish}${rollback}`),
  )
}

const history = (v: DatasetView): Html[] =>
  CHANNELS.toReversed().map(c =>
    section(
      `History of ${c}`,
      v.moves[c].length > MOVES
        ? `The last ${MOVES} moves; /api/v1/datasets/${v.dataset}/channels/${c} has all.`
        : null,
      v.moves[c].length === 0
        ? 'No move is on record.'
        : table(
            ['since', 'release', 'by', 'reason'],
            v.moves[c]
              .slice(-MOVES)
              .toReversed()
              .map(m => [
                moment(m.at),
                m.release === null
                  ? 'none'
                  : html`<a href="/release/${v.dataset}/${m.release}"><code>${m.release}</code></a>`,
                m.by,
                m.reason,
              ]),
            4,
          ),
    ),
  )

export function datasetPage(v: DatasetView, may: May): string {
  const ordered = inOrder(v)
  return page(
    `Releases of ${v.dataset}`,
    html`<a href="/">Datasets</a> · <a href="/runs">runs</a> · <a href="/dashboard/${v.dataset}">dashboard</a>`,
    html`<style>
        ${new Html(PLOT_STYLE)}
      </style>
      ${rollbacksUnderWay(v.steps, may, `/releases/${v.dataset}`)}
      ${section('Quality', 'In the order in which channels came to name them.', quality(v, ordered))}
      ${difference(v, ordered)} ${moveForms(v, ordered, may)} ${history(v)}`,
    '/',
    'live',
  )
}
