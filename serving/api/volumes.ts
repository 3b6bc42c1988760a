// Voxels of a release: the segments at points, and boxes of any layer as npy, read chunk by chunk from the analysis layout.
import type { FastifyInstance } from 'fastify'
import { endpoints } from '../../domain/api/endpoints.ts'
import { add, boxAt, contains, map3, shapeOf, translate, voxels as count, type Box } from '../../domain/geometry.ts'
import type { Release, VolumeLayer } from '../../domain/release.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import type { Files } from '../../storage/foreign/files.ts'
import type { Opened } from '../../storage/foreign/volume.ts'
import { openZarr } from '../../storage/foreign/zarr.ts'
import { npyPrefix } from '../../storage/formats/npy.ts'
import { staticFile, zarrFolder } from '../../storage/static-layout.ts'
import { badRequest, notFound, Problem } from '../problem.ts'
import { turns } from '../turns.ts'
import type { Serving } from './index.ts'
import { nameOf, route, sendBytes } from './route.ts'

/** Voxels of a cut-out; of what is in memory of it at a time; and of what is where planes are so wide that a chunk's depth of them is more. */
const MOST = 2 ** 30
const SLAB = 2 ** 23
const WIDE = 2 ** 26
const READS = 8

/** Types of the volumes of a release. */
const NPY = { uint8: 'u1', uint64: 'u8' } as const

/** The files of a folder of a release. */
function filesOf(artifacts: ArtifactStore, release: Release, folder: string): Files {
  const open = async (path: string) => {
    const found = await staticFile(artifacts.objects, release, `${folder}${path}`)
    if (!found || 'json' in found) return found ?? undefined
    const reader = await artifacts.open(found.ref)
    return reader.output(found.path) && { reader, path: found.path, bytes: reader.output(found.path)!.bytes }
  }
  return {
    url: `${nameOf(release)}/${folder}`,
    async get(path) {
      const found = await open(path)
      return (
        found &&
        ('json' in found ? new Uint8Array(Buffer.from(JSON.stringify(found.json))) : found.reader.get(found.path))
      )
    },
    async range(path, offset, length) {
      const found = await open(path)
      if (!found || 'json' in found) return undefined
      const from = offset < 0 ? Math.max(0, found.bytes + offset) : offset
      return found.reader.getRange(found.path, from, Math.min(length, found.bytes - from))
    },
    stamp: async () => undefined,
  }
}

export function volumesOf(artifacts: ArtifactStore) {
  const opened = new WeakMap<Release, Map<string, Promise<Opened>>>()
  const open = (release: Release, layer: string): Promise<Opened> => {
    const volume = Object.hasOwn(release.layers, layer) ? release.layers[layer as 'em'] : undefined
    if (!volume || !('mips' in volume)) {
      const there = Object.entries(release.layers).flatMap(([name, l]) => (l && 'mips' in l ? [name] : []))
      throw notFound(`release ${nameOf(release)} has no volume ${layer}`, `its volumes are ${there.join(', ')}`)
    }
    const known = opened.get(release) ?? new Map<string, Promise<Opened>>()
    opened.set(release, known)
    const files = filesOf(artifacts, release, zarrFolder(layer, (volume as VolumeLayer).kind))
    const found = known.get(layer) ?? openZarr(files).then(v => v!)
    known.set(layer, found)
    found.catch(() => known.delete(layer))
    return found
  }
  return {
    open,
    /** @throws Problem 400 for a point outside, 404 for a single one in a hole */
    async segmentsAt(release: Release, points: readonly (readonly number[])[]): Promise<bigint[]> {
      const { min, max } = release.bounds
      points.forEach((p, i) => {
        if (p.every((v, a) => v >= min[a]! && v < max[a]!)) return
        throw badRequest(
          `point ${p.join(', ')}${points.length > 1 ? ` (the ${i + 1}. of ${points.length})` : ''} lies outside of ${nameOf(release)}`,
          `its voxels go from ${min.join(', ')} to ${max.map(v => v - 1).join(', ')}`,
        )
      })
      const volume = await open(release, 'segmentation')
      const { bounds, chunk } = volume.mips[0]!
      // What lies in one chunk is read once.
      const byChunk = Map.groupBy(points.keys(), i => map3(a => Math.floor(points[i]![a]! / chunk[a])).join('_'))
      const out = Array.from<bigint>({ length: points.length })
      await mapBounded([...byChunk.values()], READS, async members => {
        const voxels = members.map(i => map3(a => Math.floor(points[i]![a]!)))
        const low = map3(a => Math.min(...voxels.map(v => v[a])))
        const high = map3(a => Math.max(...voxels.map(v => v[a])) + 1)
        const shape = shapeOf({ min: low, max: high })
        const data = await volume.read(0, boxAt(add(low, bounds.min), shape))
        members.forEach((i, n) => {
          const [x, y, z] = map3(a => voxels[n]![a] - low[a])
          out[i] = BigInt(data[x + shape[0] * (y + shape[1] * z)]!)
        })
      })
      return out
    },
  }
}

/** A box of a query, in voxels of mip 0. @throws Problem 400 for one that is empty or reaches out of the release */
export function boxOf({ bounds, ...release }: Release, text: string, within: Box = bounds): Box {
  const [x0, y0, z0, x1, y1, z1] = text.split(',').map(Number) as [number, number, number, number, number, number]
  const box = { min: [x0, y0, z0], max: [x1, y1, z1] } as const
  if (box.min.some((v, a) => v >= box.max[a]!))
    throw badRequest(`box ${text} is empty`, 'give its first voxel, then the one behind its last')
  if (!contains(within, box))
    throw badRequest(
      `box ${text} reaches out of ${release.dataset}/${release.release}`,
      `stay between ${within.min.join(', ')} and ${within.max.join(', ')}`,
    )
  return box
}

/** A box in pieces, x first and z last: whole chunks deep while that fits; else fewer planes, or rows of one, for which chunks are read again. */
export function* slabsOf(box: Box, chunkDepth: number): Generator<Box> {
  const [nx, ny] = shapeOf(box)
  const chunks = Math.floor(SLAB / (nx * ny * chunkDepth))
  const depth = chunks * chunkDepth || Math.min(chunkDepth, Math.floor(WIDE / (nx * ny))) || 1
  const rows = Math.max(1, Math.min(ny, Math.floor(WIDE / nx)))
  for (let z = box.min[2]; z < box.max[2];) {
    const end = Math.min(box.max[2], (Math.floor(z / depth) + 1) * depth)
    for (let y = box.min[1]; y < box.max[1]; y += rows)
      yield { min: [box.min[0], y, z], max: [box.max[0], Math.min(box.max[1], y + rows), end] }
    z = end
  }
}

export function volumeRoutes(app: FastifyInstance, { find, volumes }: Serving): void {
  const turn = turns(2, 16)
  route(app, endpoints.cutout, async ({ params, query, reply }) => {
    const release = await find(reply, params.dataset, params.release)
    const volume = await volumes.open(release, params.layer)
    const mip = volume.mips[query.mip]
    if (!mip) throw notFound(`${params.layer} has no mip ${query.mip}`, `it has mips 0 to ${volume.mips.length - 1}`)
    const zero = mip.bounds.min
    const box = boxOf(
      release,
      query.box,
      translate(
        mip.bounds,
        map3(a => -zero[a]),
      ),
    )
    if (![...box.min, ...box.max].every(Number.isInteger))
      throw badRequest(`box ${query.box} is none of whole voxels`, 'give whole numbers')
    if (count(box) > MOST)
      throw new Problem(
        413,
        `box ${query.box} has ${count(box)} voxels, of ${MOST} that are cut out at a time`,
        'ask for a coarser mip or a smaller box, or read the layer as Zarr',
      )
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield npyPrefix(NPY[mip!.dataType as keyof typeof NPY], shapeOf(box), true)
      for (const slab of slabsOf(box, mip!.chunk[2])) {
        const data = await turn(() => volume.read(query.mip, translate(slab, zero)))
        yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      }
    }
    return sendBytes(reply, 'application/octet-stream', bytes())
  })
}
