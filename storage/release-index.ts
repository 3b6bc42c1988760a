// Where the artifacts of a release are found: in the listing of its manifest, or, where that names roots only, in the index below them.
import { cellOfExtent } from '../domain/index/index-node.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import type { Recipe } from '../domain/recipe.ts'
import type { Release } from '../domain/release.ts'
import { layers, stages, type LayerName, type LayerRow, type StageName, type VolumeRow } from '../domain/stages.ts'
import { artifactBelow, entriesBelow, nodeReader } from './index-nodes.ts'
import type { ObjectStore } from './object-store.ts'

/** Artifacts that are looked at of a release where all would be too many: most releases have fewer. */
const SAMPLE = 4096

export const isVolume = (l: LayerRow): l is VolumeRow => 'regions' in l

type Listing = Readonly<Record<string, ArtifactRef>>

/** What the manifest lists of a stage that makes a layer, by cell; of the mips of a volume those of one mip. */
function listingOf(release: Release, stage: string, mip = 0): Listing | undefined {
  for (const l of layers) {
    const held = release.layers[l.layer as LayerName]
    if (!held || (l.stage !== stage && !(isVolume(l) && l.regions === stage))) continue
    if (!('mips' in held)) return held.artifacts
    return l.stage === stage ? held.mips[mip]?.artifacts : held.regions
  }
  return undefined
}

/** Whether the cells of a stage are those of the mips of a volume: `mip/x_y_z`. */
const isMips = (stage: string): boolean => layers.some(l => isVolume(l) && l.stage === stage)

/** Root of the index that lists what a stage has made; none where the release goes without. */
const rootsOf = (release: Release, stage: string): string[] => {
  const phase = of<{ phase: string }>(stages, stage)?.phase
  const root = phase && release.pages[phase]
  return root === undefined ? [] : [root]
}

/** The artifact that a stage has made of a cell, as the index names cells; undefined where the release has none: a hole, or no such cell. */
export async function artifactOf(
  objects: ObjectStore,
  release: Release,
  stage: StageName,
  cell: string,
): Promise<ArtifactRef | undefined> {
  const [mip, at] = isMips(stage) ? cell.split('/') : ['0', cell]
  const listed = listingOf(release, stage, Number(mip))
  if (listed) return listed[at!]
  for (const root of rootsOf(release, stage)) return artifactBelow(objects, root, stage, cell)
  return undefined
}

/** All artifacts of a stage that makes a layer, by cell. */
export async function* cellsOf(
  objects: ObjectStore,
  release: Release,
  stage: StageName,
): AsyncGenerator<readonly [cell: string, ref: ArtifactRef]> {
  if (!listingOf(release, stage))
    for await (const e of entriesBelow(nodeReader(objects), rootsOf(release, stage), s => s === stage))
      yield [e.cell, e.ref]
  else if (!isMips(stage)) yield* Object.entries(listingOf(release, stage)!)
  else
    for (let mip = 0, of; (of = listingOf(release, stage, mip)); mip++)
      for (const [cell, ref] of Object.entries(of)) yield [`${mip}/${cell}`, ref]
}

/** How many cells a stage that makes a layer has filled. */
export function cellCount(release: Release, stage: StageName): number {
  const listed = listingOf(release, stage)
  return listed ? Object.keys(listed).length : countOf(release, stage)
}

/** Stages that have made something of a release. */
export const stagesIn = (release: Release): string[] => Object.keys(release.stages ?? release.counts ?? {})

/** Whatever somebody may have asked for: `constructor` is no stage. */
const of = <T>(byStage: Readonly<Record<string, T>> | undefined, stage: string): T | undefined =>
  byStage && Object.hasOwn(byStage, stage) ? byStage[stage] : undefined

export const countOf = (release: Release, stage: string): number =>
  of(release.stages, stage)?.length ?? of(release.counts, stage) ?? 0

/** All artifacts of a stage. */
export async function* artifactsOf(objects: ObjectStore, release: Release, stage: string): AsyncGenerator<ArtifactRef> {
  if (release.stages) yield* of(release.stages, stage) ?? []
  else for await (const [, ref] of cellsOf(objects, release, stage as StageName)) yield ref
}

/** Every artifact behind a release, as a manifest lists them: by stage and recipe. */
export async function allArtifacts(objects: ObjectStore, release: Release): Promise<ArtifactRef[]> {
  const byStage = await Array.fromAsync(stagesIn(release), s => Array.fromAsync(artifactsOf(objects, release, s)))
  const name = (r: ArtifactRef): string => `${r.stage} ${r.recipe}`
  return byStage.flat().sort((a, b) => (name(a) < name(b) ? -1 : 1))
}

/** The first artifact of a stage: the only one, where it makes one of the dataset. */
export async function firstOf(objects: ObjectStore, release: Release, stage: string): Promise<ArtifactRef | undefined> {
  for await (const ref of artifactsOf(objects, release, stage)) return ref
  return undefined
}

/** All artifacts behind a release by stage; of one that has more than anybody looks at the first of each stage. */
export async function sampleOf(
  objects: ObjectStore,
  release: Release,
): Promise<Record<string, readonly ArtifactRef[]>> {
  const names = stagesIn(release)
  const total = names.reduce((n, s) => n + countOf(release, s), 0)
  const most = total <= SAMPLE ? SAMPLE : Math.ceil(SAMPLE / names.length)
  const out: Record<string, ArtifactRef[]> = {}
  for (const stage of names) {
    const refs: ArtifactRef[] = (out[stage] = [])
    for await (const ref of artifactsOf(objects, release, stage)) if (refs.push(ref) >= most) break
  }
  return out
}

/** Whether a release rests on an artifact. @param extent as its record, or a mark of it, tells */
export async function restsOn(
  objects: ObjectStore,
  release: Release,
  { stage, recipe }: Pick<ArtifactRef, 'stage' | 'recipe'>,
  extent: Recipe['extent'],
): Promise<boolean> {
  const row = Object.hasOwn(stages, stage) ? stages[stage as StageName] : undefined
  // Without its record nobody knows any more which cell an artifact filled.
  const lost = extent === 'dataset' && row?.scope !== 'dataset'
  if (row && !release.stages && !lost) {
    const name = stage as StageName
    const found = await artifactOf(objects, release, name, cellOfExtent(name, extent, release.regionShape))
    return found?.recipe === recipe
  }
  for await (const ref of artifactsOf(objects, release, stage)) if (ref.recipe === recipe) return true
  return false
}
