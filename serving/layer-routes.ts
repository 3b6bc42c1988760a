// Routes of the layers of a release: /r/<dataset>/<release>/<layer>/..., the static layout path by path.
import type { FastifyInstance } from 'fastify'
import type { LayerName } from '../domain/release.ts'
import { layerProvenance } from '../storage/formats/provenance.ts'
import { foldersOf, staticFile } from '../storage/static-layout.ts'
import { notFound } from './problem.ts'
import type { ReadCounter } from './reads.ts'
import { isChannel, type Releases } from './releases.ts'
import { outputSender, sendJson } from './respond.ts'
import { viewer } from './request.ts'

const HOLE = 'nothing: a reader shows it empty (cloud-volume: fill_missing=True); the lineage page names the holes'

interface LayerRequest {
  Params: { dataset: string; release: string; layer: string; '*': string }
}

interface Named {
  Params: { dataset: string; release: string }
}

interface Options {
  readonly catalogue: Releases
  readonly reads: ReadCounter
}

export async function layerRoutes(app: FastifyInstance, { catalogue, reads }: Options): Promise<void> {
  const sendOutput = outputSender()
  app.get<Named>('/reads/:dataset/:release', viewer, async (request, reply) => {
    const { dataset, release } = await catalogue.open(request.params.dataset, request.params.release)
    reply.header('cache-control', 'no-cache')
    return reads.of(`${dataset}/${release}`)
  })
  app.addHook<LayerRequest>('onResponse', async (request, reply) => {
    const { dataset, release, layer, '*': rest } = request.params
    if (reply.statusCode >= 300 || request.method !== 'GET' || layer === undefined) return
    const bytes = Number(reply.getHeader('content-length'))
    reads.count(`${dataset}/${release}`, `${layer}/${rest}`, bytes, request.ip, Date.now())
  })
  app.get<LayerRequest>('/r/:dataset/:release/:layer/*', viewer, async (request, reply) => {
    const { dataset, release: name, layer, '*': rest } = request.params
    if (isChannel(name))
      throw notFound(
        `${name} is a channel: it moves, and a reader of many chunks would see a mix of releases`,
        `read the name of its release at /release/${dataset}/${name} and use that`,
      )
    const release = await catalogue.open(dataset, name)
    if (rest === 'provenance' && Object.hasOwn(release.layers, layer)) {
      return sendJson(request, reply, layerProvenance(release, layer as LayerName, await catalogue.records(release)))
    }
    const found = await staticFile(catalogue.artifacts.objects, release, `${layer}/${rest}`)
    if (found && 'json' in found) return sendJson(request, reply, found.json)
    const sent = found && sendOutput(request, reply, await catalogue.artifacts.open(found.ref), found.path)
    if (sent) return sent
    if (found !== undefined) throw notFound(`${layer}/${rest} is not in this release`, HOLE)
    throw notFound(
      `${layer}/${rest} is not an object of release ${dataset}/${name}`,
      `its layers are ${foldersOf(release).join(', ')}; the \`info\` (zarr.json) of each says how its objects are named`,
    )
  })
}
