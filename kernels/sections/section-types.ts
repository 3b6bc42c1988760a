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

/** A tile without its pixels. */
export type TilePlace = Omit<SectionTile, 'data'>

/** [a, b, tx, c, d, ty]: (x, y) goes to (a x + b y + tx, c x + d y + ty). */
export type Affine = readonly [number, number, number, number, number, number]

/** Nodes at (x0 + i spacing, y0 + j spacing), x fastest. */
export type Grid = Readonly<Record<'spacing' | 'nx' | 'ny' | 'x0' | 'y0', number>>

/** Displacements at the nodes; bilinear between them, constant outside. */
export interface Lattice<A = readonly number[]> extends Grid {
  readonly dx: A
  readonly dy: A
}

/** Pixels at the sides, and x + y counted from each corner (top left, top right, bottom left, bottom right), without tissue. */
export interface CameraView extends Readonly<Record<'left' | 'top' | 'right' | 'bottom', number>> {
  readonly corners: readonly [number, number, number, number]
}

export interface TileTransform extends Omit<TileImage, 'data'> {
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
export interface PatchMatch<T> extends Readonly<Record<'ax' | 'ay' | 'bx' | 'by', number>> {
  readonly a: T
  readonly b: T
  /** Normalised correlation of the two patches. */
  readonly score: number
}

/** With the correction to the nominal offset of b against a, and the distance of the two points under the solution, pixels. */
export interface TileMatch extends PatchMatch<string> {
  readonly dx: number
  readonly dy: number
  readonly residual: number
}

/** Median and maximum over the matches of the distance between what was measured and what the solution says, pixels. */
export interface Residuals {
  readonly median: number
  readonly max: number
}

/** What stitching one section gives; JSON-able. */
export interface SectionStitch {
  /** Sorted by name. */
  readonly transforms: readonly TileTransform[]
  readonly matches: readonly TileMatch[]
  /** Smallest rectangle that holds every tile. */
  readonly bounds: Rect
  readonly residualPx: Residuals
  /** Grey values of the section after illumination and gain are taken out; pixels at 0 and 255 are left out. */
  readonly intensity: { readonly mean: number; readonly std: number; readonly histogram: readonly number[] }
  /** Relative brightness over the face of a tile, to be divided by; nodes span the first to the last pixel, x fastest. */
  readonly illumination: { readonly nx: number; readonly ny: number; readonly gain: readonly number[] }
  /** Tiles that overlap others but agree with none: they stay at the nominal position. */
  readonly unmatched: readonly string[]
  /** Mean of `sharpness` over the tiles. */
  readonly focus: number
}

/** A rendered section: pixel (i, j) covers section coordinates x0 + scale (i .. i + 1); 0 means that no tile covers it. */
export interface SectionImage extends Omit<TileImage, 'name'> {
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

/** A match of two sections, by z. */
export interface SectionPair {
  readonly a: number
  readonly b: number
  readonly match: SectionMatch
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

/** How well two sections agree, as far as the choice of sections looks at it. */
export interface Agreement extends Pick<SectionPair, 'a' | 'b'> {
  readonly match: Pick<SectionMatch, 'agreement'>
}

export interface ShownSection {
  readonly z: number
  /** Why the image of this section is not used; the nearest good section stands in for it. */
  readonly excluded?: string
  /** The section whose image, with its field, is shown: z itself unless excluded. */
  readonly source: number
}

/** Sections that are solved together: their `own` fields count, those of the sections `around` (own ones included) only have a say. */
export interface AlignmentSlab {
  readonly own: readonly number[]
  readonly around: readonly number[]
}

export interface AlignmentPlan {
  /** Ascending z. */
  readonly sections: readonly ShownSection[]
  /** Nodes of all fields: aligned position p shows section position p + d(p). */
  readonly grid: Grid
  readonly slabs: readonly AlignmentSlab[]
}

/** What `renderSlab` needs of one section. Sections that are excluded are not passed. */
export interface SlabSection {
  readonly z: number
  /** At least those that `tilesInBox` names. */
  readonly tiles: readonly TileImage[]
  readonly stitch: SectionStitch
  readonly field: Lattice<Float32Array>
}

// Parameters stand with their meaning in the stage table: lengths in pixels at full scale, scores are normalised correlations.

export type StitchParams = Readonly<Record<'maxShiftPx' | 'patchPx' | 'minScore' | 'elasticAbovePx', number>>

export type MatchParams = Readonly<Record<'spacingPx' | 'maxShiftPx' | 'searchPx' | 'minScore', number>>

export type AlignParams = Readonly<
  Record<'spacingPx' | 'window' | 'anchor' | 'bending' | 'minAgreement' | 'minFocus', number>
>

export interface RenderParams extends Readonly<Record<'mean' | 'std' | 'featherPx' | 'fillSections', number>> {
  /** `section` takes out illumination and brings the section to `mean` and `std`; `none` keeps the grey values. */
  readonly normalise: 'none' | 'section'
}
