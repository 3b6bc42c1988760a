// Releases: immutable manifests that map every layer, region by region, to the artifacts that hold it.
import { z } from 'zod'
import { canonicalJson, type Json } from './canonical.ts'
import { Box, Shape, subtract, Vec3 } from './geometry.ts'
import { ArtifactRef } from './lineage.ts'
import { Digest, sha256 } from './recipe.ts'
import { EM, layers, type LayerName as Name, type VolumeName } from './stages.ts'

const RefMap = z.record(z.string().regex(/^\d+_\d+_\d+$|^all$/), ArtifactRef)

/** A multiscale volume: every mip is a grid of cells, each the whole property of one artifact. */
export const VolumeLayer = z.strictObject({
  kind: z.enum(['image', 'segmentation']),
  dataType: z.enum(['uint8', 'uint64']),
  channels: z.literal(1),
  /** Of the proofreading layout. */
  encoding: z.enum(['raw', 'jpeg', 'png', 'compressed_segmentation']),
  /** Shape of the chunks of both layouts, and the largest shape of a shard. */
  chunk: Shape,
  shard: Shape,
  /** Artifact of each region: its voxels in plain chunks, as the stages between exchange them. Absent where the release names roots only. */
  regions: RefMap.exactOptional(),
  mips: z.array(
    z.strictObject({
      /** Cumulative downsampling of this mip, per axis. */
      factor: Shape,
      /** Shape, in voxels of this mip, of the box that one artifact owns. */
      cell: Shape,
      /** Artifact of each cell, by grid coordinate `x_y_z`: whole shards in both layouts. Absent where the release names roots only. */
      artifacts: RefMap.exactOptional(),
    }),
  ),
})
export type VolumeLayer = z.infer<typeof VolumeLayer>

/** Objects packed per range of segments, or for the whole dataset (`all`). Empty where the release names roots only. */
const PackLayer = z.strictObject({ artifacts: RefMap.exactOptional() })
type PackLayer = z.infer<typeof PackLayer>

export const Hole = z.strictObject({ stage: z.string(), what: z.string(), reason: z.string() })
export type Hole = z.infer<typeof Hole>

/** A block or region that failed on every attempt, and not something that the data lack or a person has left out. */
export const isPoison = (h: Hole): boolean => /^(block|region) \d+_\d+_\d+$/.test(h.what)

export const Quality = z.strictObject({
  voiSplit: z.number().optional(),
  voiMerge: z.number().optional(),
  voiSum: z.number().optional(),
  arand: z.number().optional(),
  /** The same without the voxels of the truth that touch another object. */
  voiSumInner: z.number().optional(),
  arandInner: z.number().optional(),
  /** Of the best agglomeration of the fragments: what no linkage could better by much. */
  voiSumFragments: z.number().optional(),
  /** Expected run length, and its share of what the truth itself would have. */
  erlUm: z.number().optional(),
  nerl: z.number().optional(),
  segments: z.number().int().optional(),
  objects: z.number().int().optional(),
  synapsePrecision: z.number().optional(),
  synapseRecall: z.number().optional(),
  synapseF1: z.number().optional(),
  partnerAccuracy: z.number().optional(),
  stitchResidualPx: z.number().optional(),
  alignResidualPx: z.number().optional(),
})
export type Quality = z.infer<typeof Quality>

export const LayerName = z.enum(layers.map(l => l.layer) as [Name, ...Name[]])
export type LayerName = Name

type Held = { em: VolumeLayer } & { [L in VolumeName]?: VolumeLayer } & {
  [L in Exclude<LayerName, VolumeName>]?: PackLayer
}
const Layers = z.strictObject(
  Object.fromEntries(
    layers.map(l => {
      const held = 'regions' in l ? VolumeLayer : PackLayer
      return [l.layer, l.layer === EM ? held : held.optional()]
    }),
  ),
) as unknown as z.ZodType<Held>

/** Artifacts that a manifest lists at the most; one of more names the roots of the index. */
export const LISTED = 4096
/** Holes that such a one lists. */
export const HOLES_LISTED = 1000

export const Release = z.strictObject({
  dataset: z.string(),
  release: z.string(),
  /** Digest of the content alone: equal voxels, meshes and tables give an equal digest, whenever and wherever made. */
  digest: Digest,
  /**
   * The same for each layer by itself. That of a volume does not depend on the shape of the regions where the artifacts are listed; where
   * only roots are named it is the sum of its stage in the index, which does.
   */
  layerDigests: z.partialRecord(LayerName, Digest),
  parent: z.string().nullable(),
  voxelSizeNm: z.tuple([z.number(), z.number(), z.number()]).readonly(),
  bounds: Box,
  /** Where the dataset's origin lies in the coordinates of its source, in voxels; absent where they are the same. */
  offset: Vec3.optional(),
  regionShape: Shape,
  layers: Layers,
  /** Every artifact behind the release, stage by stage, for lineage and audit; absent where there are more than `LISTED`. */
  stages: z.record(z.string(), z.array(ArtifactRef)).exactOptional(),
  /** Instead of them how many each stage has: the release names roots only. */
  counts: z.record(z.string(), z.number().int().nonnegative()).exactOptional(),
  /** Root of the index of each phase, in the raw archive: lists all of them by stage and cell. */
  pages: z.record(z.string(), Digest),
  quality: Quality,
  /** All of them, or where the release names roots only the first `HOLES_LISTED` of the index. */
  holes: z.array(Hole),
  /** How many there are in all, where the release names roots only. */
  holeCount: z.number().int().nonnegative().exactOptional(),
  cost: z.number().nonnegative(),
  run: z.strictObject({ workflowId: z.string(), runId: z.string() }),
  /** The resolved run file, in the raw archive; absent from releases made before it was kept. */
  config: Digest.optional(),
  codeRevision: z.string(),
  approver: z.string(),
})
export type Release = z.infer<typeof Release>

/** What a manifest says about the run that made it, and not about what was made: another run may make the same release. */
const aboutTheRun = new Set(['release', 'parent', 'cost', 'run', 'config', 'codeRevision', 'approver'])

/** Whether a field of the manifest, or one below it, is part of what names the release. */
export const namesRelease = (field: string): boolean => !aboutTheRun.has(field.split('.')[0]!)

/** Names a release by all that its manifest says about what was made. */
export const releaseName = (manifest: Partial<Release>): string =>
  sha256(canonicalJson(Object.fromEntries(Object.entries(manifest).filter(([k]) => namesRelease(k))) as Json)).slice(
    0,
    16,
  )

/** Digest of all that a manifest says. */
export const manifestDigest = (manifest: Release): Digest => sha256(canonicalJson(manifest as unknown as Json))

/** A voxel as a viewer shows it, in voxels of the source, as one that counts from the dataset's origin. */
export const fromOrigin = ({ offset }: Release, voxel: Vec3): Vec3 => (offset ? subtract(voxel, offset) : voxel)

/** Holes in all. */
export const holesIn = (r: Release): number => r.holeCount ?? r.holes.length

export const CHANNELS = ['candidate', 'published'] as const
export type Channel = (typeof CHANNELS)[number]
