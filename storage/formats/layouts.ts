// What a node of the region tree writes of a volume: the same voxels in the proofreading layout (precomputed, sharded) and in the
// analysis layout (Zarr v3, sharded), each in whole shards.
import { setImmediate } from 'node:timers/promises'
import {
  cellBox,
  cellsIn,
  intersect,
  key,
  map3,
  multiply,
  shapeOf,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { Release, VolumeLayer } from '../../domain/release.ts'
import { mipBounds } from '../../domain/index/tree.ts'
import type { ArtifactStore } from '../artifacts.ts'
import { mapBounded } from '../bounded.ts'
import type { DataType, VolumeArray } from './chunk.ts'
import { pooledVolume } from './pool.ts'
import { encodePrecomputed } from './precomputed/encoding.ts'
import { shardGrid, type MipLayout } from './precomputed/shard-grid.ts'
import { shardOf, writeShard } from './precomputed/sharding.ts'
import { cut, encodePart } from './volume.ts'
import { decodeZarrShard, encodeZarrShard, zarrShardShape } from './zarr-shard.ts'

export interface LayoutObject {
  readonly path: string
  readonly bytes: Uint8Array
}

/** How every mip of a layer of a release lies in the bucket. */
export const mipLayouts = (release: Release, layer: VolumeLayer): MipLayout[] =>
  layer.mips.map(({ factor, cell }, mip) => ({
    mip,
    bounds: mipBounds(release.bounds, factor),
    cell,
    chunk: layer.chunk,
    shard: layer.shard,
    encoding: layer.encoding,
  }))

/** Chunks encoded at a time: images are encoded beside the main thread. */
const IN_FLIGHT = 4

/** Path of the Zarr shard at a coordinate of the grid of shards, below the array's group. */
const zarrPath = (mip: number, at: Vec3): string => `${mip}/c/${at[2]}/${at[1]}/${at[0]}`

/** Every object of a node: `<mip>/<hex>.shard` and `zarr/<mip>/c/z/y/x`. `data` holds the box that the node owns, x fastest. */
export async function* layoutObjects(data: VolumeArray, own: Box, layout: MipLayout): AsyncGenerator<LayoutObject> {
  yield* precomputedShards(data, own, layout)
  for await (const { path, bytes } of zarrShards(data, own, layout)) yield { path: `zarr/${path}`, bytes }
}

export async function* zarrShards(data: VolumeArray, own: Box, layout: MipLayout): AsyncGenerator<LayoutObject> {
  const shard = zarrShardShape(layout)
  for (const at of cellsIn(own, shard)) {
    const bytes = await encodeZarrShard(data, own, multiply(at, shard), { shard, chunk: layout.chunk, channels: 1 })
    yield { path: zarrPath(layout.mip, at), bytes }
  }
}

export async function* precomputedShards(data: VolumeArray, own: Box, layout: MipLayout): AsyncGenerator<LayoutObject> {
  const { mip, chunk, bounds, encoding } = layout
  const grid = shardGrid(layout)
  const files = new Map<string, Vec3[]>()
  for (const at of cellsIn(own, chunk)) {
    const file = shardOf(grid.spec, grid.code(at))
    files.set(file, [...(files.get(file) ?? []), at])
  }
  for (const [file, coords] of files) {
    const entries = await mapBounded(coords, IN_FLIGHT, async at => {
      const part = cellBox(at, chunk, bounds)
      const bytes =
        encoding === 'jpeg' || encoding === 'png'
          ? await encodePrecomputed(cut(data, own, part, 1), shapeOf(part), 1, encoding)
          : encodePart(data, own, part, 1, encoding)
      return { id: grid.code(at), bytes }
    })
    yield { path: `${mip}/${file}`, bytes: writeShard(grid.spec, entries).get(file)! }
    await setImmediate()
  }
}

/** Cell of the node that owns an object of a mip, by its path below the layer; undefined when it is not the path of one. */
export function ownerOf(layout: MipLayout, path: string): string | undefined {
  const [mip, ...rest] = path.split('/')
  if (mip !== String(layout.mip)) return undefined
  if (rest.length === 1) return shardGrid(layout).owner(rest[0]!)
  const m = /^c\/(\d+)\/(\d+)\/(\d+)$/.exec(rest.join('/'))?.slice(1).map(Number)
  if (!m) return undefined
  const at: Vec3 = [m[2]!, m[1]!, m[0]!]
  const shard = zarrShardShape(layout)
  const min = multiply(at, shard)
  if (zarrPath(layout.mip, at) !== path || min.some((v, a) => v >= layout.bounds.max[a]!)) return undefined
  return key(map3(a => Math.floor(min[a] / layout.cell[a])))
}

/**
 * Reads a box of a mip, shard by shard, from the analysis layout: it keeps every grey value. Cells without artifact are 0.
 * @throws HillockError MissingArtifact when a shard is gone or damaged.
 */
export async function readShards<D extends DataType>(
  store: Pick<ArtifactStore, 'open'>,
  layout: MipLayout,
  artifacts: (cell: Vec3) => ArtifactRef | undefined,
  box: Box,
  dtype: D,
): Promise<VolumeArray<D>> {
  const shard = zarrShardShape(layout)
  // A cell without artifact, or what is outside the bounds, is in no shard.
  const out = pooledVolume(dtype, voxels(box), true)
  for (const at of cellsIn(intersect(box, layout.bounds), shard)) {
    const min = multiply(at, shard)
    const ref = artifacts(map3(a => Math.floor(min[a] / layout.cell[a])))
    if (!ref) continue
    const bytes = await (await store.open(ref)).get(`zarr/${zarrPath(layout.mip, at)}`)
    decodeZarrShard(bytes, min, { shard, chunk: layout.chunk, channels: 1 }, out, box)
  }
  return out
}
