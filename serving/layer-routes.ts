// Routes of the precomputed layers of a release: /r/<dataset>/<release>/<layer>/...
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PackLayer, Release, VolumeLayer } from '../domain/release.ts'
import { annotationById, annotationInfo, annotationList, RELATIONSHIPS } from './annotations.ts'
import { packs } from './packs.ts'
import { notFound } from './problem.ts'
import { chunkOwner, meshInfo, skeletonInfo, volumeInfo } from './release-layers.ts'
import { isChannel, type Releases } from './releases.ts'
import { sendImmutable, sendJson } from './respond.ts'
import { segmentProperties } from './segments.ts'
import { synapsesOf } from './synapses.ts'

const BINARY = 'application/octet-stream'
const HOLE = 'nothing: a reader shows it empty (cloud-volume: fill_missing=True); the lineage page names the holes'

interface LayerRequest {
  Params: { dataset: string; release: string; layer: string; '*': string }
}

export async function layerRoutes(app: FastifyInstance, catalogue: Releases): Promise<void> {
  const { artifacts } = catalogue
  const packed = packs(artifacts)

  async function volume(request: FastifyRequest, reply: FastifyReply, release: Release, layer: VolumeLayer, path: string): Promise<FastifyReply> {
    if (path === 'info') return sendJson(request, reply, volumeInfo(release, layer))
    const ref = chunkOwner(layer, path)
    if (ref === undefined) throw notFound(`${path} is not an object of this layer`, 'read `info`: it names the scales; chunks are x0-x1_y0-y1_z0-z1')
    const reader = ref && (await artifacts.open(ref))
    if (!reader?.has(path)) throw notFound(`chunk ${path} is not in this release`, HOLE)
    return sendImmutable(request, reply, await reader.get(path), BINARY)
  }

  /** `mesh/info`, the list `mesh/<id>:0` of a segment's fragments, and the fragments `mesh/<id>:0:<region>`. */
  async function mesh(request: FastifyRequest, reply: FastifyReply, layer: PackLayer, path: string): Promise<FastifyReply> {
    if (path === 'info') return sendJson(request, reply, meshInfo)
    const [id, lod, cell, ...rest] = path.split(':') as [string, string?, string?, ...string[]]
    if (!/^\d+$/.test(id) || lod !== '0' || rest.length > 0)
      throw notFound(`mesh/${path} is not the name of a mesh`, 'ask for mesh/<segment id>:0 and then for the fragments that it lists')
    if (cell === undefined) {
      const cells = (await packed.cells(layer)).filter(c => c.index.find(id))
      if (cells.length === 0) throw notFound(`segment ${id} has no mesh`, 'check the id; a segment of a few voxels has no surface')
      return sendJson(request, reply, { fragments: cells.map(c => `${id}:0:${c.cell}`) })
    }
    const bytes = await packed.get(layer, cell, id)
    if (!bytes) throw notFound(`segment ${id} has no mesh in region ${cell}`, `mesh/${id}:0 lists its fragments`)
    return sendImmutable(request, reply, bytes, BINARY)
  }

  async function skeleton(request: FastifyRequest, reply: FastifyReply, layer: PackLayer, path: string): Promise<FastifyReply> {
    if (path === 'info') return sendJson(request, reply, skeletonInfo)
    const holder = (await packed.cells(layer)).find(c => c.index.find(path))
    const bytes = holder && (await packed.get(layer, holder.cell, path))
    if (!bytes) throw notFound(`segment ${path} has no skeleton`, 'check the id; small segments have none')
    return sendImmutable(request, reply, bytes, BINARY)
  }

  async function synapses(request: FastifyRequest, reply: FastifyReply, release: Release, path: string): Promise<FastifyReply> {
    const table = await synapsesOf(artifacts, release)
    if (path === 'info') return sendJson(request, reply, annotationInfo(release, table.all.length))
    if (path === 'spatial0/0_0_0') return sendImmutable(request, reply, annotationList(table.all), BINARY)
    const [folder, id = ''] = path.split('/') as [string, string?]
    if (/^\d+$/.test(id)) {
      const relationship = RELATIONSHIPS.find(r => r === folder)
      // A segment without synapses is an empty list, not an error: viewers ask for every selected segment.
      if (relationship) return sendImmutable(request, reply, annotationList(table[relationship].get(BigInt(id)) ?? []), BINARY)
      const synapse = folder === 'by_id' ? table.byId.get(BigInt(id)) : undefined
      if (synapse) return sendImmutable(request, reply, annotationById(synapse), BINARY)
    }
    throw notFound(`synapses/${path} is not in this release`, 'read synapses/info: it names the indexes')
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
      if (folder === 'mesh' && layers.mesh) return mesh(request, reply, layers.mesh, rest)
      if (folder === 'skeleton' && layers.skeleton) return skeleton(request, reply, layers.skeleton, rest)
      if (path === 'segment_properties/info' && layers.graph)
        return sendJson(request, reply, await segmentProperties(artifacts, release))
      return volume(request, reply, release, layers.segmentation, path)
    }
    if (layer === 'synapses' && layers.synapses) return synapses(request, reply, release, path)
    throw notFound(
      `release ${dataset}/${name} has no layer ${layer}`,
      `its layers are ${['em', 'segmentation', 'synapses'].filter(l => l in layers).join(', ')}`,
    )
  })
}
