// Routes of the pages of runs, and of the releases that come of them.
import type { FastifyInstance } from 'fastify'
import { mayOf } from './actions.ts'
import { CHANNELS, type Channel } from '../../domain/release.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { channelMoves, type ChannelMove } from '../../storage/provenance/channel-moves.ts'
import { datasetPage } from './dataset-page.ts'
import { notFound } from '../problem.ts'
import type { Releases } from '../releases.ts'
import { queryOf, sendPage, viewerPage } from '../request.ts'
import { runPage, runsPage } from './run-page.ts'
import type { Runs } from './runs.ts'

interface Options {
  readonly runs: Runs
  readonly catalogue: Releases
  readonly objects: ObjectStore
  readonly temporalUi: string | undefined
}

export async function runRoutes(
  app: FastifyInstance,
  { runs, catalogue, objects, temporalUi }: Options,
): Promise<void> {
  app.get('/runs', viewerPage, async (request, reply) => {
    const all = await runs.list()
    return sendPage(
      reply,
      runsPage(
        all?.filter(r => request.may('viewer', r.dataset)),
        Date.now(),
      ),
    )
  })
  app.get<{ Params: { dataset: string; run: string } }>('/runs/:dataset/:run', viewerPage, async (request, reply) => {
    const { dataset, run } = request.params
    const view = await runs.show(dataset, run)
    return sendPage(reply, runPage(view, mayOf(request, dataset), temporalUi, Date.now()))
  })

  app.get<{ Params: { dataset: string } }>('/releases/:dataset', viewerPage, async (request, reply) => {
    const { dataset } = request.params
    const listed = (await catalogue.datasets()).find(d => d.dataset === dataset)
    if (!listed) throw notFound(`there is no dataset ${dataset}`, 'the list at / has what there is')
    const moves = Object.fromEntries(
      await Promise.all(CHANNELS.map(async c => [c, await channelMoves(objects, dataset, c)] as const)),
    ) as Record<Channel, ChannelMove[]>
    // At first what is published is compared with what it took the place of.
    const known = new Set(listed.releases.map(r => r.release))
    const [now, before] = new Set(
      moves.published
        .flatMap(m => m.release ?? [])
        .toReversed()
        .filter(r => known.has(r)),
    )
    const [from, to] = [queryOf(request, 'from') ?? before, queryOf(request, 'to') ?? now]
    const compared =
      from && to ? ([await catalogue.open(dataset, from), await catalogue.open(dataset, to)] as const) : undefined
    // The releases can be read whether or not Temporal is there.
    const steps = await runs.rollbacks(dataset).catch(() => [])
    return sendPage(reply, datasetPage({ ...listed, moves, compared, steps }, mayOf(request, dataset)))
  })
}
