// Routes of the dashboard: service levels as they were known last, rather than a page that waits for histories to be read.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { layoutAdvice, tablesAdvice } from '../../client/layout-advice.ts'
import type { Release } from '../../domain/release.ts'
import { layers } from '../../domain/stages.ts'
import type { SloReport } from '../../domain/slo/slo.ts'
import { cacheCounts } from '../../storage/cache-counts.ts'
import { isVolume } from '../../storage/release-index.ts'
import { dashboardPage, type Live } from './dashboard-page.ts'
import type { HotSpots } from '../hot-spots.ts'
import { cached } from '../cached.ts'
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
    const first = (await catalogue.datasets()).find(d => request.may('viewer', d.dataset))
    if (!first) throw notFound('there is no dataset yet', 'start a reconstruction with `hillock run`')
    return reply.redirect(`/dashboard/${first.dataset}`)
  })

  app.get<{ Params: { dataset: string } }>('/dashboard/:dataset', viewerPage, async (request, reply) => {
    const { dataset } = request.params
    const listed = (await catalogue.datasets()).map(d => d.dataset).filter(d => request.may('viewer', d))
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
