// What a release says, as a pure function of index, lineage records and run file: `assemble` makes it, `verify` and `audit` make it again.
import { canonicalJson, type Json } from '../canonical.ts'
import type { RunConfig } from '../config.ts'
import { workflowIds } from '../contract/names.ts'
import type { Refs } from '../contract/artifacts.ts'
import type { ReleaseInput } from '../contract/release.ts'
import type { IndexEntry } from '../index/index-node.ts'
import type { ArtifactRef, Lineage } from '../lineage.ts'
import { RELEASE_GATE } from '../operator.ts'
import { qualityOf } from './quality.ts'
import { contentDigest, sha256, type Digest } from '../recipe.ts'
import { Release, releaseName, type LayerName, type VolumeLayer } from '../release.ts'
import { activeStages } from '../index/phases.ts'
import { layers, layoutOf, stages, type StageName, type VolumeRow } from '../stages.ts'
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
  const active = activeStages(context)
  const held = Object.fromEntries(
    layers
      .filter(l => active.includes(l.stage))
      .map(l => [l.layer, 'regions' in l ? volumeLayer(parts, l) : { artifacts: refsOf(entries, l.stage) }]),
  ) as Release['layers']
  const layerDigests: Partial<Record<LayerName, Digest>> = {}
  for (const [name, layer] of Object.entries(held)) layerDigests[name as LayerName] = await layerDigest(layer, lineage)
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
    layers: held,
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

function volumeLayer(
  { input: { context: c }, config, entries }: Parts,
  { stage, kind, regions }: VolumeRow,
): VolumeLayer {
  const { chunk, shard, ...more } = layoutOf(config, stage)
  const pyramid = Object.entries(refsOf(entries, stage))
  const mips: VolumeLayer['mips'] = []
  for (let level = 0; level <= rootLevel(c.bounds, c.region); level++) {
    const factor = mipFactor(level, c.voxelSizeNm)
    const prefix = `${level}/`
    const nodes = pyramid.filter(([k]) => k.startsWith(prefix)).map(([k, ref]) => [k.slice(prefix.length), ref])
    mips.push({ factor, cell: mipCell(level, c.region, factor), artifacts: Object.fromEntries(nodes) as Refs })
  }
  return {
    kind,
    dataType: stages[regions as StageName].volume!.dtype,
    channels: 1,
    encoding: kind === 'image' ? ('encoding' in more ? more.encoding : 'raw') : 'compressed_segmentation',
    chunk,
    shard,
    regions: refsOf(entries, regions),
    mips,
  }
}

/**
 * Digest of what a layer holds. Plain chunks lie on a global grid, so that of a volume (its finest mip: all else follows from
 * it) depends neither on which region wrote them nor on the layout for readers; that of the others does not depend on the ranges.
 */
async function layerDigest(
  layer: Release['layers'][LayerName] & object,
  lineage: (ref: ArtifactRef) => Promise<Lineage>,
): Promise<Digest> {
  const refs = 'mips' in layer ? layer.regions : layer.artifacts
  const outputs = await Promise.all(
    Object.values(refs).map(async ref => {
      const { outputs } = await lineage(ref)
      return 'mips' in layer
        ? outputs.filter(o => /^0\/\d+-\d+_/.test(o.path))
        : outputs.map(o => ({ ...o, path: `all/${o.path}` }))
    }),
  )
  return contentDigest(outputs.flat())
}
