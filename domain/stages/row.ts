// What a row of the stage table may say, and what rows have in common.
import type { z } from 'zod'
import { Shape } from '../geometry.ts'
import { params } from '../values.ts'

/** What one activity is about: a slab of a synthetic specimen, a batch of sections or of pairs of them, a region, a node of the region tree, a range of all segments by the hash of their ids, all of the dataset, a release. */
type Scope = 'slab' | 'section' | 'pair' | 'dataset' | 'region' | 'node' | 'range' | 'release'

/** The voxels that every region holds in plain chunks. */
export interface VolumeOf<D extends 'uint8' | 'uint64' = 'uint8' | 'uint64'> {
  readonly dtype: D
  readonly encoding: 'raw' | 'compressed_segmentation'
  readonly channels?: number
}

/** A layer of a release, as the output of a stage. */
export type Layer =
  /** Mips in shards, one artifact for each node of the tree; `regions`: the stage that makes the voxels themselves. */
  | { readonly layer: string; readonly kind: 'image' | 'segmentation'; readonly regions: string }
  /** Of each segment of the layer `of`, in shards. */
  | { readonly layer: string; readonly kind: 'meshes' | 'skeletons'; readonly of: string }
  /** Lines from one segment of the layer `of` to another, in the folder of the layer's name. */
  | { readonly layer: string; readonly kind: 'annotations'; readonly of: string }
  /** Parquet files, without the ending; with `of` also properties of the segments of that layer, in `segment_properties/`. */
  | { readonly layer: string; readonly kind: 'tables'; readonly files: readonly string[]; readonly of?: string }

export interface StageRow {
  /** Raise it when the bytes that the stage makes from the same recipe change. */
  readonly version: number
  readonly scope: Scope
  /**
   * All regions (or sections, nodes) finish a phase before a later one reads them, so what reads neighbours (`+`) has a later phase than they.
   * A phase begins when those are over that its stages rest on; a row stands after what it reads.
   */
  readonly phase: string
  /** File below activities/ that exports its activity, under the name of the stage in camel case; a stage of another package brings its own. */
  readonly code?: string
  /**
   * Stages whose artifacts it reads: of the same region or node; with `+` also of the neighbouring regions (halo), with `<`
   * of the children of the node instead, with `>` of its parent.
   */
  readonly inputs: readonly string[]
  /** Voxels around its own region that it sees of an input, or below and above it; or the parameter that says so. */
  readonly halo?: Readonly<Record<string, number | readonly [low: number, high: number] | string>>
  readonly makes: string
  readonly volume?: VolumeOf
  readonly layers?: readonly Layer[]
  readonly parameters: z.ZodType
  /** The role under which a run file names the model that it uses, and what the model must give. Without one the stage, and what reads it, is left out of a run, unless a kernel does instead. */
  readonly model?: {
    readonly role: string
    /** That it reads; a model may have more. */
    readonly channels: number
    /** Neighbours that the first channels must be about. */
    readonly offsetsZYX?: readonly (readonly [number, number, number])[]
    readonly orKernel?: true
  }
  /** Runs that have it; what reads it does without in others. */
  readonly only?: 'synthetic' | 'unaligned'
  /** It reads the files of the source. */
  readonly source?: true
  /** What a person has excluded that it leaves out. */
  readonly leavesOut?: 'sections' | 'boxes'
  /** Overrides of regions count for the leaves of this stage of the tree: a leaf asks its region, and those below it along each axis. */
  readonly overrides?: 'lower'
  /** Lowest level of the tree that has a node of it; 0 if left out. */
  readonly lowest?: number
  /**
   * It merges up the tree what the regions have to say of their segments, for ranges to read: at the levels from 1 up to the lowest
   * with at most 64 nodes. Where the regions are no more, there is none of it, and ranges read what it would be made from.
   */
  readonly directory?: true
  readonly queue: 'cpu' | 'inference'
  readonly retry: { readonly attempts: number; readonly firstSeconds: number; readonly backoff: number }
  /** Longest time of one attempt, and longest silence of one, in seconds. */
  readonly timeout: { readonly attempt: number; readonly heartbeat: number }
  /** Seconds of computing per million voxels of the dataset in examples/demo.yaml on two cores that had other work: what a plan goes by where nothing was measured. */
  readonly demoSeconds?: number
  /** What is checked before the artifact may be committed, in words. */
  readonly checks: readonly string[]
}

/** How a volume is laid out for its readers. */
export const layout = {
  chunk: Shape.default([64, 64, 64]).describe('Voxels of a chunk, x, y, z: what a viewer fetches at least.'),
  shard: Shape.default([512, 512, 512]).describe(
    'A shard, which is one object, is no larger than this along any axis, and never larger than what one tree node owns.',
  ),
}

export const em = { dtype: 'uint8', encoding: 'raw' } as const
export const labels = { dtype: 'uint64', encoding: 'compressed_segmentation' } as const

const retry = { attempts: 5, firstSeconds: 1, backoff: 2 } as const
export const timeout = { attempt: 1800, heartbeat: 12 } as const
/** What most rows have in common. */
export const cpu = { queue: 'cpu', retry, timeout, parameters: params({}), checks: [] } as const
