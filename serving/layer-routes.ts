// Routes of the precomputed layers of a release: /r/<dataset>/<release>/<layer>/...
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PackLayer, Release, VolumeLayer } from '../domain/release.ts'
import { meshInfo, meshManifest } from '../storage/formats/mesh-legacy.ts'
import { skeletonInfo } from '../storage/formats/skeleton.ts'
import type { Packs } from './packs.ts'
import { notFound } from './problem.ts'
import { has, layerInfo, shardOwner } from './release-layers.ts'
import { isChannel, type Releases } from './releases.ts'
import { BINARY, sendImmutable, sendJson, sendOutput } from './respond.ts'
import { propertiesInfo } from './segments.ts'
import { synapseLayer } from './synapses.ts'
import { zarrObject } from './zarr.ts'

const HOLE = 'nothing: a reader shows it empty (cloud-volume: fill_missing=True); the lineage page names the holes'

interface LayerRequest {
  Params: { dataset: string; release: string; layer: string; '*': string }
}

export async function layerRoutes(
  app: FastifyInstance,
  { catalogue, packed }: { catalogue: Releases; packed: Packs },
): Promise<void> {
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

  /** `mesh/info`, the list `mesh/<id>:0` of a segment's fragments, and the fragments `mesh/<id>:0:<region>`. */
  async function mesh(
    request: FastifyRequest,
    reply: FastifyReply,
    layer: PackLayer,
    path: string,
  ): Promise<FastifyReply> {
    if (path === 'info') return sendJson(request, reply, meshInfo())
    const [id, lod, cell, ...rest] = path.split(':') as [string, string?, string?, ...string[]]
    if (!/^\d+$/.test(id) || lod !== '0' || rest.length > 0)
      throw notFound(
        `mesh/${path} is not the name of a mesh`,
        'ask for mesh/<segment id>:0 and then for the fragments that it lists',
      )
    if (cell === undefined) {
      const cells = (await packed.cells(layer)).filter(c => c.index.find(id))
      if (cells.length === 0)
        throw notFound(`segment ${id} has no mesh`, 'check the id; a segment of a few voxels has no surface')
      return sendJson(request, reply, meshManifest(cells.map(c => `${id}:0:${c.cell}`)))
    }
    const bytes = await packed.get(layer, id, cell)
    if (!bytes) throw notFound(`segment ${id} has no mesh in region ${cell}`, `mesh/${id}:0 lists its fragments`)
    return sendImmutable(request, reply, bytes, BINARY)
  }

  async function skeleton(
    request: FastifyRequest,
    reply: FastifyReply,
    layer: PackLayer,
    path: string,
  ): Promise<FastifyReply> {
    if (path === 'info') return sendJson(request, reply, skeletonInfo())
    const bytes = await packed.get(layer, path)
    if (!bytes) throw notFound(`segment ${path} has no skeleton`, 'check the id; small segments have none')
    return sendImmutable(request, reply, bytes, BINARY)
  }

  async function synapses(
    request: FastifyRequest,
    reply: FastifyReply,
    release: Release,
    path: string,
  ): Promise<FastifyReply> {
    const { info, files } = await synapseLayer(artifacts, release)
    if (path === 'info') return sendJson(request, reply, info)
    // A segment without synapses is an empty list, not an error: viewers ask for every selected segment.
    const bytes = files.get(path) ?? (/^by_(pre|post)\/\d+$/.test(path) ? new Uint8Array(8) : undefined)
    if (!bytes) throw notFound(`synapses/${path} is not in this release`, 'read synapses/info: it names the indexes')
    return sendImmutable(request, reply, bytes, BINARY)
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
    if (layer === 'em') return volume(request, reply, release, layers.em, path)
    if (layer === 'segmentation' && layers.segmentation) {
      if (folder === 'mesh' && has(layers.mesh)) return mesh(request, reply, layers.mesh, rest)
      if (folder === 'skeleton' && has(layers.skeleton)) return skeleton(request, reply, layers.skeleton, rest)
      if (path === 'segment_properties/info' && has(layers.graph))
        return sendJson(request, reply, await propertiesInfo(artifacts, release))
      return volume(request, reply, release, layers.segmentation, path)
    }
    if (layer === 'synapses' && has(layers.synapses)) return synapses(request, reply, release, path)
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
