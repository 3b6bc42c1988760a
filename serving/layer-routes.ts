// Routes of the precomputed layers of a release: /r/<dataset>/<release>/<layer>/...
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PackLayer, Release, VolumeLayer } from '../domain/release.ts'
import { notFound } from './problem.ts'
import { has, layerInfo, shardOwner } from './release-layers.ts'
import { isChannel, type Releases } from './releases.ts'
import { sendJson, sendOutput } from './respond.ts'
import { zarrObject } from './zarr.ts'

const HOLE = 'nothing: a reader shows it empty (cloud-volume: fill_missing=True); the lineage page names the holes'

interface LayerRequest {
  Params: { dataset: string; release: string; layer: string; '*': string }
}

export async function layerRoutes(app: FastifyInstance, { catalogue }: { catalogue: Releases }): Promise<void> {
  const { artifacts } = catalogue

  async function volume(
    request: FastifyRequest,
    reply: FastifyReply,
    release: Release,
    layer: VolumeLayer,
    path: string,
  ): Promise<FastifyReply> {
    if (path === 'info') return sendJson(request, reply, layerInfo(release, layer))
    const ref = shardOwner(release, layer, path)
    if (ref === undefined)
      throw notFound(
        `${path} is not an object of this layer`,
        'read `info`: it names the scales and how their chunks are sharded',
      )
    const sent = ref && sendOutput(request, reply, await artifacts.open(ref), path)
    if (!sent) throw notFound(`${path} is not in this release`, HOLE)
    return sent
  }

  /** A file of objects (meshes, skeletons, annotations, properties) as the artifact of its layer holds it. */
  async function objects(
    request: FastifyRequest,
    reply: FastifyReply,
    layer: PackLayer,
    path: string,
  ): Promise<FastifyReply> {
    const ref = layer.artifacts['all']
    const sent = ref && sendOutput(request, reply, await artifacts.open(ref), path)
    if (!sent)
      throw notFound(`${path} is not in this release`, 'read the `info` beside it: it says how objects lie in shards')
    return sent
  }

  app.get<LayerRequest>('/r/:dataset/:release/:layer/*', async (request, reply) => {
    const { dataset, release: name, layer, '*': path } = request.params
    if (isChannel(name))
      throw notFound(
        `${name} is a channel: it moves, and a reader of many chunks would see a mix of releases`,
        `read the name of its release at /release/${dataset}/${name} and use that`,
      )
    const release = await catalogue.open(dataset, name)
    const { layers } = release
    const [folder, rest] = [path.slice(0, path.indexOf('/')), path.slice(path.indexOf('/') + 1)]
    if (path === 'provenance' && layer in layers) {
      const { records } = await catalogue.records(release)
      return sendJson(request, reply, layerProvenance(release, layer as LayerName, [...records.values()]))
    }
    if (layer === 'em') return volume(request, reply, release, layers.em, path)
    if (layer === 'segmentation' && layers.segmentation) {
      if (folder === 'mesh' && has(layers.mesh)) return objects(request, reply, layers.mesh, rest)
      if (folder === 'skeleton' && has(layers.skeleton)) return objects(request, reply, layers.skeleton, rest)
      if (folder === 'segment_properties' && has(layers.graph)) return objects(request, reply, layers.graph, path)
      return volume(request, reply, release, layers.segmentation, path)
    }
    if (layer === 'synapses' && has(layers.synapses))
      return objects(request, reply, layers.synapses, `synapses/${path}`)
    if (layer === 'zarr') {
      const found = zarrObject(release, path)
      if (!found) throw notFound(`zarr/${path} is not in this release`, 'read zarr/zarr.json: it names the images')
      const sent =
        'json' in found
          ? sendJson(request, reply, found.json)
          : sendOutput(request, reply, await artifacts.open(found.ref), found.path)
      if (!sent) throw notFound(`zarr/${path} is not in this release`, HOLE)
      return sent
    }
    throw notFound(
      `release ${dataset}/${name} has no layer ${layer}`,
      `its layers are ${['em', 'segmentation', 'synapses'].filter(l => l in layers).join(', ')} and zarr`,
    )
  })
}
