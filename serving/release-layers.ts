// Virtual precomputed layers: what a release's manifest says, in the words of Neuroglancer's format.
//
// Format: github.com/google/neuroglancer, src/datasource/precomputed/volume, mesh and skeleton.
import { key, map3, shapeOf } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { Release, VolumeLayer } from '../domain/release.ts'
import { mipBounds } from '../domain/tree.ts'
import { BLOCK_SHAPE } from '../storage/formats/compressed-segmentation.ts'
import { CHUNK } from '../storage/formats/volume.ts'

/** The `info` of a volume; scale keys are mip numbers, so that a chunk's name is its path in the artifact. */
export function volumeInfo(release: Release, layer: VolumeLayer): Record<string, unknown> {
  const { bounds, voxelSizeNm, layers } = release
  const segmentation = layer.kind === 'segmentation'
  return {
    '@type': 'neuroglancer_multiscale_volume',
    type: layer.kind,
    data_type: layer.dataType,
    num_channels: layer.channels,
    scales: layer.mips.map(({ factor }, mip) => {
      const box = mipBounds(bounds, factor)
      return {
        key: String(mip),
        size: shapeOf(box),
        voxel_offset: box.min,
        resolution: map3(a => voxelSizeNm[a] * factor[a]),
        chunk_sizes: [CHUNK],
        encoding: layer.encoding,
        ...(layer.encoding === 'compressed_segmentation' ? { compressed_segmentation_block_size: BLOCK_SHAPE } : {}),
      }
    }),
    ...(segmentation && layers.mesh ? { mesh: 'mesh' } : {}),
    ...(segmentation && layers.skeleton ? { skeletons: 'skeleton' } : {}),
    ...(segmentation && layers.graph ? { segment_properties: 'segment_properties' } : {}),
  }
}

export const meshInfo = { '@type': 'neuroglancer_legacy_mesh' }

export const skeletonInfo = {
  '@type': 'neuroglancer_skeletons',
  // Positions are in nanometres already.
  transform: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
  vertex_attributes: [{ id: 'radius', data_type: 'float32', num_components: 1 }],
}

const CHUNK_NAME = /^(\d+)\/(\d+)-(\d+)_(\d+)-(\d+)_(\d+)-(\d+)$/

/**
 * Artifact that owns the chunk `<mip>/x0-x1_y0-y1_z0-z1`; null where the release has a hole.
 * @returns undefined when the path is not the name of a chunk of this volume
 */
export function chunkOwner(layer: VolumeLayer, path: string): ArtifactRef | null | undefined {
  const match = CHUNK_NAME.exec(path)
  const mip = match && layer.mips[Number(match[1])]
  if (!mip) return undefined
  const cell = map3(a => Math.floor(Number(match[2 + 2 * a]) / mip.cell[a]))
  return mip.artifacts[key(cell)] ?? null
}
