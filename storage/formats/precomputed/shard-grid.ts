// Which chunks of a scale share a shard, such that every node of the region tree owns whole shards.
import { key, map3, type Box, type Vec3 } from '../../../domain/geometry.ts'
import { mortonAxes, mortonCell, mortonCode } from './morton.ts'
import type { Encoding } from './encoding.ts'
import { shardFile, type ShardingSpec } from './sharding.ts'

/** How one mip of a volume lies in the bucket. */
export interface MipLayout {
  readonly mip: number
  /** Bounds of the dataset in voxels of this mip; they start at the origin. */
  readonly bounds: Box
  /** Shape of the box that one artifact owns. */
  readonly cell: Vec3
  readonly chunk: Vec3
  /** A shard is no larger than this along any axis. */
  readonly shard: Vec3
  /** Of the proofreading layout. */
  readonly encoding: Encoding
}

/** Entries of a minishard, as a power of two: its index is read before any chunk of it. */
const MINISHARD = 9

export interface ShardGrid {
  readonly spec: ShardingSpec
  /** Key of the chunk at a coordinate of the grid of chunks. */
  code(at: Vec3): bigint
  /** Cell whose artifact owns a shard, `x_y_z`; undefined when there is no shard of that name. */
  owner(file: string): string | undefined
}

/**
 * A shard is the largest box of chunks that has a common prefix of the Morton code, tiles the cell and is not larger than asked for.
 * @throws RangeError when the bounds do not start at the origin or cells are not whole chunks.
 */
export function shardGrid({ bounds, cell, chunk, shard, encoding }: MipLayout): ShardGrid {
  if (bounds.min.some(v => v !== 0)) throw new RangeError('bounds start at the origin')
  const grid = map3(a => Math.ceil(bounds.max[a] / chunk[a]))
  if (cell.some((n, a) => n % chunk[a]! !== 0 && n < bounds.max[a]!))
    throw new RangeError(`cells of ${cell.join('x')} are not whole chunks of ${chunk.join('x')}`)
  const axes = mortonAxes(grid)
  const shape = [1, 1, 1]
  let prefix = 0
  for (const a of axes) {
    const next = 2 * shape[a]!
    const tiles = cell[a] >= bounds.max[a] || (cell[a] / chunk[a]) % next === 0
    if (!tiles || next * chunk[a] > shard[a]) break
    shape[a] = next
    prefix++
  }
  const preshift = Math.min(prefix, MINISHARD)
  const spec: ShardingSpec = {
    '@type': 'neuroglancer_uint64_sharded_v1',
    preshift_bits: preshift,
    hash: 'identity',
    minishard_bits: prefix - preshift,
    shard_bits: axes.length - prefix,
    minishard_index_encoding: 'gzip',
    // Labels shrink by a factor; grey values hardly, and images are compressed already.
    data_encoding: encoding === 'compressed_segmentation' ? 'gzip' : 'raw',
  }
  return {
    spec,
    code: at => mortonCode(axes, at),
    owner(file) {
      if (!/^[0-9a-f]+\.shard$/.test(file)) return undefined
      const number = BigInt(`0x${file.slice(0, -'.shard'.length)}`)
      const at = mortonCell(axes, number << BigInt(prefix))
      if (file !== shardFile(spec, number) || at.some((v, a) => v >= grid[a]!)) return undefined
      return key(map3(a => Math.floor((at[a] * chunk[a]) / cell[a])))
    },
  }
}
