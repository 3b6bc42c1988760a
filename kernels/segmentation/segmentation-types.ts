// The tables that the segmentation kernels exchange: region adjacency graphs, merges and contingency tables.
import type { Vec3 } from '../types.ts'

/** Edges between supervoxels, or clusters of them; a < b, sorted by (a, b), each pair once. */
export interface Edges {
  readonly a: BigUint64Array
  readonly b: BigUint64Array
  /** Sum of the uint8 affinities of the voxel pairs in contact. */
  readonly sum: Float64Array
  /** Number of voxel pairs in contact. */
  readonly count: Float64Array
}

/** Edges that know what mean affinity they must reach. */
export interface ThresholdedEdges extends Edges {
  /** Highest threshold among the regions that the contacts lie in, as a probability 0..1. */
  readonly threshold: Float64Array
}

/** Supervoxels, or clusters by the smallest id in them; sorted by id. */
export interface Nodes {
  readonly id: BigUint64Array
  /** Voxels. */
  readonly size: Float64Array
  /** Bit mask of the faces of the region or tree node that it touches: -x, +x, -y, +y, -z, +z from bit 0. */
  readonly faces: Uint8Array
}

/** Region adjacency graph of a region; edges across its low faces have one end outside. */
export interface RegionGraph {
  readonly edges: Edges
  readonly nodes: Nodes
}

/** What one tree node joined: cluster `from[i]` became part of cluster `to[i]` < `from[i]`; sorted by `from`. */
export interface Merges {
  readonly from: BigUint64Array
  readonly to: BigUint64Array
}

/** What a tree node starts from, and what it leaves to its parent. */
export interface OpenGraph {
  readonly edges: ThresholdedEdges
  readonly nodes: Nodes
}

export interface AgglomerateResult extends OpenGraph {
  readonly merges: Merges
}

export interface ChildGraph extends OpenGraph {
  /** Place of the child in its parent: 0 or 1 on each axis. */
  readonly octant: Vec3
}

/** Voxels shared by each pair of segment and ground-truth object; sorted by (seg, gt), each pair once. */
export interface Contingency {
  readonly seg: BigUint64Array
  readonly gt: BigUint64Array
  readonly count: Float64Array
  /** Where the first voxel of each pair lies, in an order of the voxels. */
  readonly first: Float64Array
}

/** Agreement of a segmentation with ground truth; VOI in bits. */
export interface Scores {
  /** H(seg | gt): rises with splits. */
  readonly voiSplit: number
  /** H(gt | seg): rises with false merges. */
  readonly voiMerge: number
  readonly voiSum: number
  /** Adapted Rand error, 1 - 2PR/(P+R). */
  readonly arand: number
  /** Voxels with ground truth. */
  readonly voxels: number
  readonly segments: number
  readonly objects: number
}

/** Segments of one segmentation against those of another; ids ascending. */
export interface SegmentChanges {
  readonly split: { readonly segment: bigint; readonly into: readonly bigint[] }[]
  readonly merged: { readonly segment: bigint; readonly from: readonly bigint[] }[]
  /** Of the first: no voxel of it belongs to any segment of the second. */
  readonly gone: bigint[]
  /** Of the second: no voxel of it belonged to any segment of the first. */
  readonly fresh: bigint[]
  /** One and the same but for its id. */
  readonly renamed: { readonly segment: bigint; readonly to: bigint }[]
}
