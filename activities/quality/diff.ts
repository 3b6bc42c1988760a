// diffReleases: how two releases of a dataset differ; segments are compared voxel by voxel where the segmentations have other contents.
import type { DiffInput } from '../../domain/contract/release.ts'
import { figuresThatDiffer, listsThatDiffer, type ReleaseDiff, type SynapseRow } from '../../domain/plan/diff.ts'
import { cellBox, fromKey, map3, type Box } from '../../domain/geometry.ts'
import type { Release } from '../../domain/release.ts'
import { layers, stages, type LayerName, type StageName } from '../../domain/stages.ts'
import type { Contingency } from '../../kernels/segmentation/segmentation-types.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { differingBelow } from '../../storage/index-nodes.ts'
import { artifactOf, cellCount, cellsOf, isVolume } from '../../storage/release-index.ts'
import { tableParts } from '../../storage/tables.ts'
import { readIds } from '../cells.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'
import { releaseOf } from '../release/release.ts'
import { saveDocument } from '../documents.ts'
import { addSizes, segmentChanges, type Sizes } from '../../kernels/segmentation/segment-changes.ts'
import { contingency, mergeContingency } from '../../kernels/metrics.ts'
import { countIds } from '../../kernels/segmentation/compact-ids.ts'
import { Fold } from '../fold.ts'

/** Saves the difference in the raw archive; returns its digest. */
export async function diffReleases(plain: Deps, { dataset, before, after }: DiffInput): Promise<string> {
  const deps = { ...plain, artifacts: artifactStore(plain.objects, { quarantined: true }) }
  const [a, b] = await Promise.all([before, after].map(name => releaseOf(deps, dataset, name)))
  const changed = await layersThatDiffer(deps, a!, b!)
  const diff: ReleaseDiff = {
    dataset,
    before,
    after,
    layers: changed,
    segments: await segmentsThatDiffer(deps, a!, b!, changed.segmentation?.differ ?? []),
    synapses: await synapsesThatDiffer(deps, a!, b!, changed.graph?.differ ?? []),
    ...figuresThatDiffer(a!, b!),
  }
  return saveDocument(deps, diff)
}

/** Cells of each layer that have other contents; where the grids of regions differ, and the layer does, all cells of the second. */
async function layersThatDiffer({ objects }: Deps, a: Release, b: Release): Promise<ReleaseDiff['layers']> {
  const sameGrid = a.regionShape.every((v, i) => v === b.regionShape[i])
  const out: Partial<Record<LayerName, { differ: string[]; of: number }>> = {}
  for (const l of layers) {
    const name = l.layer as LayerName
    if (!(name in a.layers || name in b.layers)) continue
    const stage = (isVolume(l) ? l.regions : l.stage) as StageName
    const [before, after] = [a, b].map(r => (name in r.layers ? r.pages[stages[stage].phase] : undefined))
    const differ = new Set<string>()
    let gone = 0
    if (a.layerDigests[name] !== b.layerDigests[name]) {
      const comparable = sameGrid ? before : undefined
      for await (const e of differingBelow(objects, after, comparable, s => s === stage)) differ.add(e.cell)
      for await (const e of differingBelow(objects, comparable, after, s => s === stage))
        if (!differ.has(e.cell) && differ.add(e.cell)) gone++
    }
    out[name] = { differ: [...differ].sort(), of: (after ? cellCount(b, stage) : 0) + gone }
  }
  return out
}

const NOTHING = { split: [], merged: [], new: [], gone: [], renamed: [] }

async function segmentsThatDiffer(
  deps: Deps,
  a: Release,
  b: Release,
  cells: readonly string[],
): Promise<ReleaseDiff['segments']> {
  if (!a.layers.segmentation || !b.layers.segmentation) return null
  if (cells.length === 0) return NOTHING
  const bounds: Box = { min: [0, 0, 0], max: map3(i => Math.max(a.bounds.max[i], b.bounds.max[i])) }
  const labels = (r: Release, box: Box): Promise<BigUint64Array> =>
    readIds(deps, { bounds: r.bounds, region: r.regionShape }, c => artifactOf(deps.objects, r, 'segment', c), box)
  const tables = new Fold((parts: readonly Contingency[]) => deps.compute(mergeContingency, [parts]))
  const sizes = (): Fold<Sizes> => new Fold(parts => deps.compute(addSizes, [parts]))
  const [before, after] = [sizes(), sizes()]
  for (const [i, cell] of cells.entries()) {
    const box = cellBox(fromKey(cell), b.regionShape, bounds)
    const [was, is] = await Promise.all([labels(a, box), labels(b, box)])
    await tables.add(await deps.compute(contingency, [was, is]))
    await before.add(await deps.compute(countIds, [was]))
    await after.add(await deps.compute(countIds, [is]))
    progress(i + 1, cells.length)
  }
  const changes = await deps.compute(segmentChanges, [
    await tables.sum(),
    await before.sum(),
    await after.sum(),
    await sizesOf(deps, a),
  ])
  return {
    split: changes.split.map(s => ({ segment: String(s.segment), into: s.into.map(String) })),
    merged: changes.merged.map(m => ({ segment: String(m.segment), from: m.from.map(String) })),
    new: changes.fresh.map(String),
    gone: changes.gone.map(String),
    renamed: changes.renamed.map(r => ({ segment: String(r.segment), to: String(r.to) })),
  }
}

/** Voxels of every segment of a release. */
async function sizesOf(deps: Deps, r: Release): Promise<Sizes> {
  const sizes = new Fold<Sizes>(parts => deps.compute(addSizes, [parts]))
  for await (const { segment, voxels } of tableParts(deps.artifacts, cellsOf(deps.objects, r, 'graph'), 'segments'))
    await sizes.add({ ids: segment as BigUint64Array, voxels: Float64Array.from(voxels!, Number) })
  return sizes.sum()
}

async function synapsesOf(deps: Deps, r: Release): Promise<SynapseRow[]> {
  const rows: SynapseRow[] = []
  for await (const t of tableParts(deps.artifacts, cellsOf(deps.objects, r, 'graph'), 'synapses'))
    for (const i of t['x']!.keys()) {
      const [x, y, z] = ['x', 'y', 'z'].map(name => Number(t[name]![i]))
      const [pre, post] = ['pre_segment', 'post_segment'].map(name => String(t[name]![i]))
      rows.push({ x: x!, y: y!, z: z!, pre: pre!, post: post! })
    }
  return rows
}

async function synapsesThatDiffer(
  deps: Deps,
  a: Release,
  b: Release,
  cells: readonly string[],
): Promise<ReleaseDiff['synapses']> {
  if (!a.layers.graph || !b.layers.graph) return null
  if (cells.length === 0) return { gone: [], new: [] }
  const [before, after] = await Promise.all([synapsesOf(deps, a), synapsesOf(deps, b)])
  return listsThatDiffer(before, after, s => `${s.x} ${s.y} ${s.z} ${s.pre} ${s.post}`)
}
