// What a question about lineage is about: a release, an artifact, a voxel, a segment or a synapse; and the artifacts that hold it.
import { configError, type HillockError } from '../../domain/errors.ts'
import { fromKey, key, map3, type Vec3 } from '../../domain/geometry.ts'
import { blockOf, synapseIds, voxelOfSynapse } from '../../domain/ids.ts'
import { rangeName } from '../../domain/index/grid.ts'
import { refOf } from '../../domain/provenance/lineage-summary.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { fromOrigin, LayerName, type Release } from '../../domain/release.ts'
import { parseInput } from '../../domain/index/reads.ts'
import { layers, stages, type StageName } from '../../domain/stages.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeArrays } from '../../storage/formats/arrays.ts'
import { rangeOfId } from '../../storage/formats/precomputed/by-id.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { artifactOf, cellCount, firstOf, isVolume, restsOn } from '../../storage/release-index.ts'
import { recordsBehind, type ReleaseRecords } from '../../storage/release-records.ts'
import { listReleases } from '../../storage/releases.ts'
import { datasets, findRelease, readRelease } from '../catalogue.ts'

const READS = 32
/** Stages whose artifacts of a region hold a segment. */
const OF_SEGMENT: readonly StageName[] = ['segment', 'mesh', 'skeleton']

export interface Subject {
  readonly release: Release
  readonly records: readonly Lineage[]
  /** Behind the release, by stage: all, or the first. */
  readonly artifacts: ReleaseRecords['artifacts']
  /** In words; null when it is the release itself. */
  readonly what: string | null
  readonly focus: readonly Lineage[]
}

const FORMS =
  'RELEASE, RELEASE/LAYER@x,y,z, RELEASE/segment:ID, RELEASE/synapse:ID or STAGE/RECIPE; RELEASE is a release or a channel, DATASET/NAME if several'

/** @throws HillockError ConfigError when there is nothing of that name. */
export async function subjectOf(objects: ObjectStore, text: string): Promise<Subject> {
  const [, stage, recipe] = /^([a-z-]+)\/([0-9a-f]{64})$/.exec(text) ?? []
  const about = async (release: Release, what: string | null, refs: readonly ArtifactRef[]): Promise<Subject> => {
    const { records, artifacts } = await recordsOf(objects, release, refs)
    const focus = [...new Set(refs.map(r => r.recipe))].map(r => records.get(r)!)
    return { release, records: [...records.values()], artifacts, what, focus }
  }
  if (recipe !== undefined) {
    const record = await artifactStore(objects).lineage(stage!, recipe)
    const release = record && (await releaseWith(objects, record))
    if (!release) throw configError(`no release names an artifact ${stage}/${recipe}`)
    return about(release, text, [refOf(record)])
  }
  const [, name = text, kind, rest] = /^(.+)\/([a-z-]+)[@:](-?\d+(?:,-?\d+)*)$/.exec(text) ?? []
  const release = await findRelease(objects, name)
  if (kind === undefined) return about(release, null, [])
  const none = (why: string): HillockError => configError(`${text}: ${why}; give it as ${FORMS}`)
  const of = (refs: readonly ArtifactRef[]): Promise<Subject> => {
    if (refs.length === 0) throw none('no artifact of the release holds it')
    return about(release, text.slice(name.length + 1), refs)
  }
  if (kind === 'segment') return of(await segmentAt(objects, release, BigInt(rest!)))
  if (kind === 'synapse') return of(await synapseAt(objects, release, BigInt(rest!)))
  const layer = LayerName.safeParse(kind)
  if (!layer.success || !/^-?\d+,-?\d+,-?\d+$/.test(rest!)) throw none('is no place of a layer')
  const voxel = fromOrigin(release, fromKey(rest!.replaceAll(',', '_')))
  return of(release.layers[layer.data] ? await regionRefs(objects, release, voxel, regional(layer.data)) : [])
}

async function releaseWith(objects: ObjectStore, record: Lineage): Promise<Release | undefined> {
  for (const dataset of await datasets(objects))
    for (const name of await listReleases(objects, dataset)) {
      const release = await readRelease(objects, dataset, name)
      if (release && (await restsOn(objects, release, refOf(record), record.recipe.extent))) return release
    }
  return undefined
}

/** Lineage records behind a release. @throws HillockError MissingArtifact when one is gone. */
export function recordsOf(
  objects: ObjectStore,
  release: Release,
  focus: readonly ArtifactRef[] = [],
): Promise<ReleaseRecords> {
  const artifacts = artifactStore(objects, { quarantined: true })
  return recordsBehind(objects, release, async ref => (await artifacts.open(ref)).lineage, focus)
}

/** Stages of regions that hold what a layer shows: its voxels, or what it is put together from. */
const regional = (layer: LayerName): StageName[] =>
  layers
    .filter(l => l.layer === layer)
    .flatMap(l => (isVolume(l) ? [l.regions as StageName] : stages[l.stage].inputs.map(i => parseInput(i).stage)))
    .filter(s => stages[s].scope === 'region')

/** Artifacts of some stages whose region holds a voxel. */
async function regionRefs(
  objects: ObjectStore,
  release: Release,
  voxel: Vec3,
  of: readonly StageName[],
): Promise<ArtifactRef[]> {
  const region = key(map3(a => Math.floor(voxel[a] / release.regionShape[a])))
  return (await Promise.all(of.map(stage => artifactOf(objects, release, stage, region)))).flatMap(r => r ?? [])
}

/**
 * Regions are looked at from the one of the segment's smallest supervoxel outwards: what belongs together touches across faces, so that
 * no more than the segment and its surroundings is read.
 */
async function segmentAt(objects: ObjectStore, release: Release, id: bigint): Promise<ArtifactRef[]> {
  const artifacts = artifactStore(objects, { quarantined: true })
  const { regionShape } = release
  const any = await firstOf(objects, release, 'supervoxel')
  if (!any) return []
  const block = (await artifacts.open(any)).lineage.recipe.parameters['block'] as unknown as Vec3
  const home = map3(a => Math.floor((blockOf(id)[a] * block[a]) / regionShape[a]))
  const seen = new Set([key(home)])
  const found: ArtifactRef[] = []
  for (let open: Vec3[] = [home]; open.length > 0;) {
    const inside = await mapBounded(open, READS, async region => {
      const at = map3(a => region[a] * regionShape[a])
      const [table] = await regionRefs(objects, release, at, ['merge-table'])
      if (!table) return []
      const { to } = decodeArrays(await artifacts.get(table, 'table.bin')) as { to: BigUint64Array }
      if (!to.includes(id)) return []
      found.push(...(await regionRefs(objects, release, at, OF_SEGMENT)))
      return [0, 1, 2].flatMap(axis => [-1, 1].map(d => map3(a => region[a] + (a === axis ? d : 0))))
    })
    open = inside.flat().filter(r => !seen.has(key(r)) && seen.add(key(r)))
  }
  return found
}

interface SynapseColumns extends Record<'x' | 'y' | 'z', Float64Array> {
  readonly pre: BigUint64Array
}

async function synapseAt(objects: ObjectStore, release: Release, id: bigint): Promise<ArtifactRef[]> {
  const artifacts = artifactStore(objects, { quarantined: true })
  const [found] = await regionRefs(objects, release, voxelOfSynapse(id), ['synapse'])
  if (!found) return []
  const table = decodeArrays(await artifacts.get(found, 'synapses.bin')) as unknown as SynapseColumns
  const row = synapseIds(table).indexOf(id)
  if (row < 0) return []
  const of = cellCount(release, 'graph')
  const lists = of > 0 && (await artifactOf(objects, release, 'graph', rangeName(rangeOfId(table.pre[row]!, of), of)))
  return [found, ...(lists ? [lists] : [])]
}
