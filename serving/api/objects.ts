// Skeletons and meshes of single segments, out of the shards of a release; as SWC and OBJ too.
import type { Release } from '../../domain/release.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { decodeDraco, decodeManifest, vertices } from '../../storage/formats/meshes/read-multilod.ts'
import {
  ShardingSpec,
  shardReader,
  type ReadRange,
  type ShardReader,
} from '../../storage/formats/precomputed/sharding.ts'
import { decodeSkeleton } from '../../storage/formats/skeleton.ts'
import { staticFile } from '../../storage/static-layout.ts'
import { notFound } from '../problem.ts'

interface Shards {
  readonly info: Readonly<Record<string, unknown>>
  readonly reader: ShardReader
  readonly range: ReadRange
}

/** What a release holds of its segments in a folder of its layout. @throws Problem 404 where it has no such folder */
async function shardsOf(artifacts: ArtifactStore, release: Release, what: 'skeleton' | 'mesh'): Promise<Shards> {
  const file = (path: string) => staticFile(artifacts.objects, release, `segmentation/${what}/${path}`)
  const named = await file('info')
  if (!named || !('ref' in named))
    throw notFound(
      `release ${release.dataset}/${release.release} has no ${what === 'mesh' ? 'meshes' : 'skeletons'}`,
      `run it with the stage ${what}`,
    )
  const info = JSON.parse(Buffer.from(await artifacts.get(named.ref, named.path)).toString()) as Shards['info']
  const range: ReadRange = async (path, offset, length) => {
    const found = await file(path)
    const shard = found && 'ref' in found ? await artifacts.open(found.ref) : undefined
    return shard?.output(path) && shard.getRange(path, offset, length)
  }
  return { info, reader: shardReader(ShardingSpec.parse(info['sharding']), range), range }
}

/** Undefined where the segment has none. @throws Problem 404 where the release has no skeletons */
export const skeletonOf = async (
  artifacts: ArtifactStore,
  release: Release,
  segment: bigint,
): Promise<Uint8Array | undefined> => (await shardsOf(artifacts, release, 'skeleton')).reader.get(segment)

export interface Fragment {
  /** x, y, z of every vertex in nm; fragments share none. */
  readonly vertices: Float64Array
  /** Three vertex numbers each. */
  readonly triangles: Uint32Array
}

/** A level of the mesh of a segment. */
export interface Mesh {
  readonly level: number
  readonly levels: number
  /** Read as they are asked for. */
  readonly fragments: AsyncIterable<Fragment>
}

/**
 * Undefined where the segment has none.
 * @param level 0 is the finest; the coarsest if left out
 * @throws Problem 404 where the release has no meshes, or the mesh no such level
 */
export async function meshOf(
  artifacts: ArtifactStore,
  release: Release,
  segment: bigint,
  level?: number,
): Promise<Mesh | undefined> {
  const { info, reader, range } = await shardsOf(artifacts, release, 'mesh')
  const stored = await reader.find(segment)
  const bytes = stored && (await reader.get(segment))
  if (!bytes) return undefined
  const manifest = decodeManifest(bytes)
  const { lods } = manifest
  const lod = level ?? lods.length - 1
  const own = lods[lod]
  if (!own)
    throw notFound(`the mesh of segment ${segment} has no level ${lod}`, `it has levels 0 to ${lods.length - 1}`)
  const length = (sizes: Uint32Array): number => sizes.reduce((a, b) => a + b, 0)
  // The fragments of all levels lie before the manifest, one level after the other.
  const from = stored.offset - lods.slice(lod).reduce((sum, l) => sum + length(l.sizes), 0)
  const bits = info['vertex_quantization_bits'] as 10 | 16
  async function* fragments(): AsyncGenerator<Fragment> {
    let at = from
    for (const [f, size] of own!.sizes.entries()) {
      const draco = size > 0 ? await range(stored!.file, at, size) : undefined
      at += size
      if (!draco) continue
      const { positions, triangles } = await decodeDraco(draco)
      yield { vertices: vertices(manifest, lod, f, positions, bits), triangles }
    }
  }
  return { level: lod, levels: lods.length, fragments: fragments() }
}

/** A mesh as OBJ, in nanometres, fragment by fragment. */
export async function* obj({ level, levels, fragments }: Mesh, what: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`# ${what}, level ${level} of ${levels - 1}; nanometres\n`)
  let before = 0
  for await (const { vertices: places, triangles } of fragments) {
    const lines: string[] = []
    for (let v = 0; v < places.length; v += 3)
      lines.push(
        `v ${places
          .subarray(v, v + 3)
          .map(p => Math.round(p * 100) / 100)
          .join(' ')}`,
      )
    for (let t = 0; t < triangles.length; t += 3)
      lines.push(
        `f ${triangles
          .subarray(t, t + 3)
          .map(v => v + before + 1)
          .join(' ')}`,
      )
    before += places.length / 3
    yield Buffer.from(`${lines.join('\n')}\n`)
  }
}

/**
 * One line a vertex, parents before their children: number, type (0: undefined), x, y, z and radius in nm, parent.
 * @param voxel its size in nm, where voxels are the unit: of a radius its first side
 */
export function swc(bytes: Uint8Array, what: string, voxel: readonly number[] = [1, 1, 1]): string {
  const { positions, edges, radii } = decodeSkeleton(bytes)
  const neighbours = Array.from(radii, (): number[] => [])
  for (let i = 0; i < edges.length; i += 2) {
    neighbours[edges[i]!]!.push(edges[i + 1]!)
    neighbours[edges[i + 1]!]!.push(edges[i]!)
  }
  const number = new Map<number, number>()
  const lines = [`# ${what}; x, y, z and radius in units of ${voxel.join(' x ')} nm`]
  for (const root of radii.keys()) {
    const open: [vertex: number, parent: number][] = [[root, -1]]
    for (let next = open.pop(); next; next = open.pop()) {
      const [v, parent] = next
      if (number.has(v)) continue
      number.set(v, number.size + 1)
      const [x, y, z] = voxel.map((nm, a) => positions[3 * v + a]! / nm)
      lines.push(`${number.get(v)} 0 ${x} ${y} ${z} ${radii[v]! / voxel[0]!} ${parent}`)
      for (const n of neighbours[v]!.toReversed()) if (!number.has(n)) open.push([n, number.get(v)!])
    }
  }
  return `${lines.join('\n')}\n`
}
