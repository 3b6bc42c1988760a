// The shapes that the phantom takes and gives: what is asked for, the scene, the camera tiles and the ground truth.
import type { Box, Vec3 } from '../kernels/types.ts'

type DefectKind = 'missing' | 'blank' | 'truncated' | 'fold' | 'blur'

/** One planted defect; without `tile` ("r0c1") it strikes every tile of the section. */
interface PhantomDefect {
  readonly kind: DefectKind
  readonly section: number
  readonly tile?: string | undefined
}

interface PhantomDistortion {
  /** Largest displacement of one tile from its nominal stage position, pixels. */
  readonly jitterPx: number
  /** Largest rotation of one section about the centre of the specimen, degrees. */
  readonly rotationDeg: number
  /** Root-mean-square amplitude of the smooth deformation of one section, pixels. */
  readonly warpPx: number
  /** Loss of brightness in the corner of a tile, fraction. */
  readonly illumination: number
  /** Root-mean-square change of contrast from section to section, fraction. */
  readonly drift: number
  /** Standard deviation of shot noise at mid grey, grey levels. */
  readonly noise: number
}

/** What to make. Lengths are in voxels, which are isotropic. */
export interface PhantomSpec {
  readonly size: Vec3
  readonly voxelSizeNm: number
  readonly seed: number
  /** Radius range of thick neurites; thinner ones fill what these leave free. */
  readonly calibre: readonly [number, number]
  /** One synapse per this many voxels. */
  readonly voxelsPerSynapse: number
  readonly tiles: { readonly shape: readonly [number, number]; readonly overlap: number }
  readonly distortion: PhantomDistortion
  readonly defects: readonly PhantomDefect[]
}

type Spheres = Readonly<Record<'x' | 'y' | 'z' | 'r', Float64Array>>

/** Spheres in specimen coordinates, one row per sample; `owner` is the neurite id (1, 2, ...). */
export interface Samples extends Spheres {
  readonly owner: Uint32Array
}

/** The geometry of a specimen, small enough to pass around. Coordinates are specimen voxels and may lie in the margin. */
export interface PhantomScene {
  readonly seed: number
  /** Centre lines; `previous` is the row of the sample before it on the line (or at the branch point), -1 at a start. */
  readonly lines: Samples & { readonly previous: Int32Array }
  readonly mitochondria: Samples & { readonly body: Uint32Array }
  readonly vesicles: Samples
  /** Discs on the boundary of `pre` and `post`; (nx, ny, nz) is the unit normal that points into `pre`. */
  readonly synapses: Spheres &
    Readonly<Record<'nx' | 'ny' | 'nz', Float64Array>> &
    Readonly<Record<'pre' | 'post', Uint32Array>>
}

/** A cut-out of the specimen, x fastest. labels: neurite id, 0 = membrane and extracellular space. */
export interface PhantomVolume {
  readonly em: Uint8Array
  readonly labels: Uint32Array<ArrayBuffer>
}

/** One camera image. (x, y) is the nominal stage position of its first pixel. */
export interface PhantomTile extends Readonly<Record<'row' | 'col' | 'x' | 'y' | 'width' | 'height', number>> {
  readonly data: Uint8Array
}

export interface SectionTruth {
  readonly section: number
  readonly rotationDeg: number
  readonly shift: readonly [number, number]
  /** Multiplier and summand of grey levels. */
  readonly gain: number
  readonly offset: number
  /** Deformation at the nodes of a lattice: node (i, j) sits at (origin + spacing * (i, j)); x fastest. */
  readonly warp: {
    readonly spacing: number
    readonly origin: readonly [number, number]
    readonly nodes: readonly [number, number]
    readonly dx: readonly number[]
    readonly dy: readonly number[]
  }
  /** (dx, dy): true minus nominal stage position. */
  readonly tiles: readonly ({ readonly tile: string } & Readonly<Record<'x' | 'y' | 'dx' | 'dy', number>>)[]
}

export interface PhantomTruth {
  readonly size: Vec3
  readonly voxelSizeNm: number
  readonly seed: number
  readonly sections: readonly SectionTruth[]
  readonly defects: readonly {
    readonly kind: DefectKind
    readonly section: number
    readonly tiles: readonly string[]
    readonly fold?: Readonly<Record<'nx' | 'ny' | 'at' | 'width', number>>
  }[]
  readonly neurites: readonly { readonly id: number; readonly length: number }[]
  /** `size` is the radius of the cleft disc. */
  readonly synapses: readonly (Readonly<Record<'id' | 'pre' | 'post' | 'x' | 'y' | 'z' | 'size', number>> & {
    readonly prePoint: Vec3
    readonly postPoint: Vec3
  })[]
}

export interface SpecimenSlice extends Pick<PhantomVolume, 'em'> {
  readonly box: Box
}
