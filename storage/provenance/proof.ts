// A manifest made again from what it rests on (index, lineage records, run file, histories) and held against the one in the bucket.
import type { RunConfig } from '../../domain/config.ts'
import type { ReleaseInput } from '../../domain/contract/release.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import { differences } from '../../domain/provenance/differences.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { buildManifest } from '../../domain/releases/manifest.ts'
import { expected, extentOf, phasesOf } from '../../domain/index/phases.ts'
import { AUTOMATIC } from '../../domain/operator.ts'
import { holesIn, manifestDigest, type Release } from '../../domain/release.ts'
import type { Assembly } from '../../domain/provenance/history-facts.ts'
import { artifactStore } from '../artifacts.ts'
import { behindRoots, nodeReader } from '../index-nodes.ts'
import { checkIndex } from './index-check.ts'
import type { ObjectStore } from '../object-store.ts'
import { getRaw } from '../raw.ts'
import type { Wrong } from './reach.ts'
import { releaseKey } from '../releases.ts'

/**
 * Tells of every field of a manifest that is not as it follows from the rest, and of every index node that does not fit its subtree.
 * @param told what the history of the run says; without it the manifest's own word stands for what only that run knows: cost, run id, code
 * revision, parent.
 */
export async function proveManifest(
  objects: ObjectStore,
  release: Release,
  told: Assembly | undefined,
  wrong: Wrong,
): Promise<void> {
  const name = releaseKey(release.dataset, release.release)
  const digest = told?.input.context.config ?? release.config
  const text = digest && (await getRaw(objects, digest).catch((e: unknown) => e as Error))
  if (!text || text instanceof Error) {
    const why = text ? `: ${text.message}` : ''
    for (const d of differences('the digest of a run file', release.config, 'config'))
      wrong(name, `cannot be made again${why}`, d)
    return
  }
  const artifacts = artifactStore(objects, { quarantined: true })
  const lineage = async (ref: ArtifactRef): Promise<Lineage> => (await artifacts.open(ref)).lineage
  try {
    const config = JSON.parse(Buffer.from(text).toString()) as RunConfig
    const input = told?.input ?? claimed(release, config)
    const { context } = input
    for (const phase of phasesOf(context))
      for (const d of input.roots[phase] === undefined ? differences('a digest', undefined, `pages.${phase}`) : [])
        wrong(name, 'names no pages of a phase', d)
    const { unread, counts, extent } = await checkIndex(objects, context, input.roots, lineage, wrong)
    const damaged = unread.pages || unread.records
    for (const [stage, n] of unread.pages ? [] : expected(context))
      for (const d of differences(n, counts.get(stage) ?? 0, `artifacts of ${stage}`))
        wrong(name, 'its pages do not list one artifact for each place', d)
    const read = nodeReader(objects)
    const behind = behindRoots(
      objects,
      input.roots,
      ref => lineage(ref).catch(() => NOTHING),
      (digest, by) => read(digest, by).catch(() => undefined),
    )
    const codeRevision = told?.result.codeRevision ?? release.codeRevision
    // How many a manifest lists at the most is no part of what a release is: it says itself whether it lists them.
    const made = await buildManifest({ input, config, codeRevision, behind }, lists(release) ? Infinity : -1)
    const unknown = new Set([...(damaged ? ofRecords : []), ...(unread.pages ? ofPages : [])])
    for (const d of differences(made, release))
      if (!unknown.has(d.field.split('.')[0]!)) wrong(name, 'says something else than what it rests on', d)
    for (const d of damaged ? [] : differences(extent, made.bounds, 'bounds'))
      wrong(name, 'is of another extent than its images', d)
    if (told && !damaged) {
      const { release: named, digest, layerDigests, quality } = made
      const { channel, approval } = config.release
      const said = { release: named, digest, layerDigests, quality, holes: holesIn(made), channel, approval }
      for (const d of differences({ ...told.result, ...said }, told.result, 'assembled'))
        wrong(name, 'its run tells something else of it', d)
      for (const d of differences(told.result.manifest ?? manifestDigest(release), manifestDigest(release), 'manifest'))
        wrong(name, 'is not the manifest that its run wrote', d)
    }
  } catch (e) {
    wrong(name, `cannot be made again: ${(e as Error).message}`)
  }
}

/** What follows from lineage records, and what from the index: not compared where one of them cannot be read, which is told of by itself. */
const ofRecords = ['release', 'layerDigests', 'digest', 'quality']
const ofPages = ['layers', 'stages', 'counts', 'holes', 'holeCount']
const NOTHING = { outputs: [], summary: {} } as unknown as Lineage

/** What a run was given that would have made this manifest, as far as it says so itself. */
const claimed = (r: Release, config: RunConfig): ReleaseInput => ({
  context: {
    dataset: config.dataset,
    run: r.run.workflowId.split('/')[2] ?? '',
    config: r.config!,
    layout: '',
    bounds: r.bounds,
    ...(r.offset && { offset: r.offset }),
    region: config.grid.region,
    voxelSizeNm: config.voxelSizeNm,
    ...(extentOf(config) as Pick<RunContext, 'through' | 'synthetic' | 'aligned' | 'models'>),
  },
  roots: r.pages,
  cost: r.cost,
  approver: AUTOMATIC,
  runId: r.run.runId,
  ...(r.parent === null ? {} : { patch: { parent: r.parent } }),
})

/** Whether a manifest is one that lists its artifacts; one field that was changed does not make it another. */
const lists = ({ stages, layers, counts }: Release): boolean =>
  [stages, layers.em.regions, !counts].filter(Boolean).length >= 2
