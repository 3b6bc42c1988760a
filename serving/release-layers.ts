// Virtual precomputed layers: what a release's manifest says, in the words of Neuroglancer's format.
import type { Json } from '../domain/canonical.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { PackLayer, Release, VolumeLayer } from '../domain/release.ts'
import { mipLayouts, ownerOf } from '../storage/formats/layouts.ts'
import { volumeInfo } from '../storage/formats/precomputed/info.ts'
import { shardGrid } from '../storage/formats/precomputed/shard-grid.ts'

/** Whether a pack layer is there and holds anything. */
export const has = (layer: PackLayer | undefined): layer is PackLayer =>
  layer !== undefined && Object.keys(layer.artifacts).length > 0

/** The `info` of a volume of the release; scale keys are mip numbers, so that a shard's name is its path in the artifact. */
export function layerInfo(release: Release, layer: VolumeLayer): Json {
  const { mesh, skeleton, graph } = release.layers
  const segmentation = layer.kind === 'segmentation'
  return volumeInfo({
    type: layer.kind,
    dataType: layer.dataType,
    channels: layer.channels,
    encoding: layer.encoding,
    voxelSizeNm: release.voxelSizeNm,
    bounds: release.bounds,
    chunk: layer.chunk,
    mips: mipLayouts(release, layer).map((m, i) => ({
      factor: layer.mips[i]!.factor,
      sharding: shardGrid(m).spec,
    })),
    ...(segmentation && has(mesh) && { mesh: 'mesh' }),
    ...(segmentation && has(skeleton) && { skeletons: 'skeleton' }),
    ...(segmentation && has(graph) && { segmentProperties: 'segment_properties' }),
  })
}

/**
 * Artifact that owns a shard of either layout, by its path below the layer; null where the release has a hole.
 * @returns undefined when the path is not the name of a shard of this volume
 */
export function shardOwner(release: Release, layer: VolumeLayer, path: string): ArtifactRef | null | undefined {
  const mip = Number(/^\d+(?=\/)/.exec(path)?.[0] ?? -1)
  const layout = mipLayouts(release, layer)[mip]
  const cell = layout && ownerOf(layout, path)
  return cell === undefined ? undefined : (layer.mips[mip]!.artifacts[cell] ?? null)
}
