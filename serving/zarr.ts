// The analysis layout of a release as one OME-Zarr group: the EM, and the segmentation as its label image.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import { key, map3, type Vec3 } from '../domain/geometry.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { Release, VolumeLayer } from '../domain/release.ts'
import { CHUNK } from '../storage/formats/volume.ts'
import { zarrMetadata, type ZarrVolume } from '../storage/formats/zarr.ts'

const LABELS = 'labels/segmentation/'
const CHUNK_PATH = /^(\d+)\/c\/(\d+)\/(\d+)\/(\d+)$/

const volume = (release: Release, name: string, layer: VolumeLayer): ZarrVolume => ({
  name,
  dataType: layer.dataType,
  channels: layer.channels,
  voxelSizeNm: release.voxelSizeNm,
  bounds: release.bounds,
  factors: layer.mips.map(m => m.factor),
})

/** The metadata object at a path of the group, or the artifact and path of a chunk; undefined: nothing is there. */
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
  const chunk = path.startsWith(LABELS) ? path.slice(LABELS.length) : path
  const numbers = CHUNK_PATH.exec(chunk)?.slice(1).map(Number) as [number, number, number, number] | undefined
  const mip = numbers && layer?.mips[numbers[0]]
  if (!numbers || !mip) return undefined
  const [, z, y, x] = numbers
  const at: Vec3 = [x, y, z]
  const ref = mip.analysis[key(map3(a => Math.floor((at[a] * CHUNK[a]) / mip.cell[a])))]
  return ref && { ref, path: `zarr/${chunk}` }
}
