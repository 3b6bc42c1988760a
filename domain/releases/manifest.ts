// What a release says, as a pure function of index, lineage records and run file: `assemble` makes it, `verify` and `audit` make it again.
import { canonicalJson, type Json } from '../canonical.ts'
import type { RunConfig } from '../config.ts'
import { workflowIds, type Refs, type ReleaseInput } from '../contract.ts'
import type { IndexEntry } from '../index/page.ts'
import type { ArtifactRef, Lineage } from '../lineage.ts'
import { RELEASE_GATE } from '../operator.ts'
import { qualityOf } from './quality.ts'
import { contentDigest, sha256, type Digest } from '../recipe.ts'
import { Release, releaseName, type LayerName, type VolumeLayer } from '../release.ts'
import { mipCell, mipFactor, rootLevel } from '../index/tree.ts'

/** What a release is made of. */
export interface Parts {
  readonly input: ReleaseInput
  readonly config: RunConfig
  readonly codeRevision: string
  /** Of all pages below the roots. */
  readonly entries: readonly IndexEntry[]
}

/** @param lineage reads the record of an artifact; what it throws, this throws. */
export async function buildManifest(parts: Parts, lineage: (ref: ArtifactRef) => Promise<Lineage>): Promise<Release> {
  const { input, config, entries } = parts
  const { context } = input
  const layers: Release['layers'] = { em: volumeLayer(parts, 'em') }
  if (context.through === 'evaluate') {
    layers.segmentation = volumeLayer(parts, 'segmentation')
    layers.mesh = { artifacts: refsOf(entries, 'mesh-join') }
    layers.skeleton = { artifacts: refsOf(entries, 'skeleton-join') }
    layers.synapses = { artifacts: refsOf(entries, 'graph') }
    layers.graph = { artifacts: refsOf(entries, 'graph') }
  }
  const layerDigests: Partial<Record<LayerName, Digest>> = {}
  for (const [name, layer] of Object.entries(layers))
    if (layer) layerDigests[name as LayerName] = await layerDigest(layer, lineage)
  const holeName = (h: Release['holes'][number]): string => `${h.stage} ${h.what} ${h.reason}`
  const manifest: Omit<Release, 'release'> = {
    dataset: context.dataset,
    digest: sha256(canonicalJson(layerDigests as Json)),
    layerDigests,
    parent: input.patch?.parent ?? null,
    voxelSizeNm: context.voxelSizeNm,
    bounds: context.bounds,
    ...(context.offset && { offset: context.offset }),
    regionShape: context.region,
    layers,
    stages: Object.fromEntries([...new Set(entries.map(e => e.stage))].sort().map(s => [s, artifactsOf(entries, s)])),
    quality: await qualityOf(entries, lineage),
    pages: input.roots,
    holes: entries.flatMap(e => e.holes ?? []).sort((a, b) => (holeName(a) < holeName(b) ? -1 : 1)),
    cost: input.cost,
    run: { workflowId: workflowIds.reconstruct(context.dataset, context.run), runId: input.runId },
    config: context.config,
    codeRevision: parts.codeRevision,
    approver: config.release.approval === 'required' ? `gate ${RELEASE_GATE}` : input.approver,
  }
  return Release.parse({ ...manifest, release: releaseName(manifest) })
}

/** Artifacts of one stage, by cell. */
const refsOf = (entries: readonly IndexEntry[], stage: string): Refs =>
  Object.fromEntries(entries.filter(e => e.stage === stage).map(e => [e.cell, e.ref]))

const artifactsOf = (entries: readonly IndexEntry[], stage: string): ArtifactRef[] => {
  const byRecipe = new Map(entries.filter(e => e.stage === stage).map(e => [e.ref.recipe, e.ref]))
  return [...byRecipe.values()].sort((a, b) => (a.recipe < b.recipe ? -1 : 1))
}

function volumeLayer({ input: { context: c }, config, entries }: Parts, name: 'em' | 'segmentation'): VolumeLayer {
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
async function layerDigest(
  layer: Release['layers'][LayerName] & object,
  lineage: (ref: ArtifactRef) => Promise<Lineage>,
): Promise<Digest> {
  const refs = 'mips' in layer ? layer.regions : layer.artifacts
  const outputs = await Promise.all(
    Object.entries(refs).map(async ([cell, ref]) => {
      const { outputs } = await lineage(ref)
      return 'mips' in layer
        ? outputs.filter(o => /^0\/\d+-\d+_/.test(o.path))
        : outputs.map(o => ({ ...o, path: `${cell}/${o.path}` }))
    }),
  )
  return contentDigest(outputs.flat())
}
