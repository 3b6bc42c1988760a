// Routes of the page of a neuron: found by its id or a point in it, in a release, a channel or at a time.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Id } from '../../domain/api/schemas.ts'
import { fromOrigin, type Release } from '../../domain/release.ts'
import { add, map3, type Vec3 } from '../../domain/geometry.ts'
import { decodeSkeleton, type Skeleton } from '../../storage/formats/skeleton.ts'
import type { Serving } from '../api/index.ts'
import { uint64 } from '../api/find.ts'
import { meshOf, skeletonOf, type Fragment } from '../api/objects.ts'
import { partnersOf } from '../api/segments.ts'
import { badRequest, notFound, unless } from '../problem.ts'
import type { Query, Row } from '../query/engine.ts'
import { pointOf, queryOf, sendPage, viewerPage } from '../request.ts'
import { findPage, neuronPage, type Finder, type Paged } from './page.ts'
import { picture } from './picture.ts'

/** Rows of a page, of partners and of synapses. */
const ROWS = 20
const LARGEST = 50
/** What a picture shows at most: triangles, and synapses of either kind. */
const TRIANGLES = 60_000
const DOTS = 1000

/** A release may have come without what is asked of it. */
const ifNone = unless(404)

interface Named {
  Params: { dataset: string; release: string; segment: string }
}

export async function neuronRoutes(app: FastifyInstance, serving: Serving): Promise<void> {
  const { catalogue, engine, find, volumes, known } = serving

  const page = async (query: Query, next: (rows: readonly Row[]) => string): Promise<Paged> => {
    const { rows } = await engine.rows({ ...query, sql: `${query.sql} LIMIT ${ROWS + 1}` })
    const shown = rows.slice(0, ROWS)
    return { rows: shown, next: rows.length > ROWS ? next(shown) : null }
  }

  const synapsesOf = (release: Release, segment: string, side: 'pre' | 'post', after?: string): Query => ({
    release,
    from: { s: { table: `synapses-by-${side}`, segments: [BigInt(segment)] } },
    sql: `SELECT * FROM s WHERE ${side}_segment = ${uint64(segment)} AND id > ${uint64(after ?? '0')} ORDER BY id`,
  })

  async function dotsOf(release: Release, segment: string, side: 'pre' | 'post'): Promise<Vec3[]> {
    const query = synapsesOf(release, segment, side)
    const { rows } = await engine.rows({ ...query, sql: `${query.sql} LIMIT ${DOTS}` })
    return rows.map(r => map3(a => Number(r['xyz'[a]!]) * release.voxelSizeNm[a]))
  }

  async function meshesOf(release: Release, segment: string): Promise<Fragment[]> {
    const mesh = await meshOf(catalogue.artifacts, release, BigInt(segment)).catch(ifNone)
    const out: Fragment[] = []
    let triangles = 0
    for await (const fragment of mesh?.fragments ?? []) {
      if ((triangles += fragment.triangles.length / 3) > TRIANGLES) break
      out.push(fragment)
    }
    return out
  }

  /** A voxel of a segment in the coordinates of its source: the vertex of its skeleton in the middle of the list. */
  function voxelOf({ voxelSizeNm, offset = [0, 0, 0] }: Release, skeleton: Skeleton | undefined): Vec3 | null {
    if (!skeleton || skeleton.radii.length === 0) return null
    const vertex = skeleton.radii.length >> 1
    return add(
      map3(a => Math.floor(skeleton.positions[3 * vertex + a]! / voxelSizeNm[a])),
      offset,
    )
  }

  app.get('/neuron', viewerPage, async (request, reply) => {
    const all = await catalogue.datasetsFor(request)
    const named = queryOf(request, 'dataset')
    const first = all.find(d => named === undefined || d.dataset === named)
    if (!first) throw notFound(named ? `there is no dataset ${named}` : 'there is no dataset yet', 'see the list at /')
    const within = queryOf(request, 'in') ?? first.channels.at(-1)?.release ?? first.releases[0]?.release
    if (within === undefined) throw notFound(`dataset ${first.dataset} has no release yet`, 'see the list at /')
    const asked = queryOf(request, 'find')
    const to = `/neuron/${first.dataset}/${encodeURIComponent(within)}`
    return reply.redirect(asked === undefined ? to : `${to}?find=${encodeURIComponent(asked)}`)
  })

  const formFor = async (
    request: FastifyRequest,
    { dataset, within, found }: Pick<Finder, 'dataset' | 'within' | 'found'>,
  ): Promise<Finder> => {
    const all = await catalogue.datasetsFor(request)
    const own = all.find(d => d.dataset === dataset)
    const releases = [...(own?.channels ?? []).map(c => c.channel), ...(own?.releases ?? []).map(r => r.release)]
    return { dataset, within, found, datasets: all.map(d => d.dataset), releases }
  }

  app.get<Named>('/neuron/:dataset/:release', viewerPage, async (request, reply) => {
    const { dataset, release: within } = request.params
    const release = await find(reply, dataset, within)
    const asked = queryOf(request, 'find')
    if (asked === undefined) {
      const sql = `SELECT * FROM s ORDER BY voxels DESC, segment LIMIT ${LARGEST}`
      const { rows } = await engine.rows({ release, from: { s: { table: 'segments' } }, sql })
      const form = await formFor(request, { dataset, within, found: '' })
      return sendPage(reply, findPage(release, form, rows))
    }
    const to = `/neuron/${dataset}/${encodeURIComponent(within)}`
    if (Id.safeParse(asked).success) return reply.redirect(`${to}/${asked}`)
    const point = pointOf(asked)
    if (!point)
      throw badRequest(
        `${asked} is neither a segment nor a point`,
        'give the id of a segment (below 2^64), or a point as x, y, z in voxels',
      )
    const [segment] = await volumes.segmentsAt(release, [fromOrigin(release, point)])
    if (segment === 0n)
      throw notFound(
        `at ${asked} release ${dataset}/${release.release} has no segment: membrane, or a hole`,
        'take a point inside of the neuron',
      )
    return reply.redirect(`${to}/${segment}`)
  })

  app.get<Named>('/neuron/:dataset/:release/:segment', viewerPage, async (request, reply) => {
    const { dataset, release: within, segment } = request.params
    const id = Id.safeParse(segment)
    if (!id.success) throw badRequest(`${segment} is no segment: ${id.error.issues[0]!.message}`, 'see /neuron')
    const number = (key: string): number => {
      const n = Number(queryOf(request, key) ?? 0)
      if (Number.isSafeInteger(n) && n >= 0) return n
      throw badRequest(`${key}=${queryOf(request, key)} is no number of rows`, 'follow the links of the page')
    }
    const after = queryOf(request, 'after') ?? '0'
    if (!Id.safeParse(after).success)
      throw badRequest(`after=${after} is no id of a synapse`, 'follow the links of the page')
    const release = await find(reply, dataset, within)
    const row = (await known.rowOf(release, segment)).rows[0]
    if (!row) await known.mustHave(release, segment)
    const asked = queryOf(request, 'side')
    const side = asked === 'post' || (asked === undefined && Number(row!['n_pre'] ?? 0) === 0) ? 'post' : 'pre'
    const partners = (direction: 'up' | 'down'): Promise<Paged> => {
      const offset = number(direction)
      const query = partnersOf(release, segment, { direction, min_count: 1, offset })
      return page(query, () => `${direction}=${offset + ROWS}`)
    }
    const last = (rows: readonly Row[]): string => `side=${side}&after=${String(rows.at(-1)!['id'])}#synapses`
    const none = { rows: [], next: null }
    const [up, down, synapses, skeleton, mesh, pre, post] = await Promise.all([
      partners('up').catch(ifNone),
      partners('down').catch(ifNone),
      page(synapsesOf(release, segment, side, after), last).catch(ifNone),
      skeletonOf(catalogue.artifacts, release, BigInt(segment))
        .catch(ifNone)
        .then(b => b && decodeSkeleton(b)),
      meshesOf(release, segment),
      dotsOf(release, segment, 'pre').catch(ifNone),
      dotsOf(release, segment, 'post').catch(ifNone),
    ])
    const drawn = picture({ mesh, skeleton, pre: pre ?? [], post: post ?? [] }, `segment ${segment}`)
    const voxel = voxelOf(release, skeleton)
    const neuron = { release, segment, row: row!, picture: drawn, voxel, side } as const
    const lists = { up: up ?? none, down: down ?? none, synapses: synapses ?? none }
    const form = await formFor(request, { dataset, within, found: segment })
    return sendPage(reply, neuronPage({ ...neuron, ...lists }, form))
  })
}
