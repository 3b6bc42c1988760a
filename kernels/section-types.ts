// The shapes and parameters of the section kernels: tiles, stitches, matches between sections, alignment, rendering.

/** Half-open rectangle in section coordinates, pixels. */
export interface Rect {
  readonly min: readonly [number, number]
  readonly max: readonly [number, number]
}

/** Pixels of one camera image, x fastest, named as in the layout. */
export interface TileImage {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** A tile with the nominal stage position of its first pixel. Section coordinates are the frame of these positions. */
export interface SectionTile extends TileImage {
  readonly x: number
  readonly y: number
}

export interface TileQuality {
  readonly mean: number
  readonly std: number
  /** Fraction of pixels at 0 or 255. */
  readonly saturated: number
  /** Energy of the Laplacian over the variance: falls when the image is out of focus. */
  readonly focus: number
  readonly blank: boolean
}

/** [a, b, tx, c, d, ty]: (x, y) goes to (a x + b y + tx, c x + d y + ty). */
export type Affine = readonly [number, number, number, number, number, number]

/** Displacements at the nodes (x0 + i spacing, y0 + j spacing), x fastest; bilinear between them, constant outside. */
export interface Lattice<A = readonly number[]> {
  readonly spacing: number
  readonly nx: number
  readonly ny: number
  readonly x0: number
  readonly y0: number
  readonly dx: A
  readonly dy: A
}

/** Pixels at the sides, and x + y counted from each corner (top left, top right, bottom left, bottom right), without tissue. */
export interface CameraView {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  readonly corners: readonly [number, number, number, number]
}

export interface TileTransform {
  readonly name: string
  readonly width: number
  readonly height: number
  /** Tile pixel to section coordinates. */
  readonly affine: Affine
  /** What the shift alone leaves at the seams (lens distortion): tile pixel = inverse affine + lattice there. Null: nothing. */
  readonly mesh: Lattice | null
  /** Brightness relative to the section, to be divided by. */
  readonly gain: number
  /** Where other tiles cover, pixels outside are not shown. */
  readonly view: CameraView
}

/** One accepted patch of an overlap: the same structure lies at (ax, ay) of tile a and at (bx, by) of tile b. */
export interface TileMatch {
  readonly a: string
  readonly b: string
  readonly ax: number
  readonly ay: number
  readonly bx: number
  readonly by: number
  /** Correction to the nominal offset of b against a, pixels. */
  readonly dx: number
  readonly dy: number
  /** Normalised correlation of the two patches. */
  readonly score: number
  /** Distance of the two points in section coordinates under the solution, pixels. */
  readonly residual: number
}

/** What stitching one section gives; JSON-able. */
export interface SectionStitch {
  /** Sorted by name. */
  readonly transforms: readonly TileTransform[]
  readonly matches: readonly TileMatch[]
  /** Smallest rectangle that holds every tile. */
  readonly bounds: Rect
  readonly residualPx: { readonly median: number; readonly max: number }
  /** Grey values of the section after illumination and gain are taken out; pixels at 0 and 255 are left out. */
  readonly intensity: { readonly mean: number; readonly std: number; readonly histogram: readonly number[] }
  /** Relative brightness over the face of a tile, to be divided by; nodes span the first to the last pixel, x fastest. */
  readonly illumination: { readonly nx: number; readonly ny: number; readonly gain: readonly number[] }
  /** Tiles that overlap others but agree with none: they stay at the nominal position. */
  readonly unmatched: readonly string[]
  /** Mean of `tileQuality().focus` over the tiles. */
  readonly focus: number
}

/** A rendered section: pixel (i, j) covers section coordinates x0 + scale (i .. i + 1); 0 means that no tile covers it. */
export interface SectionImage {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  readonly x0: number
  readonly y0: number
  readonly scale: number
}

/** Where the structure of section a is found in section b; JSON-able. All lengths are section pixels at full scale. */
export interface SectionMatch extends Lattice {
  /** Per node: 0 = no match, else the normalised correlation (up to 1). */
  readonly confidence: readonly number[]
  /** Coarse transform: section a to section b coordinates. */
  readonly affine: Affine
  /** Fraction of the nodes covered by both sections that agree, and their median correlation. */
  readonly agreement: number
  readonly score: number
}

export interface SectionExtent {
  readonly z: number
  /** `stitch.focus`; sections without it are not judged by it. */
  readonly focus?: number
  /** `stitch.bounds`; null for a section without a usable tile. */
  readonly bounds: Rect | null
  /** Why it is not to be used, where that is known beforehand. */
  readonly excluded?: string
}

export interface AlignedSection {
  readonly z: number
  /** Aligned position p shows section position p + d(p). */
  readonly field: Lattice<Float32Array>
  /** Why the image of this section is not used; the nearest good section stands in for it. */
  readonly excluded?: string
  /** The section whose image is shown: z itself unless excluded. */
  readonly source: number
}

export interface Alignment {
  /** Ascending z. */
  readonly sections: readonly AlignedSection[]
  /** Median and maximum over the matches of the distance between what was measured and what the solution says, pixels. */
  readonly residualPx: { readonly median: number; readonly max: number }
}

/** What `renderSlab` needs of one section. Sections that are excluded are not passed. */
export interface SlabSection {
  readonly z: number
  /** At least those that `tilesInBox` names. */
  readonly tiles: readonly TileImage[]
  readonly stitch: SectionStitch
  readonly field: Lattice<Float32Array>
}

export interface StitchParams {
  /** Largest correction of a tile against its neighbour, pixels. */
  readonly maxShiftPx: number
  /** Side of the patches along a seam, pixels. */
  readonly patchPx: number
  /** Smallest normalised correlation that counts as a match. */
  readonly minScore: number
  /** Median residual of shifts alone above which tiles are bent by a mesh, pixels. */
  readonly elasticAbovePx: number
}

export interface MatchParams {
  /** Spacing of the nodes, pixels at full scale. */
  readonly spacingPx: number
  /** Largest translation between the two sections, pixels. */
  readonly maxShiftPx: number
  /** Largest deviation from the translation, pixels. */
  readonly searchPx: number
  /** Smallest normalised correlation that counts as a match. */
  readonly minScore: number
}

export interface AlignParams {
  /** Spacing of the nodes of the fields, pixels. */
  readonly spacingPx: number
  /** The mean displacement over the sections up to this many away is held to nought: slow drift over z is tissue. */
  readonly window: number
  /** How firmly it is held, relative to one match. */
  readonly anchor: number
  /** Stiffness against bending within a section, relative to one match. */
  readonly bending: number
  /** A pair counts only if this fraction of its nodes agrees. */
  readonly minAgreement: number
  /** A section is out of focus below this fraction of the median focus of the sections up to `window` away. */
  readonly minFocus: number
}

export interface RenderParams {
  /** `section` takes out illumination and brings the section to `mean` and `std`; `none` keeps the grey values. */
  readonly normalise: 'none' | 'section'
  readonly mean: number
  readonly std: number
  /** Width of the transition between two tiles, pixels. */
  readonly featherPx: number
  /** Where no tile of a section covers, sections this far away fill in, the nearest first (the lower on a tie). */
  readonly fillSections: number
}

export const stitchDefaults: StitchParams = Object.freeze({
  maxShiftPx: 48,
  patchPx: 64,
  minScore: 0.5,
  elasticAbovePx: 0.5,
})

export const matchDefaults: MatchParams = Object.freeze({ spacingPx: 32, maxShiftPx: 64, searchPx: 12, minScore: 0.4 })

export const alignDefaults: AlignParams = Object.freeze({
  spacingPx: 32,
  window: 5,
  anchor: 0.1,
  bending: 0.1,
  minAgreement: 0.3,
  minFocus: 0.75,
})

export const renderDefaults: RenderParams = Object.freeze({
  normalise: 'section',
  mean: 128,
  std: 32,
  featherPx: 16,
  fillSections: 3,
})
