// The analysis layout of a release as one OME-Zarr group: the EM, and the segmentation as its label image.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { Release, VolumeLayer } from '../domain/release.ts'
import { mipLayouts } from '../storage/formats/layouts.ts'
import { zarrShardShape } from '../storage/formats/zarr-shard.ts'
import { zarrMetadata, type ZarrVolume } from '../storage/formats/zarr.ts'
import { shardOwner } from './release-layers.ts'

const LABELS = 'labels/segmentation/'

const volume = (release: Release, name: string, layer: VolumeLayer): ZarrVolume => ({
  name,
  dataType: layer.dataType,
  channels: layer.channels,
  voxelSizeNm: release.voxelSizeNm,
  bounds: release.bounds,
  chunk: layer.chunk,
  mips: mipLayouts(release, layer).map((m, i) => ({ factor: layer.mips[i]!.factor, shard: zarrShardShape(m) })),
})

/** The metadata object at a path of the group, or the artifact and path of a shard; undefined: nothing is there. */
export function zarrObject(
  release: Release,
  path: string,
): { json: Json } | { ref: ArtifactRef; path: string } | undefined {
  const { em, segmentation } = release.layers
  const metadata = zarrMetadata(
    volume(release, 'em', em),
    segmentation ? [volume(release, 'segmentation', segmentation)] : [],
  )
  const json = metadata.get(path)
  if (json !== undefined) return { json: JSON.parse(canonicalJson(json)) as Json }
  const layer = path.startsWith(LABELS) ? segmentation : em
  const shard = path.startsWith(LABELS) ? path.slice(LABELS.length) : path
  const ref = layer && shard.includes('/c/') && shardOwner(release, layer, shard)
  return ref ? { ref, path: `zarr/${shard}` } : undefined
}
