// A release as a plain static layout: what lies at each path, told by the manifest; served path by path, exported as files.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import { rangeName } from '../domain/index/grid.ts'
import type { ArtifactRef, Output } from '../domain/lineage.ts'
import type { Release, VolumeLayer } from '../domain/release.ts'
import { EM, layers, type LayerRow, type StageName } from '../domain/stages.ts'
import type { ArtifactStore } from './artifacts.ts'
import { mipLayouts, ownerOf } from './formats/layouts.ts'
import { rangeOfFile, tableOf } from './formats/precomputed/by-id.ts'
import { volumeInfo } from './formats/precomputed/info.ts'
import { shardGrid } from './formats/precomputed/shard-grid.ts'
import { zarrShardShape } from './formats/zarr-shard.ts'
import { zarrMetadata, type ZarrVolume } from './formats/zarr.ts'
import type { ObjectStore } from './object-store.ts'
import { artifactOf, cellCount, cellsOf, isVolume } from './release-index.ts'

/** A document, or an output of an artifact. */
type StaticFile = { readonly json: Json } | { readonly ref: ArtifactRef; readonly path: string }

/** Whether a release has a layer that holds anything. */
export const has = (release: Release, l: LayerRow): boolean =>
  l.layer in release.layers && (isVolume(l) || cellCount(release, l.stage) > 0)

const heldBy = (release: Release): LayerRow[] => layers.filter(l => has(release, l))

const OPENED = ['image', 'segmentation', 'annotations']

/** Layers that a viewer opens by themselves, in a folder of their name: what is drawn over others comes later. */
export const ownFolders = (release: { readonly layers: object }): LayerRow[] =>
  OPENED.flatMap(kind => layers.filter(l => l.kind === kind && l.layer in release.layers))

/** Where what belongs to the segments of a volume lies below it, and how its `info` calls that. */
const BESIDE = {
  meshes: { key: 'mesh', folder: 'mesh' },
  skeletons: { key: 'skeletons', folder: 'skeleton' },
  tables: { key: 'segmentProperties', folder: 'segment_properties' },
} as const

/** The `info` of a volume of the release; scale keys are mip numbers, so that a shard's name is its path in the artifact. */
function layerInfo(release: Release, name: string, layer: VolumeLayer): Json {
  const beside = heldBy(release).flatMap(l =>
    'of' in l && l.of === name && l.kind !== 'annotations' ? [BESIDE[l.kind]] : [],
  )
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
    ...Object.fromEntries(beside.map(({ key, folder }) => [key, folder])),
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

const volumesOf = (release: Release): [string, VolumeLayer][] =>
  layers.flatMap((l): [string, VolumeLayer][] => {
    const held = release.layers[l.layer as typeof EM] as VolumeLayer | undefined
    return isVolume(l) && held ? [[l.layer, held]] : []
  })

/** Where a volume lies as OME-Zarr. */
export const zarrFolder = (name: string, kind: VolumeLayer['kind']): string =>
  name === EM ? 'zarr/' : kind === 'image' ? `${name}.zarr/` : `zarr/labels/${name}/`

/** Worked out once for each release that is in memory. */
function once<T extends object>(work: (release: Release) => T): (release: Release) => T {
  const known = new WeakMap<Release, T>()
  return release => {
    const found = known.get(release) ?? work(release)
    known.set(release, found)
    return found
  }
}

/** What no artifact holds: `info` of the volumes, and the metadata of both as one OME-Zarr group. */
const documents = once((release): ReadonlyMap<string, Json> => {
  const volumes = volumesOf(release)
  const zarrs = volumes.map(([name, v]) => zarrVolume(release, name, v))
  // Labels belong to the image that every release has; another image is a group of its own.
  const groups = zarrs
    .filter((_, i) => volumes[i]![1].kind === 'image')
    .map(image => ({ image, labels: image.name === EM ? zarrs.filter((_, i) => volumes[i]![1].kind !== 'image') : [] }))
  return new Map<string, Json>([
    ...volumes.map(([name, v]) => [`${name}/info`, layerInfo(release, name, v)] as const),
    ...groups.flatMap(({ image, labels }) =>
      [...zarrMetadata(image, labels)].map(
        ([path, json]) =>
          [`${zarrFolder(image.name, 'image')}${path}`, JSON.parse(canonicalJson(json)) as Json] as const,
      ),
    ),
  ])
})

/** A folder of the layout that shows some outputs of what a stage has made. */
interface Mount {
  readonly at: string
  /** Prefix of those outputs in their artifact. */
  readonly of: string
  readonly stage: StageName
  /** Cell whose artifact has an output; undefined where there is no such path. */
  readonly cell: (output: string) => string | undefined
}

/** Those further down come first: `segmentation/mesh/` before `segmentation/`. */
const mounts = once((release): readonly Mount[] => {
  const pack = ({ stage }: LayerRow, at: string, of = '', only?: readonly string[]): Mount => {
    const ranges = cellCount(release, stage)
    const cell = (output: string): string => rangeName(rangeOfFile(output, ranges), ranges)
    return { at, of, stage, cell: output => (!only || only.includes(tableOf(output) ?? '') ? cell(output) : undefined) }
  }
  const volume = ({ stage }: LayerRow, at: string, of: string, layer: VolumeLayer): Mount => ({
    at,
    of,
    stage,
    cell(output) {
      const mip = Number(/^\d+(?=\/)/.exec(output)?.[0] ?? -1)
      const layout = mipLayouts(release, layer)[mip]
      const cell = layout && output.includes('/c/') === (of !== '') ? ownerOf(layout, output) : undefined
      return cell && `${mip}/${cell}`
    },
  })
  const ofLayer = (l: LayerRow): Mount[] => {
    if (isVolume(l)) {
      const held = release.layers[l.layer as typeof EM]
      return [volume(l, `${l.layer}/`, '', held), volume(l, zarrFolder(l.layer, l.kind), 'zarr/', held)]
    }
    if (l.kind === 'annotations') return [pack(l, `${l.layer}/`, `${l.layer}/`)]
    if (l.kind !== 'tables') return [pack(l, `${l.of}/${BESIDE[l.kind].folder}/`)]
    const { folder } = BESIDE.tables
    return [
      pack(l, 'tables/', '', l.files),
      ...(l.of === undefined ? [] : [pack(l, `${l.of}/${folder}/`, `${folder}/`)]),
    ]
  }
  return heldBy(release)
    .flatMap(ofLayer)
    .sort((a, b) => b.at.split('/').length - a.at.split('/').length)
})

/** First parts of the paths of a release. */
export const foldersOf = (release: Release): string[] => [
  ...new Set(mounts(release).map(m => m.at.slice(0, m.at.indexOf('/')))),
]

/** What lies at a path; null where the release has a hole, undefined where it has nothing. Whether the artifact has that output, its record says. */
export async function staticFile(
  objects: ObjectStore,
  release: Release,
  path: string,
): Promise<StaticFile | null | undefined> {
  const json = documents(release).get(path)
  if (json !== undefined) return { json }
  for (const { at, of, stage, cell } of mounts(release)) {
    const output = path.slice(at.length)
    const named = path.startsWith(at) ? cell(output) : undefined
    if (named === undefined) continue
    const ref = await artifactOf(objects, release, stage, named)
    return ref ? { ref, path: `${of}${output}` } : null
  }
  return undefined
}

export type ListedFile =
  | { readonly path: string; readonly json: Json }
  | (Omit<Output, 'path'> & { readonly path: string; readonly ref: ArtifactRef; readonly output: string })

/** Every file of the layout: the documents, then what the records of the artifacts name. */
export async function* staticFiles(release: Release, artifacts: ArtifactStore): AsyncGenerator<ListedFile> {
  for (const [path, json] of documents(release)) yield { path, json }
  const all = mounts(release)
  for (const mount of all)
    for await (const [cell, ref] of cellsOf(artifacts.objects, release, mount.stage))
      for (const o of (await artifacts.open(ref)).outputs) {
        if (!o.path.startsWith(mount.of)) continue
        const output = o.path.slice(mount.of.length)
        const path = `${mount.at}${output}`
        // What a folder further down shows is not shown twice.
        const first = all.find(m => path.startsWith(m.at) && m.cell(path.slice(m.at.length)) !== undefined)
        if (first === mount && mount.cell(output) === cell && !documents(release).has(path))
          yield { path, ref, output: o.path, bytes: o.bytes, sha256: o.sha256 }
      }
}
