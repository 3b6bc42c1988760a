// The dashboard of a dataset: its releases and stages by their service levels, as they were known last, and what is hot or wrongly laid out.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { layoutAdvice, tablesAdvice } from '../../client/layout-advice.ts'
import type { Release } from '../../domain/release.ts'
import { layers } from '../../domain/stages.ts'
import type { SloReport } from '../../domain/slo/slo.ts'
import { cacheCounts, type CacheCount } from '../../storage/cache-counts.ts'
import { isVolume } from '../../storage/release-index.ts'
import { bytes, figure, html, page, section, table, type Html } from './html.ts'
import { sloParts } from './slo-page.ts'
import type { HotSpot, HotSpots } from '../hot-spots.ts'
import { cached } from '../turns.ts'
import { asProblem, notFound } from '../problem.ts'
import type { ReadCounter } from '../reads.ts'
import type { Releases } from '../releases.ts'
import { sendPage, viewerPage, wantsJson } from '../request.ts'
import type { SloLevels } from './slo-routes.ts'

/** So long a page waits for a newer report; a page without any is loaded again after so many seconds. */
const WAIT_MS = 120
const AGAIN_S = '1'
/** Releases whose partitions are known. */
const KEPT = 32
/** Hot spots of a kind that are shown. */
const SHOWN = 6

interface Options {
  readonly catalogue: Releases
  readonly levels: SloLevels
  readonly reads: ReadCounter
  readonly hot: HotSpots
}

export async function dashboardRoutes(app: FastifyInstance, { catalogue, levels, reads, hot }: Options): Promise<void> {
  const last = new Map<string, SloReport>()
  const tablesOf = cached(KEPT, (_: string, release: Release) => tablesAdvice(catalogue.artifacts, release))

  async function live(dataset: string): Promise<Live> {
    const release = await catalogue
      .resolve(dataset, 'published')
      .then(name => catalogue.open(dataset, name))
      .catch(() => undefined)
    const all = release ? reads.of(`${dataset}/${release.release}`) : []
    const advice = layers.flatMap(l => {
      if (!release || !isVolume(l) || !(l.layer in release.layers)) return []
      const found = layoutAdvice(release, l.layer as 'em', all)
      return found.reads.length > 0 ? [[l.layer, found] as const] : []
    })
    const spots = (['prefix', 'shard', 'partition'] as const).flatMap(kind => hot.top(kind, SHOWN))
    return {
      // Prefixes are those of the bucket; of the rest what belongs to the dataset.
      hot: spots.filter(h => h.kind === 'prefix' || h.name.startsWith(`${dataset}/`)),
      caches: cacheCounts(),
      advice: release
        ? {
            release: release.release,
            layers: Object.fromEntries(advice),
            tables: release.layers.graph ? await tablesOf(`${dataset}/${release.release}`, release) : null,
          }
        : null,
    }
  }

  app.get('/dashboard', viewerPage, async (request, reply) => {
    const first = (await catalogue.datasetsFor(request))[0]
    if (!first) throw notFound('there is no dataset yet', 'start a reconstruction with `hillock run`')
    return reply.redirect(`/dashboard/${first.dataset}`)
  })

  app.get<{ Params: { dataset: string } }>('/dashboard/:dataset', viewerPage, async (request, reply) => {
    const { dataset } = request.params
    const listed = (await catalogue.datasetsFor(request)).map(d => d.dataset)
    if (!listed.includes(dataset)) throw notFound(`there is no dataset ${dataset}`, 'see the list at /')
    const fresh = levels(dataset).then(report => {
      last.set(dataset, report)
      return null
    })
    const failed = fresh.catch((e: unknown) => asProblem(e).message)
    const why = await Promise.race([failed, sleep(WAIT_MS, undefined, { ref: false })])
    const report = last.get(dataset) ?? null
    reply.header('cache-control', 'no-cache')
    const known = await live(dataset)
    if (wantsJson(request)) return { report, ...known }
    if (!report && why === undefined) reply.header('refresh', AGAIN_S)
    const note = why ?? (report ? null : 'Service levels are being worked out from histories and lineage records.')
    const others = listed.filter(d => d !== dataset)
    return sendPage(reply, dashboardPage(dataset, others, report, note, known))
  })
}

/** What the serving process itself knows. */
interface Live {
  readonly hot: readonly HotSpot[]
  readonly caches: Readonly<Record<string, CacheCount>>
  /** For the published release: layers that have been read, and its tables; null where there is none. */
  readonly advice: {
    readonly release: string
    readonly layers: Readonly<Record<string, ReturnType<typeof layoutAdvice>>>
    readonly tables: Awaited<ReturnType<typeof tablesAdvice>> | null
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
function dashboardPage(
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
