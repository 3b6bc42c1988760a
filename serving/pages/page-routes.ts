// Routes of the pages: the list of datasets, the way into the viewer, release manifests, lineage.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { key, map3, voxels, type Vec3 } from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { Digest } from '../../domain/recipe.ts'
import { fromOrigin, type Release } from '../../domain/release.ts'
import { layers, type StageName } from '../../domain/stages.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { artifactOf, cellsOf, isVolume, restsOn } from '../../storage/release-index.ts'
import { tableParts } from '../../storage/tables.ts'
import { indexPage } from './index-page.ts'
import { artifactPage, lineagePage } from './lineage-page.ts'
import { refOf, summariseLineage, viewArtifact } from '../../domain/provenance/lineage-summary.ts'
import { cached } from '../turns.ts'
import { badRequest, notFound } from '../problem.ts'
import { releasePage } from './release-page.ts'
import { stackCuts } from './stack-cut.ts'
import { isChannel, type Releases } from '../releases.ts'
import { isBrowser, pointOf, queryOf, sendPage, viewerPage, wantsJson } from '../request.ts'
import { viewerState } from '../viewer-state.ts'

/** Segments that are selected when a release is opened. */
const SELECTED = 14
/** Voxels of a pixel where the viewer opens at one place. */
const CLOSE = 0.5
/** Releases whose selection is kept. */
const KEPT = 64

interface Named {
  Params: { dataset: string; release: string }
}

const origin = (request: FastifyRequest): string => `${request.protocol}://${request.host}`

/** The voxel that a request is about, in the coordinates of the source. @throws Problem 400 */
function voxelOf(request: FastifyRequest): Vec3 | undefined {
  const at = queryOf(request, 'at')
  const voxel = at === undefined ? undefined : pointOf(at)
  if (at !== undefined && !voxel)
    throw badRequest(`at=${at} is not a voxel`, 'give three whole numbers in voxels of the dataset: at=x,y,z')
  return voxel
}

/** Artifact of every volume layer that holds a voxel of the dataset. */
const artifactsAt = (
  objects: ObjectStore,
  release: Release,
  voxel: Vec3,
): Promise<{ layer: string; ref: ArtifactRef | null }[]> => {
  const region = key(map3(a => Math.floor(voxel[a] / release.regionShape[a])))
  const volumes = layers.filter(isVolume).filter(l => l.layer in release.layers)
  return Promise.all(
    volumes.map(async l => ({
      layer: l.layer,
      ref: (await artifactOf(objects, release, l.regions as StageName, region)) ?? null,
    })),
  )
}

/** Share of the dataset beyond which a segment hides all others in a 3-D view. */
const HIDES = 1 / 20

/** Decimal ids of the largest segments, for a first look in the viewer; those that fill a great part of the dataset come last. */
async function largestSegments(artifacts: ArtifactStore, release: Release, count: number): Promise<string[]> {
  const most = HIDES * voxels(release.bounds)
  let best: { readonly id: bigint; readonly size: number; readonly hides: boolean }[] = []
  const cells = cellsOf(artifacts.objects, release, 'graph')
  for await (const { segment, voxels: sizes } of tableParts(artifacts, cells, 'segments')) {
    const part = Array.from(segment as BigUint64Array, (id, i) => {
      const size = Number(sizes![i])
      return { id, size, hides: size > most }
    })
    best = [...best, ...part]
      .sort((a, b) => Number(a.hides) - Number(b.hides) || b.size - a.size || (a.id < b.id ? -1 : 1))
      .slice(0, count)
  }
  return best.map(b => String(b.id))
}

interface PageOptions {
  readonly catalogue: Releases
  readonly temporalUi: string | undefined
}

export async function pageRoutes(app: FastifyInstance, { catalogue, temporalUi }: PageOptions): Promise<void> {
  const { objects } = catalogue.artifacts
  /** A release by name, or the one that a channel names at this moment. */
  const find = async (dataset: string, name: string): Promise<Release> =>
    catalogue.open(dataset, isChannel(name) ? await catalogue.resolve(dataset, name) : name)

  const cut = stackCuts(catalogue.artifacts)
  const largest = cached(KEPT, (_: string, release: Release) => largestSegments(catalogue.artifacts, release, SELECTED))

  app.get('/', viewerPage, async (request, reply) => {
    const datasets = await catalogue.datasetsFor(request)
    return wantsJson(request) ? datasets : sendPage(reply, indexPage(datasets))
  })

  app.get<Named>('/release/:dataset/:release', viewerPage, async (request, reply) => {
    const { dataset, release: name } = request.params
    const release = await find(dataset, name.replace(/\.json$/, ''))
    reply.headers({ 'cache-control': 'no-cache', vary: 'accept' })
    // One address: a page for people, the manifest for programs.
    if (wantsJson(request) || name.endsWith('.json') || !isBrowser(request)) return release
    return sendPage(reply, releasePage(release, await catalogue.facts(release), origin(request)))
  })

  for (const aligned of [false, true])
    app.get<Named>(
      `/release/:dataset/:release/${aligned ? 'aligned' : 'stitched'}.png`,
      viewerPage,
      async (request, reply) => {
        const release = await find(request.params.dataset, request.params.release)
        const at = voxelOf(request)
        if (!at) throw badRequest('no voxel is named', 'give three whole numbers in voxels of the dataset: at=x,y,z')
        const picture = await cut(release, fromOrigin(release, at), aligned)
        return reply.type('image/png').header('cache-control', 'no-cache').send(Buffer.from(picture))
      },
    )

  app.get<{ Params: { dataset: string } }>('/view/:dataset', viewerPage, async (request, reply) =>
    reply.redirect(`/view/${encodeURIComponent(request.params.dataset)}/published`),
  )

  app.get<Named>('/view/:dataset/:release', viewerPage, async (request, reply) => {
    const release = await find(request.params.dataset, request.params.release)
    const segments = queryOf(request, 'segments')
    if (segments !== undefined && !/^\d{1,20}(,\d{1,20}){0,99}$/.test(segments))
      throw badRequest(`segments=${segments} are none`, 'give up to 100 ids, separated by commas')
    const selected = segments?.split(',') ?? (await largest(`${release.dataset}/${release.release}`, release))
    const at = voxelOf(request)
    const state = {
      ...viewerState(release, origin(request), selected),
      ...(at && { position: at.map(v => v + 0.5), crossSectionScale: CLOSE, showSlices: true }),
    }
    reply.header('cache-control', 'no-cache')
    return reply.redirect(`/viewer/#!${encodeURIComponent(JSON.stringify(state))}`)
  })

  app.get<Named>('/lineage/:dataset/:release', viewerPage, async (request, reply) => {
    const release = await find(request.params.dataset, request.params.release)
    const found = await catalogue.records(release)
    const summary = summariseLineage([...found.records.values()], found.missing)
    const voxel = voxelOf(request)
    const at = voxel && {
      voxel: voxel.join(','),
      artifacts: await artifactsAt(objects, release, fromOrigin(release, voxel)),
    }
    if (!wantsJson(request)) return sendPage(reply, lineagePage(release, summary, found, at ?? null, temporalUi))
    return { release, summary, ...(at ? { at } : {}) }
  })

  app.get<{ Params: { stage: string; recipe: string } }>(
    '/lineage/artifact/:stage/:recipe',
    viewerPage,
    async (request, reply) => {
      const { stage, recipe } = request.params
      const lineage = Digest.safeParse(recipe).success
        ? await catalogue.artifacts.lineage(stage, recipe).catch(() => undefined)
        : undefined
      const named = queryOf(request, 'release')?.split('/')
      const candidates =
        named?.length === 2 ? [await find(named[0]!, named[1]!)] : (await catalogue.datasets()).flatMap(d => d.releases)
      let release: Release | undefined
      for (const r of candidates.filter(c => request.may('viewer', c.dataset)))
        if (!release && (await restsOn(objects, r, { stage, recipe }, lineage?.recipe.extent ?? 'dataset'))) release = r
      if (!release)
        throw notFound(
          `no release names an artifact ${stage}/${recipe}`,
          'open the lineage page of a release and follow its links',
        )
      if (!lineage)
        throw notFound(`the lineage record of ${stage}/${recipe} cannot be read`, 'run an audit of the release')
      const { records } = await catalogue.records(release, refOf(lineage))
      const view = viewArtifact(lineage, [...records.values()])
      return wantsJson(request) ? view : sendPage(reply, artifactPage(release, view, temporalUi))
    },
  )
}
