// Endpoints about datasets and releases as a whole: lists, channels, differences, lineage, service levels, tables.
import type { FastifyInstance } from 'fastify'
import { endpoints } from '../../domain/api/endpoints.ts'
import { summariseLineage } from '../../domain/provenance/lineage-summary.ts'
import { holesIn, type Release } from '../../domain/release.ts'
import { channelMoves } from '../../storage/provenance/channel-moves.ts'
import { notFound, unless } from '../problem.ts'
import { releaseDiff } from '../release-diff.ts'
import type { DatasetListing } from '../pages/index-page.ts'
import type { TableFile } from '../query/table-cache.ts'
import { filesOf, TABLES, type TableName } from '../query/tables.ts'
import type { Serving } from './index.ts'
import { nameOf, route } from './route.ts'

/** Every range has the same columns: that of any id will do. */
const ANY = 1n

const channelsOf = ({ channels }: DatasetListing, release: string): string[] =>
  channels.filter(c => c.release === release).map(c => c.channel)

function layersOf(release: Release): Record<string, { digest: string | null; precomputed: string }> {
  const names = Object.keys(release.layers) as (keyof Release['layers'])[]
  return Object.fromEntries(
    names.map(layer => [
      layer,
      { digest: release.layerDigests[layer] ?? null, precomputed: `/r/${nameOf(release)}/${layer}` },
    ]),
  )
}

export function releaseRoutes(app: FastifyInstance, { catalogue, engine, find, objects, levels }: Serving): void {
  route(app, endpoints.datasets, async ({ request }) => ({
    datasets: (await catalogue.datasetsFor(request)).map(({ dataset, channels, releases, damaged }) => ({
      dataset,
      channels,
      releases: releases.length + damaged.length,
    })),
  }))

  const listed = async (dataset: string): Promise<DatasetListing> => {
    const found = (await catalogue.datasets()).find(d => d.dataset === dataset)
    if (!found) throw notFound(`there is no dataset ${dataset}`, 'the list of datasets has what there is')
    return found
  }

  route(app, endpoints.releases, async ({ params: { dataset } }) => {
    const found = await listed(dataset)
    return {
      dataset,
      releases: found.releases.map(r => ({
        release: r.release,
        channels: channelsOf(found, r.release),
        parent: r.parent,
        quality: r.quality as Record<string, number>,
        holes: holesIn(r),
        cost: r.cost,
      })),
      damaged: found.damaged,
    }
  })

  route(app, endpoints.channel, async ({ params: { dataset, channel } }) => {
    const moves = await channelMoves(objects, dataset, channel)
    if (moves.length === 0) await catalogue.resolve(dataset, channel)
    return { channel, moves: moves.map(m => ({ ...m, at: new Date(m.at).toISOString() })) }
  })

  route(app, endpoints.release, async ({ params, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const { stages: _, layers: __, pages: ___, layerDigests: ____, counts: _____, ...rest } = release
    const { channels, decisions } = await catalogue.facts(release)
    // Who decided, and what names it, is found out later.
    reply.header('cache-control', 'no-cache')
    return { ...rest, quality: rest.quality as Record<string, number>, layers: layersOf(release), channels, decisions }
  })

  route(app, endpoints.diff, async ({ params, reply }) => {
    const there = await find(reply, params.dataset, params.other)
    const here = await find(reply, params.dataset, params.release)
    reply.header('cache-control', 'no-cache')
    return { release: nameOf(here), other: nameOf(there), ...releaseDiff(here, there) }
  })

  route(app, endpoints.lineage, async ({ params, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const { records, missing } = await catalogue.records(release)
    reply.header('cache-control', 'no-cache')
    return { release: nameOf(release), ...summariseLineage([...records.values()], missing) }
  })

  route(app, endpoints.slo, async ({ params, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    reply.header('cache-control', 'no-cache')
    return { ...(await levels(nameOf(release))) }
  })

  /** Their lineage says it; of those in which it does not they are counted. */
  async function rowsIn(release: Release, table: TableName, files: readonly TableFile[]): Promise<number> {
    const told = files.map(async f => (await catalogue.artifacts.open(f.ref)).lineage.summary[table])
    const counts = await Promise.all(told)
    if (counts.every(n => typeof n === 'number')) return counts.reduce((sum, n) => sum + n, 0)
    const { rows } = await engine.rows({ release, from: { t: { table } }, sql: 'SELECT count(*) AS n FROM t' })
    return Number(rows[0]!['n'])
  }

  route(app, endpoints.tables, async ({ params, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const tables = []
    for (const table of TABLES) {
      const from = { t: { table, segments: [ANY] } }
      const found = await engine.rows({ release, from, sql: 'SELECT * FROM t LIMIT 0' }).catch(unless(404))
      if (!found) continue
      const files = await filesOf(catalogue.artifacts, release, { table }).catch(unless(422))
      const bytes = files ? files.reduce((sum, f) => sum + f.bytes, 0) : null
      const rows = files ? await rowsIn(release, table, files) : null
      tables.push({ table, rows, bytes, columns: [...found.columns] })
    }
    return { release: nameOf(release), tables }
  })
}
