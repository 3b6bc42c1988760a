// A release as a plain static layout: what lies at each path, told by the manifest; served path by path, exported as files.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { PackLayer, Release, VolumeLayer } from '../domain/release.ts'
import type { ArtifactStore } from './artifacts.ts'
import { mipLayouts, ownerOf } from './formats/layouts.ts'
import { volumeInfo } from './formats/precomputed/info.ts'
import { shardGrid } from './formats/precomputed/shard-grid.ts'
import { zarrShardShape } from './formats/zarr-shard.ts'
import { zarrMetadata, type ZarrVolume } from './formats/zarr.ts'

/** A document, or an output of an artifact. */
type StaticFile = { readonly json: Json } | { readonly ref: ArtifactRef; readonly path: string }

/** Whether a pack layer is there and holds anything. */
export const has = (layer: PackLayer | undefined): layer is PackLayer =>
  layer !== undefined && Object.keys(layer.artifacts).length > 0

/** The `info` of a volume of the release; scale keys are mip numbers, so that a shard's name is its path in the artifact. */
function layerInfo(release: Release, layer: VolumeLayer): Json {
  const { mesh, skeleton, graph } = release.layers
  const segmentation = layer.kind === 'segmentation'
  return volumeInfo({
    type: layer.kind,
    dataType: layer.dataType,
    channels: layer.channels,
    encoding: layer.encoding,
    voxelSizeNm: release.voxelSizeNm,
    bounds: release.bounds,
    offset: release.offset,
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

const zarrVolume = (release: Release, name: string, layer: VolumeLayer): ZarrVolume => ({
  name,
  dataType: layer.dataType,
  channels: layer.channels,
  voxelSizeNm: release.voxelSizeNm,
  bounds: release.bounds,
  offset: release.offset,
  chunk: layer.chunk,
  mips: mipLayouts(release, layer).map((m, i) => ({ factor: layer.mips[i]!.factor, shard: zarrShardShape(m) })),
})

const known = new WeakMap<Release, ReadonlyMap<string, Json>>()

/** What no artifact holds: `info` of the volumes, and the metadata of both as one OME-Zarr group. */
function documents(release: Release): ReadonlyMap<string, Json> {
  const cached = known.get(release)
  if (cached) return cached
  const { em, segmentation } = release.layers
  const labels = segmentation ? [zarrVolume(release, 'segmentation', segmentation)] : []
  const zarr = [...zarrMetadata(zarrVolume(release, 'em', em), labels)]
  const made = new Map<string, Json>([
    ['em/info', layerInfo(release, em)],
    ...(segmentation ? [['segmentation/info', layerInfo(release, segmentation)] as const] : []),
    ...zarr.map(([path, json]) => [`zarr/${path}`, JSON.parse(canonicalJson(json)) as Json] as const),
  ])
  known.set(release, made)
  return made
}

/** A folder of the layout that shows some outputs of some artifacts. */
interface Mount {
  readonly at: string
  /** Prefix of those outputs in their artifact. */
  readonly of: string
  readonly artifacts: readonly ArtifactRef[]
  /** Artifact of an output; null where the release has a hole, undefined where there is no such path. */
  owner(output: string): ArtifactRef | null | undefined
}

/** Those further down come first: `segmentation/mesh/` before `segmentation/`. */
function mounts(release: Release): Mount[] {
  const { em, segmentation, mesh, skeleton, graph, synapses } = release.layers
  const objects = (at: string, of: string, layer: PackLayer | undefined, only = /./): Mount[] => {
    const ref = layer?.artifacts['all']
    return ref ? [{ at, of, artifacts: [ref], owner: output => (only.test(output) ? ref : undefined) }] : []
  }
  const volume = (at: string, of: string, layer: VolumeLayer): Mount => ({
    at,
    of,
    artifacts: layer.mips.flatMap(m => Object.values(m.artifacts)),
    owner(output) {
      const mip = Number(/^\d+(?=\/)/.exec(output)?.[0] ?? -1)
      const layout = mipLayouts(release, layer)[mip]
      const cell = layout && output.includes('/c/') === (of !== '') ? ownerOf(layout, output) : undefined
      return cell === undefined ? undefined : (layer.mips[mip]!.artifacts[cell] ?? null)
    },
  })
  return [
    ...objects('segmentation/mesh/', '', mesh),
    ...objects('segmentation/skeleton/', '', skeleton),
    ...objects('segmentation/segment_properties/', 'segment_properties/', graph),
    ...objects('synapses/', 'synapses/', synapses),
    ...objects('tables/', '', graph, /^[^/]+\.parquet$/),
    ...(segmentation ? [volume('zarr/labels/segmentation/', 'zarr/', segmentation)] : []),
    volume('zarr/', 'zarr/', em),
    ...(segmentation ? [volume('segmentation/', '', segmentation)] : []),
    volume('em/', '', em),
  ]
}

/** What lies at a path; null where the release has a hole, undefined where it has nothing. Whether the artifact has that output, its record says. */
export function staticFile(release: Release, path: string): StaticFile | null | undefined {
  const json = documents(release).get(path)
  if (json !== undefined) return { json }
  const mount = mounts(release).find(m => path.startsWith(m.at))
  const output = mount && path.slice(mount.at.length)
  const ref = mount?.owner(output!)
  return ref ? { ref, path: `${mount!.of}${output}` } : ref
}

export type ListedFile =
  | { readonly path: string; readonly json: Json }
  | {
      readonly path: string
      readonly ref: ArtifactRef
      readonly output: string
      readonly bytes: number
      readonly sha256: string
    }

/** Every file of the layout: the documents, then what the records of the artifacts name. */
export async function* staticFiles(release: Release, artifacts: ArtifactStore): AsyncGenerator<ListedFile> {
  for (const [path, json] of documents(release)) yield { path, json }
  for (const mount of mounts(release))
    for (const ref of mount.artifacts)
      for (const o of (await artifacts.open(ref)).outputs) {
        if (!o.path.startsWith(mount.of)) continue
        const path = `${mount.at}${o.path.slice(mount.of.length)}`
        const found = staticFile(release, path)
        if (found && 'ref' in found && found.ref.recipe === ref.recipe && found.path === o.path)
          yield { path, ref, output: o.path, bytes: o.bytes, sha256: o.sha256 }
      }
}
