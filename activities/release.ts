// Release manifests: what a run made, as one unit, held against the thresholds of the run file.
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { RunConfig } from '../domain/config.ts'
import { workflowIds, type Assembled, type IndexEntry, type Refs, type ReleaseInput } from '../domain/contract.ts'
import { HillockError } from '../domain/errors.ts'
import type { ArtifactRef } from '../domain/lineage.ts'
import { contentDigest, sha256, type Digest } from '../domain/recipe.ts'
import { Release, releaseName, type LayerName, type VolumeLayer } from '../domain/release.ts'
import { mipFactor, rootLevel } from '../domain/tree.ts'
import { getRelease, putRelease } from '../storage/releases.ts'
import type { Deps } from './context.ts'
import { refuseMarked } from './marks.ts'
import { entriesBelow } from './pages.ts'
import { mipCell } from './pyramid.ts'
import { qualityOf } from './quality.ts'
import { configOf } from './source.ts'

/** Writes the manifest if there is none of the same content, and holds its quality against the gate of the run file. */
export async function assemble(deps: Deps, input: ReleaseInput): Promise<Assembled> {
  const { context } = input
  const config = await configOf(deps, context.config)
  const entries: IndexEntry[] = []
  for await (const e of entriesBelow(deps, Object.values(input.roots))) entries.push(e)
  await refuseMarked(deps, entries)
  const holes = entries
    .flatMap(e => e.holes ?? [])
    .sort((a, b) => (`${a.stage} ${a.what}` < `${b.stage} ${b.what}` ? -1 : 1))
  const layers: Release['layers'] = { em: volumeLayer(entries, context, 'em', config) }
  if (context.through === 'evaluate') {
    layers.segmentation = volumeLayer(entries, context, 'segmentation', config)
    layers.mesh = { artifacts: refsOf(entries, 'mesh-join') }
    layers.skeleton = { artifacts: refsOf(entries, 'skeleton-join') }
    layers.synapses = { artifacts: refsOf(entries, 'graph') }
    layers.graph = { artifacts: refsOf(entries, 'graph') }
  }
  const layerDigests: Partial<Record<LayerName, Digest>> = {}
  for (const [name, layer] of Object.entries(layers))
    if (layer) layerDigests[name as LayerName] = await layerDigest(deps, layer)
  const digest = sha256(canonicalJson(layerDigests as Json))
  const quality = await qualityOf(deps, entries)
  const stages = Object.fromEntries(
    [...new Set(entries.map(e => e.stage))].sort().map(s => [s, artifactsOf(entries, s)]),
  )
  // The name says what is in it, artifact by artifact: the same run again is the same release.
  const release = releaseName({ dataset: context.dataset, digest, stages })
  const manifest = Release.parse({
    dataset: context.dataset,
    release,
    digest,
    layerDigests,
    parent: input.patch?.parent ?? null,
    voxelSizeNm: context.voxelSizeNm,
    bounds: context.bounds,
    regionShape: context.region,
    layers,
    stages,
    quality,
    pages: input.roots,
    holes,
    cost: input.cost,
    run: { workflowId: workflowIds.reconstruct(context.dataset, context.run), runId: input.runId },
    config: context.config,
    codeRevision: deps.codeRevision,
    approver: config.release.approval === 'required' ? 'approval gate' : input.approver,
  } satisfies Release)
  await putRelease(deps.objects, context.dataset, release, canonicalJson(manifest as unknown as Json))
  const { gate, channel, approval } = config.release
  const refusals = (['voiSum', 'arand'] as const).flatMap(k => {
    const limit = gate[k]
    if (limit === undefined) return []
    const value = quality[k]
    if (value === undefined) return [`release.gate.${k} is ${limit}, but nothing was evaluated`]
    return value <= limit ? [] : [`${k} is ${value.toFixed(3)}, the gate allows ${limit}`]
  })
  return {
    release,
    digest,
    layerDigests,
    quality,
    holes: holes.length,
    channel,
    refusal: refusals.length ? refusals.join('; ') : null,
    approval,
  }
}

/** The manifest of a release. @throws HillockError MissingArtifact */
export async function manifestOf(deps: Deps, dataset: string, name: string): Promise<string> {
  const text = await getRelease(deps.objects, dataset, name)
  if (!text) throw new HillockError('MissingArtifact', `there is no release ${name} of ${dataset}`)
  return text
}

export const releaseOf = async (deps: Deps, dataset: string, name: string): Promise<Release> =>
  Release.parse(JSON.parse(await manifestOf(deps, dataset, name)))

/** Artifacts of one stage, by cell. */
const refsOf = (entries: readonly IndexEntry[], stage: string): Refs =>
  Object.fromEntries(entries.filter(e => e.stage === stage).map(e => [e.cell, e.ref]))

const artifactsOf = (entries: readonly IndexEntry[], stage: string): ArtifactRef[] => {
  const byRecipe = new Map(entries.filter(e => e.stage === stage).map(e => [e.ref.recipe, e.ref]))
  return [...byRecipe.values()].sort((a, b) => (a.recipe < b.recipe ? -1 : 1))
}

function volumeLayer(
  entries: readonly IndexEntry[],
  c: ReleaseInput['context'],
  name: 'em' | 'segmentation',
  config: RunConfig,
): VolumeLayer {
  const em = name === 'em'
  const stage = em ? 'pyramid' : 'label-pyramid'
  const pyramid = Object.entries(refsOf(entries, stage))
  const mips: VolumeLayer['mips'] = []
  for (let level = 0; level <= rootLevel(c.bounds, c.region); level++) {
    const factor = mipFactor(level, c.voxelSizeNm)
    const prefix = `${level}/`
    const nodes = pyramid.filter(([k]) => k.startsWith(prefix)).map(([k, ref]) => [k.slice(prefix.length), ref])
    mips.push({ factor, cell: mipCell(level, c.region, factor), artifacts: Object.fromEntries(nodes) as Refs })
  }
  return {
    kind: em ? 'image' : 'segmentation',
    dataType: em ? 'uint8' : 'uint64',
    channels: 1,
    encoding: em ? config.stages.pyramid.encoding : 'compressed_segmentation',
    chunk: config.stages[stage].chunk,
    shard: config.stages[stage].shard,
    regions: refsOf(entries, em ? 'render' : 'segment'),
    mips,
  }
}

/**
 * Digest of what a layer holds. Plain chunks lie on a global grid, so that of a volume (its finest mip: all else follows from
 * it) depends neither on which region wrote them nor on the layout for readers.
 */
async function layerDigest(deps: Deps, layer: Release['layers'][LayerName] & object): Promise<Digest> {
  const refs = 'mips' in layer ? layer.regions : layer.artifacts
  const outputs = await Promise.all(
    Object.entries(refs).map(async ([cell, ref]) => {
      const { lineage } = await deps.artifacts.open(ref)
      return 'mips' in layer
        ? lineage.outputs.filter(o => /^0\/\d+-\d+_/.test(o.path))
        : lineage.outputs.map(o => ({ ...o, path: `${cell}/${o.path}` }))
    }),
  )
  return contentDigest(outputs.flat())
}
