// What activities are given when a worker starts: stores, the kernel pool, inference, and the facts of lineage.
import type { Box, Vec3 } from '../domain/geometry.ts'
import type { Outcome } from '../domain/contract/artifacts.ts'
import type { SetAside } from '../domain/plan/marks.ts'
import type { Runtime } from '../domain/lineage.ts'
import type { Recipe } from '../domain/recipe.ts'
import type { StageName } from '../domain/stages.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import type { ObjectStore } from '../storage/object-store.ts'

const leaving = new WeakSet<ArrayBufferLike>()

/** An array that the caller has no use for after the kernel that takes it: it is moved there. Nobody else may hold its memory. */
export function moved<T extends ArrayBufferView>(array: T): T {
  leaving.add(array.buffer)
  return array
}

export const isMoved = (buffer: ArrayBufferLike): boolean => leaving.has(buffer)

/**
 * Runs a kernel in the thread pool: a function that a file of kernels/ or specimen/ exports. Arguments are copied, but for arrays
 * that are `moved`; typed arrays of the result are moved. The kernel counts its signs of life in `ticks`.
 */
export type Compute = <A extends unknown[], R>(
  kernel: (...args: A) => R,
  args: NoInfer<A>,
  signal?: AbortSignal,
  ticks?: Int32Array,
) => Promise<Awaited<R>>

export interface InferenceRequest {
  /** Digest of the ONNX file, and its path, or what reads it where the process does not hold it yet. */
  readonly digest: string
  readonly model: string | (() => Promise<Uint8Array>)
  /** Input sides must be multiples of this. */
  readonly multipleOf: number
  /** Channels that the output must have. */
  readonly outputs?: number
  /** uint8 EM, x fastest. */
  readonly em: Uint8Array
  readonly shape: Vec3
  /** Of a model that gives less than it gets: by how many voxels at each face, and how many it gets around `core`; reflected beyond `em`. */
  readonly cropped?: Cropped
  /** What of the output is wanted, relative to `shape`, and how many of its channels. */
  readonly core: Box
  readonly channels: number
  /** The model sees the input in so many mirror images as well as in itself, and what it says of a pair of voxels is put together. */
  readonly flips?: Flips
}

export interface Cropped {
  readonly cropped: number
  readonly halo: number
}

export interface Flips {
  /** The block as it is and reversed along all axes, or along each set of axes. */
  readonly images: 2 | 8
  readonly combine: 'minimum' | 'mean'
  /** x, y, z from a voxel to the other one that a channel is about: a mirror image exchanges the two. */
  readonly offsets: readonly Vec3[]
}

/** uint8 output of the model over `core`, channel slowest, x fastest. @throws HillockError ModelMismatch, ComputeLost */
export type Infer = (request: InferenceRequest, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>

/** Set while a plan is made: nothing is computed or written, what would be is noted. */
export interface Planning {
  /** Stands in for an artifact that would be made from `recipe`; `marks` say why those of its earlier generations do not serve. */
  wouldMake(stage: StageName, key: string, recipe: Recipe, marks: readonly SetAside[]): Promise<Outcome>
  /** Stands in for one that cannot be told yet, because what it reads would be made first. */
  follows(stage: StageName, key: string, e: PendingInput): Promise<Outcome>
}

/** Thrown in a plan by the look at an artifact that is not made yet. */
export class PendingInput extends Error {
  readonly cell: string
  constructor(cell: string) {
    super(`${cell} is not made yet`)
    this.cell = cell
  }
}

export interface Deps {
  readonly objects: ObjectStore
  readonly artifacts: ArtifactStore
  readonly compute: Compute
  readonly infer: Infer
  readonly codeRevision: string
  readonly runtime: Runtime
  readonly planning?: Planning
  /** File with the private key that signs what is published. */
  readonly signingKey?: string | undefined
}
