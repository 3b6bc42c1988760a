// Virtual precomputed layers: what a release's manifest says, in the words of Neuroglancer's format.
import type { Json } from '../domain/canonical.ts'
import { key, map3 } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { PackLayer, Release, VolumeLayer } from '../domain/release.ts'
import { mipBounds } from '../domain/tree.ts'
import { parseChunkName, volumeInfo } from '../storage/formats/precomputed.ts'

/** Whether a pack layer is there and holds anything. */
export const has = (layer: PackLayer | undefined): layer is PackLayer =>
  layer !== undefined && Object.keys(layer.artifacts).length > 0

/** The `info` of a volume of the release; scale keys are mip numbers, so that a chunk's name is its path in the artifact. */
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
    factors: layer.mips.map(m => m.factor),
    ...(segmentation && has(mesh) && { mesh: 'mesh' }),
    ...(segmentation && has(skeleton) && { skeletons: 'skeleton' }),
    ...(segmentation && has(graph) && { segmentProperties: 'segment_properties' }),
  })
}

/**
 * Artifact that owns the chunk `<mip>/x0-x1_y0-y1_z0-z1`; null where the release has a hole.
 * @returns undefined when the path is not the name of a chunk of this volume
 */
export function chunkOwner(release: Release, layer: VolumeLayer, path: string): ArtifactRef | null | undefined {
  const [level = '', name = ''] = path.split('/')
  const mip = /^\d+$/.test(level) ? layer.mips[Number(level)] : undefined
  const box = mip && parseChunkName(name, mipBounds(release.bounds, mip.factor))
  if (!box || path !== `${Number(level)}/${name}`) return undefined
  return mip.artifacts[key(map3(a => Math.floor(box.min[a] / mip.cell[a])))] ?? null
}
