// The dashboard of a dataset: its releases and stages by their service levels, and what is hot or wrongly laid out.
import type { LayoutAdvice, TablesAdvice } from '../../client/layout-advice.ts'
import type { SloReport } from '../../domain/slo/slo.ts'
import type { CacheCount } from '../../storage/cache-counts.ts'
import type { HotSpot } from '../hot-spots.ts'
import { bytes, figure, html, type Html, page, section, table } from './html.ts'
import { sloParts } from './slo-page.ts'

/** What the serving process itself knows. */
export interface Live {
  readonly hot: readonly HotSpot[]
  readonly caches: Readonly<Record<string, CacheCount>>
  /** For the published release: layers that have been read, and its tables; null where there is none. */
  readonly advice: {
    readonly release: string
    readonly layers: Readonly<Record<string, LayoutAdvice>>
    readonly tables: TablesAdvice | null
  } | null
}

const rates = (caches: Live['caches']): Html | string =>
  Object.keys(caches).length === 0
    ? 'Nothing has been asked of them yet.'
    : table(
        ['cache', 'had it', 'had not', 'hit rate'],
        Object.entries(caches).map(([name, { hits, misses }]) => [
          name,
          figure(hits),
          figure(misses),
          `${figure((100 * hits) / (hits + misses || 1))} %`,
        ]),
      )

const advised = (dataset: string, advice: Live['advice']): Html | string => {
  if (!advice) return 'Nothing is published yet.'
  const { release, layers, tables } = advice
  const way = (layer: string, option: string): Html =>
    html`<code>hillock rebalance ${dataset}/${release} --layer ${layer} ${option}</code>`
  return html`${Object.keys(layers).length === 0 ? html`<p>None of its volumes has been read since the server was started.</p>` : null}
  ${Object.entries(layers).map(([layer, { chunk, better }]) =>
    chunk.join() === better.join()
      ? html`<p>${layer}: chunks of ${chunk.join(' × ')} suit what is read.</p>`
      : html`<p>
          ${layer}: reads would cost less in chunks of ${better.join(' × ')} than of ${chunk.join(' × ')}:
          ${way(layer, `--chunk ${better.join(',')}`)}
        </p>`,
  )}
  ${
    tables &&
    html`<p>
      tables: ${figure(tables.partitions)} ${tables.partitions === 1 ? 'partition' : 'partitions'}, the largest of
      ${bytes(tables.largest)}${tables.better === tables.partitions ? ': that suits.' : html`: ${way('graph', `--partitions ${tables.better}`)}`}
    </p>`
  }`
}

const hottest = (hot: readonly HotSpot[]): Html | string =>
  hot.length === 0
    ? 'Nothing has been read since the server was started.'
    : table(
        ['', 'name', 'requests', 'read', 'ms each', 'a second', ''],
        hot.map(h => [
          h.kind,
          html`<code>${h.name}</code>`,
          figure(h.requests),
          bytes(h.bytes),
          h.ms === null ? '–' : figure(Number(h.ms.toPrecision(2))),
          figure(Number(h.perSecond.toFixed(1))),
          h.saturated ? html`<span class="bad">saturated</span>` : '',
        ]),
        2,
      )

/** @param report null while it is worked out for the first time, or where it cannot be: then `why` says so */
export function dashboardPage(
  dataset: string,
  others: readonly string[],
  report: SloReport | null,
  why: string | null,
  live: Live,
): string {
  const parts = report && sloParts(report)
  const ofRuns = (report?.stages ?? []).reduce((n, s) => ({ hits: n.hits + s.found, misses: n.misses + s.made }), {
    hits: 0,
    misses: 0,
  })
  const caches = report ? { ...live.caches, 'artifacts, in the runs': ofRuns } : live.caches
  return page(
    `Dashboard of ${dataset}`,
    html`${others.map(d => html`<a href="/dashboard/${d}">${d}</a> · `)}<a href="/dashboard/${dataset}?json">JSON</a>`,
    html`${why && html`<p class="warn">${why}</p>`}
    ${parts && html`${parts.overview} ${parts.candidates} ${parts.failures} ${parts.stages}`}
    ${section('Hot spots of this server', 'What readers ask for, by prefix of the bucket, shard and table partition; a second: over the last minute.', hottest(live.hot))}
    ${section('Caches', 'Of this server since it was started; and artifacts that runs found made.', rates(caches))}
    ${section('Layout', html`What <code>hillock rebalance</code> advises, by what was read.`, advised(dataset, live.advice))}
    ${parts && html`${parts.hotSpots} ${parts.cost}`}`,
    '/dashboard',
  )
}
