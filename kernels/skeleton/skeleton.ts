// The skeleton pieces of all segments of a region.
import { startsOf } from '../arrays.ts'
import { borderTargets } from './border.ts'
import { traceTrees } from './teasar.ts'
import type { Trees } from './teasar.ts'
import { labelsById, sampleRegion } from '../surface-samples.ts'
import type { RegionLabels, Samples } from '../surface-samples.ts'
import type { Vec3 } from '../types.ts'

export interface SkeletonParameters {
  /** Voxels per sample along each axis. */
  readonly step: 1 | 2
  /** A path makes invalid what lies within scale * distance to boundary + constantNm of it. */
  readonly scale: number
  readonly constantNm: number
  /** Pieces of fewer voxels that touch no neighbouring region are left out. */
  readonly minVoxels: number
}

/** A skeleton or a piece of one: a graph without cycles. */
export interface Skeleton {
  /** nm in the dataset's frame, x y z per vertex. */
  readonly vertices: Float32Array
  /** Two vertices per edge. */
  readonly edges: Uint32Array
  /** Distance to the nearest other segment per vertex, nm. */
  readonly radii: Float32Array
}

/**
 * Pieces in a row, sorted by segment id. Piece i has the vertices `vertexStart[i] .. vertexStart[i + 1]` and the edges
 * `edgeStart[i] .. edgeStart[i + 1]`, whose vertex numbers start at 0 in each piece. A piece may have several parts.
 */
export interface SkeletonPieces extends Skeleton {
  readonly ids: BigUint64Array
  readonly vertexStart: Uint32Array
  readonly edgeStart: Uint32Array
}

/**
 * TEASAR skeletons of all segments inside a region (see `traceTrees`). Where a segment crosses a face that two regions share,
 * both pieces have the same vertex (see `borderTargets`), so `joinSkeletons` links them. Every vertex is the centre of a
 * voxel of its segment, every edge joins neighbouring cells of 2 x 2 x 2 samples. Throws RangeError as `sampleRegion` does.
 */
export function skeletonRegion(args: RegionLabels & { readonly params: SkeletonParameters }): SkeletonPieces {
  const { step, scale, constantNm, minVoxels } = args.params
  const samples = sampleRegion(args, step)
  const spacing = args.voxelSizeNm.map(size => size * step) as unknown as Vec3
  // The samples of the high margins come last on each axis, before the layer of background.
  const ends = samples.shape.map((size, axis) => size - 1 - args.high[axis]!)
  const targets = borderTargets(samples, spacing, args)
  const minSamples = minVoxels / step ** 3
  const trees = traceTrees(samples, spacing, targets, args, ends, { scale, constantNm, minSamples })
  return byLabel(trees, samples, args)
}

/** Views of piece i. */
export function skeletonAt(pieces: SkeletonPieces, i: number): Skeleton {
  const [from, to] = [pieces.vertexStart[i]!, pieces.vertexStart[i + 1]!]
  return {
    vertices: pieces.vertices.subarray(3 * from, 3 * to),
    edges: pieces.edges.subarray(2 * pieces.edgeStart[i]!, 2 * pieces.edgeStart[i + 1]!),
    radii: pieces.radii.subarray(from, to),
  }
}

function byLabel(trees: Trees, samples: Samples, region: RegionLabels): SkeletonPieces {
  const { labels } = samples
  // Per label, first how many, then where the next one goes.
  const vertexAt = new Uint32Array(region.ids.length + 1)
  const edgeAt = new Uint32Array(region.ids.length + 1)
  for (const [i, sample] of trees.samples.entries()) {
    vertexAt[labels[sample]!]!++
    if (trees.parents[i]! >= 0) edgeAt[labels[sample]!]!++
  }
  const order = labelsById(region.ids).filter(label => vertexAt[label]! > 0)
  const vertexStart = startsOf(order.map(label => vertexAt[label]!))
  const edgeStart = startsOf(order.map(label => edgeAt[label]!))
  for (const [i, label] of order.entries()) {
    vertexAt[label] = vertexStart[i]!
    edgeAt[label] = edgeStart[i]!
  }
  const firstVertex = vertexAt.slice()
  const place = new Uint32Array(trees.samples.length)
  const vertices = new Float32Array(3 * place.length)
  const radii = new Float32Array(place.length)
  const edges = new Uint32Array(2 * edgeStart[order.length]!)
  for (const [i, sample] of trees.samples.entries()) {
    const label = labels[sample]!
    const to = vertexAt[label]!++
    place[i] = to - firstVertex[label]!
    vertices.set(voxelCentre(sample, samples, region), 3 * to)
    radii[to] = trees.radii[i]!
    const parent = trees.parents[i]!
    if (parent >= 0) edges.set([place[parent]!, place[i]], 2 * edgeAt[label]!++)
  }
  const ids = BigUint64Array.from(order, label => region.ids[label - 1]!)
  return { ids, vertexStart, edgeStart, vertices, edges, radii }
}

/** Centre of the first voxel, in raster order, that gave a sample its label; nm. */
function voxelCentre(sample: number, { shape, labels, from, to }: Samples, region: RegionLabels): number[] {
  const x = sample % shape[0]
  const y = Math.floor(sample / shape[0]) % shape[1]
  const z = Math.floor(sample / (shape[0] * shape[1]))
  const [vx, vy] = region.shape
  const label = labels[sample]! - 1
  for (let k = from[2]![z]!; k < to[2]![z]!; k++)
    for (let j = from[1]![y]!; j < to[1]![y]!; j++)
      for (let i = from[0]![x]!; i < to[0]![x]!; i++)
        if (region.labels[i + vx * (j + vy * k)] === label)
          return [i, j, k].map((v, axis) => (region.origin[axis]! + v + 0.5) * region.voxelSizeNm[axis]!)
  throw new Error(`sample ${sample} has a label that none of its voxels has`)
}
