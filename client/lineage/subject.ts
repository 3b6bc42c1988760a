// What a question about lineage is about: a release, an artifact, a voxel, a segment or a synapse; and the artifacts that hold it.
import { HillockError } from '../../domain/errors.ts'
import { fromKey, key, map3, type Vec3 } from '../../domain/geometry.ts'
import { blockOf } from '../../domain/ids.ts'
import { refOf } from '../../domain/provenance/lineage-summary.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { artifactAt, fromOrigin, LayerName, type Release } from '../../domain/release.ts'
import { parseInput } from '../../domain/index/reads.ts'
import { layers, stages } from '../../domain/stages.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeArrays } from '../../storage/formats/arrays.ts'
import { readParquet } from '../../storage/formats/parquet.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { listReleases } from '../../storage/releases.ts'
import { datasets, findRelease, readRelease } from '../catalogue.ts'

const READS = 32
/** Stages whose artifacts of a region hold a segment. */
const OF_SEGMENT = ['segment', 'mesh', 'skeleton']

export interface Subject {
  readonly release: Release
  readonly records: readonly Lineage[]
  /** In words; null when it is the release itself. */
  readonly what: string | null
  readonly focus: readonly Lineage[]
}

const FORMS =
  'RELEASE, RELEASE/LAYER@x,y,z, RELEASE/segment:ID, RELEASE/synapse:ID or STAGE/RECIPE; RELEASE is a release or a channel, DATASET/NAME if several'

/** @throws HillockError ConfigError when there is nothing of that name. */
export async function subjectOf(objects: ObjectStore, text: string): Promise<Subject> {
  const [, stage, recipe] = /^([a-z-]+)\/([0-9a-f]{64})$/.exec(text) ?? []
  if (recipe !== undefined) {
    const release = await releaseWith(objects, stage!, recipe)
    const records = await recordsOf(objects, release)
    return { release, records, what: text, focus: records.filter(r => r.recipeId === recipe) }
  }
  const [, name = text, kind, rest] = /^(.+)\/([a-z-]+)[@:](-?\d+(?:,-?\d+)*)$/.exec(text) ?? []
  const release = await findRelease(objects, name)
  const records = await recordsOf(objects, release)
  if (kind === undefined) return { release, records, what: null, focus: [] }
  const none = (why: string): HillockError => new HillockError('ConfigError', `${text}: ${why}; give it as ${FORMS}`)
  const of = (refs: readonly (ArtifactRef | undefined)[]): Subject => {
    const wanted = new Set(refs.flatMap(r => (r ? [r.recipe] : [])))
    if (wanted.size === 0) throw none('no artifact of the release holds it')
    return { release, records, what: text.slice(name.length + 1), focus: records.filter(r => wanted.has(r.recipeId)) }
  }
  if (kind === 'segment') return of(await segmentAt(objects, release, records, BigInt(rest!)))
  if (kind === 'synapse') return of(await synapseAt(objects, release, records, BigInt(rest!)))
  const layer = LayerName.safeParse(kind)
  if (!layer.success || !/^-?\d+,-?\d+,-?\d+$/.test(rest!)) throw none('is no place of a layer')
  const held = release.layers[layer.data]
  const voxel = fromOrigin(release, fromKey(rest!.replaceAll(',', '_')))
  return of(
    !held
      ? []
      : 'mips' in held
        ? [artifactAt(release, held, voxel)]
        : regionRefs(records, release, voxel, regional(layer.data)),
  )
}

async function releaseWith(objects: ObjectStore, stage: string, recipe: string): Promise<Release> {
  for (const dataset of await datasets(objects))
    for (const name of await listReleases(objects, dataset)) {
      const release = await readRelease(objects, dataset, name)
      if (release?.stages[stage]?.some(ref => ref.recipe === recipe)) return release
    }
  throw new HillockError('ConfigError', `no release names an artifact ${stage}/${recipe}`)
}

/** Every lineage record behind a release. @throws HillockError MissingArtifact when one is gone. */
export async function recordsOf(objects: ObjectStore, release: Release): Promise<Lineage[]> {
  const artifacts = artifactStore(objects, { quarantined: true })
  const refs = Object.values(release.stages).flat()
  return mapBounded(refs, READS, async ref => (await artifacts.open(ref)).lineage)
}

/** Stages of regions that a layer without voxels is put together from. */
const regional = (layer: LayerName): string[] =>
  layers
    .filter(l => l.layer === layer)
    .flatMap(l => stages[l.stage].inputs.map(i => parseInput(i).stage))
    .filter(s => stages[s].scope === 'region')

/** Artifacts of some stages whose box holds a voxel. */
function regionRefs(
  records: readonly Lineage[],
  { regionShape }: Release,
  voxel: Vec3,
  stages: readonly string[],
): ArtifactRef[] {
  const region = key(map3(a => Math.floor(voxel[a] / regionShape[a])))
  return records.flatMap(r => {
    const { stage, extent } = r.recipe
    if (!stages.includes(stage) || typeof extent === 'string' || !('min' in extent)) return []
    return key(map3(a => Math.floor(extent.min[a] / regionShape[a]))) === region ? [refOf(r)] : []
  })
}

/**
 * Regions are looked at from the one of the segment's smallest supervoxel outwards: what belongs together touches across faces, so that
 * no more than the segment and its surroundings is read.
 */
async function segmentAt(
  objects: ObjectStore,
  release: Release,
  records: readonly Lineage[],
  id: bigint,
): Promise<ArtifactRef[]> {
  const artifacts = artifactStore(objects, { quarantined: true })
  const { regionShape } = release
  const block = records.find(r => r.recipe.stage === 'supervoxel')?.recipe.parameters['block'] as Vec3 | undefined
  if (!block) return []
  const home = map3(a => Math.floor((blockOf(id)[a] * block[a]) / regionShape[a]))
  const seen = new Set([key(home)])
  const found: ArtifactRef[] = []
  for (let open: Vec3[] = [home]; open.length > 0;) {
    const inside = await mapBounded(open, READS, async region => {
      const at = map3(a => region[a] * regionShape[a])
      const table = regionRefs(records, release, at, ['merge-table'])[0]
      if (!table) return []
      const { to } = decodeArrays(await artifacts.get(table, 'table.bin')) as { to: BigUint64Array }
      if (!to.includes(id)) return []
      found.push(...regionRefs(records, release, at, OF_SEGMENT))
      return [0, 1, 2].flatMap(axis => [-1, 1].map(d => map3(a => region[a] + (a === axis ? d : 0))))
    })
    open = inside.flat().filter(r => !seen.has(key(r)) && seen.add(key(r)))
  }
  return found
}

async function synapseAt(
  objects: ObjectStore,
  release: Release,
  records: readonly Lineage[],
  id: bigint,
): Promise<ArtifactRef[]> {
  const artifacts = artifactStore(objects, { quarantined: true })
  const graph = Object.values(release.layers.synapses?.artifacts ?? {})[0]
  if (!graph) return []
  const columns = new Map(
    (await readParquet(await artifacts.get(graph, 'synapses.parquet'))).map(c => [c.name, c.data]),
  )
  const row = Array.from(columns.get('id') as ArrayLike<bigint>, BigInt).indexOf(id)
  if (row < 0) return []
  const at = (['x', 'y', 'z'] as const).map(c => Math.floor(Number(columns.get(c)![row])))
  return [...regionRefs(records, release, at as unknown as Vec3, ['synapse']), graph]
}
