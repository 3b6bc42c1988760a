// What a release says, as a pure function of index, lineage records and run file: `assemble` makes it, `verify` and `audit` make it again.
import { canonicalJson, type Json } from '../canonical.ts'
import type { RunConfig } from '../config.ts'
import { workflowIds } from '../contract/names.ts'
import type { Refs } from '../contract/artifacts.ts'
import type { ReleaseInput } from '../contract/release.ts'
import type { IndexEntry, IndexNode } from '../index/index-node.ts'
import type { ArtifactRef, Lineage } from '../lineage.ts'
import { RELEASE_GATE } from '../operator.ts'
import { qualityOf } from './quality.ts'
import { contentDigest, sha256, type Digest } from '../recipe.ts'
import { HOLES_LISTED, LISTED, Release, releaseName, type Hole, type LayerName, type VolumeLayer } from '../release.ts'
import { activeStages } from '../index/phases.ts'
import { layers, layoutOf, stages, type StageName, type VolumeRow } from '../stages.ts'
import { mipCell, mipFactor, rootLevel } from '../index/tree.ts'

/** What a release rests on, as far as it is asked for: nobody holds all of it. */
export interface Behind {
  /** What the roots of the index say of each stage. */
  sums(): Promise<IndexNode['stages']>
  /** All artifacts, in the order of the index. */
  entries(): AsyncIterable<IndexEntry>
  /** Those that were made without some of what they should hold. */
  holes(): AsyncIterable<IndexEntry & { readonly holes: readonly Hole[] }>
  /** Lineage records of a stage. */
  readonly records: (stage: string) => AsyncIterable<Lineage>
  lineage(ref: ArtifactRef): Promise<Lineage>
}

/** What a release is made of. */
export interface Parts {
  readonly input: ReleaseInput
  readonly config: RunConfig
  readonly codeRevision: string
  readonly behind: Behind
}

/** @param most artifacts that are listed: of a release that has more the roots are named. What the parts throw, this throws. */
export async function buildManifest(parts: Parts, most = LISTED): Promise<Release> {
  const { input, config, behind } = parts
  const { context } = input
  const sums = await behind.sums()
  const counts = Object.fromEntries(
    Object.keys(sums)
      .sort()
      .map(stage => [stage, sums[stage]!.count]),
  )
  const listed = Object.values(counts).reduce((a, b) => a + b, 0) <= most
  const entries = listed ? await Array.fromAsync(behind.entries()) : undefined
  const active = activeStages(context)
  const made = layers.filter(l => active.includes(l.stage))
  const held = Object.fromEntries(
    made.map(l => [
      l.layer,
      'regions' in l ? volumeLayer(parts, l, entries) : entries ? { artifacts: refsOf(entries, l.stage) } : {},
    ]),
  ) as Release['layers']
  const layerDigests: Partial<Record<LayerName, Digest>> = {}
  for (const l of made) {
    const name = l.layer as LayerName
    const sum = sums['regions' in l ? l.regions : l.stage]
    const digest = entries ? await layerDigest(held[name]!, behind) : sum?.content
    if (digest) layerDigests[name] = digest
  }
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
    ...(entries
      ? {
          stages: Object.fromEntries(
            [...new Set(entries.map(e => e.stage))].sort().map(s => [s, artifactsOf(entries, s)]),
          ),
        }
      : { counts, holeCount: Object.values(sums).reduce((n, sum) => n + sum.holes, 0) }),
    quality: await qualityOf(behind.records),
    pages: input.roots,
    holes: await holesOf(behind, listed ? Infinity : HOLES_LISTED),
    cost: input.cost,
    run: { workflowId: workflowIds.reconstruct(context.dataset, context.run), runId: input.runId },
    config: context.config,
    codeRevision: parts.codeRevision,
    approver: config.release.approval === 'required' ? `gate ${RELEASE_GATE}` : input.approver,
  }
  return Release.parse({ ...manifest, release: releaseName(manifest) })
}

/** What is declared as missing, sorted: the first of the index. */
export async function holesOf(behind: Behind, most = Infinity): Promise<Hole[]> {
  const out: Hole[] = []
  for await (const { holes } of behind.holes()) {
    out.push(...holes)
    if (out.length >= most) break
  }
  const name = (h: Hole): string => `${h.stage} ${h.what} ${h.reason}`
  return out.slice(0, most).sort((a, b) => (name(a) < name(b) ? -1 : 1))
}

/** Artifacts of one stage, by cell. */
const refsOf = (entries: readonly IndexEntry[], stage: string): Refs =>
  Object.fromEntries(entries.filter(e => e.stage === stage).map(e => [e.cell, e.ref]))

const artifactsOf = (entries: readonly IndexEntry[], stage: string): ArtifactRef[] => {
  const byRecipe = new Map(entries.filter(e => e.stage === stage).map(e => [e.ref.recipe, e.ref]))
  return [...byRecipe.values()].sort((a, b) => (a.recipe < b.recipe ? -1 : 1))
}

function volumeLayer(
  { input: { context: c }, config }: Parts,
  { stage, kind, regions }: VolumeRow,
  entries: readonly IndexEntry[] | undefined,
): VolumeLayer {
  const { chunk, shard, ...more } = layoutOf(config, stage)
  const pyramid = entries && Object.entries(refsOf(entries, stage))
  const mips: VolumeLayer['mips'] = []
  for (let level = 0; level <= rootLevel(c.bounds, c.region); level++) {
    const factor = mipFactor(level, c.voxelSizeNm)
    const prefix = `${level}/`
    const nodes = pyramid?.filter(([k]) => k.startsWith(prefix)).map(([k, ref]) => [k.slice(prefix.length), ref])
    const artifacts = nodes && (Object.fromEntries(nodes) as Refs)
    mips.push({ factor, cell: mipCell(level, c.region, factor), ...(artifacts && { artifacts }) })
  }
  return {
    kind,
    dataType: stages[regions as StageName].volume!.dtype,
    channels: 1,
    encoding: kind === 'image' ? ('encoding' in more ? more.encoding : 'raw') : 'compressed_segmentation',
    chunk,
    shard,
    ...(entries && { regions: refsOf(entries, regions) }),
    mips,
  }
}

/**
 * Digest of what a layer holds. Plain chunks lie on a global grid, so that of a volume (its finest mip: all else follows from
 * it) depends neither on which region wrote them nor on the layout for readers; that of the others does not depend on the ranges.
 */
async function layerDigest(layer: Release['layers'][LayerName] & object, behind: Behind): Promise<Digest> {
  const refs = 'mips' in layer ? layer.regions : layer.artifacts
  const outputs = await Promise.all(
    Object.values(refs ?? {}).map(async ref => {
      const { outputs } = await behind.lineage(ref)
      return 'mips' in layer
        ? outputs.filter(o => /^0\/\d+-\d+_/.test(o.path))
        : outputs.map(o => ({ ...o, path: `all/${o.path}` }))
    }),
  )
  return contentDigest(outputs.flat())
}
