// Facts about the service levels of a run, a release or a dataset: from histories and lineage records alone.
import type { Client } from '@temporalio/client'
import { RunConfig } from '../domain/config.ts'
import { workflowIds } from '../domain/contract/names.ts'
import type { RunContext } from '../domain/contract/run.ts'
import type { IndexNode } from '../domain/index/index-node.ts'
import { configError, isHillockError } from '../domain/errors.ts'
import { attributesOf, type Execution } from '../domain/provenance/history.ts'
import { extentText } from '../domain/provenance/lineage-summary.ts'
import { key, map3 } from '../domain/geometry.ts'
import type { ArtifactRef, Lineage } from '../domain/lineage.ts'
import { holesIn, type Release } from '../domain/release.ts'
import { expected } from '../domain/index/phases.ts'
import { sha256 } from '../domain/recipe.ts'
import { sloReport, type SloReport } from '../domain/slo/slo.ts'
import type { Artifact, Candidate, Facts } from '../domain/slo/facts.ts'
import { stages, type StageName } from '../domain/stages.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import { archiveFolder, getHistory, historyKey } from '../storage/provenance/histories.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { getRaw } from '../storage/raw.ts'
import { allArtifacts } from '../storage/release-index.ts'
import { listReleases } from '../storage/releases.ts'
import { channelsOf, findRelease, readRelease } from './catalogue.ts'
import { readRun, type Done, type RunHistory } from './history.ts'
import { isCalled } from './names.ts'

/** Lineage records that are read at once. */
const READS = 32

type Ref = Pick<ArtifactRef, 'stage' | 'recipe'>

/** @param found what `subject` means, where that is known */
export async function sloOf(
  client: Client,
  objects: ObjectStore,
  subject: string,
  found?: SloSubject,
): Promise<SloReport> {
  const { runs, release, order } = found ?? (await sloSubject(client, objects, subject))
  const histories = (await mapBounded(runs, 1, r => readRun(client, objects, r))).flatMap(h => h ?? [])
  const last = histories.at(-1)
  if (!last)
    throw configError(`${subject}: neither the server nor the bucket has the history of ${runs.at(-1)!.workflowId}`)
  const config = RunConfig.parse(last.input.config)
  const own = release ? [release] : await releasesOf(objects, config.dataset, histories)
  const behind = (await Promise.all(own.map(r => allArtifacts(objects, r)))).flat()
  const refs = await mapBounded(
    histories.flatMap(h => h.tasks),
    READS,
    t => refsOf(objects, t),
  )
  const context = last.context
  const artifacts = await artifactsOf(objects, [...behind, ...refs.flat()], histories, context)
  const facts: Facts = {
    subject,
    dataset: config.dataset,
    now: Date.now(),
    config,
    bounds: context?.bounds ?? { min: [0, 0, 0], max: [1, 1, 1] },
    voxelSizeNm: config.voxelSizeNm,
    runs: histories.map(h => h.run),
    expected: context ? Object.fromEntries(expected(context)) : {},
    skipped: last.skipped,
    tasks: histories.flatMap(h => h.tasks).map((t, i) => ({ ...t, artifacts: refs[i]!.map(r => r.recipe) })),
    artifacts,
    candidates: await candidates(objects, config.dataset, own, order),
    missing: histories.flatMap(h => h.missing),
  }
  return sloReport(facts)
}

export interface SloSubject {
  readonly runs: readonly Execution[]
  readonly release?: Release
  /** Workflow ids of all runs, oldest first. */
  readonly order: readonly string[]
  /** Changes with whatever the report would say otherwise. */
  readonly version: string
}

interface Listed extends Execution {
  readonly dataset: string
  readonly start: number
  /** Of its state and of what has happened in it. */
  readonly state: string
}

/** Releases and runs that a complaint names. */
const NAMED = 20

/**
 * @param subject a run (`NAME`, `DATASET/NAME` or its workflow id), a release or channel, or a dataset: all runs of it.
 * @throws HillockError ConfigError when there is nothing of that name.
 */
export async function sloSubject(client: Client, objects: ObjectStore, subject: string): Promise<SloSubject> {
  const all: Listed[] = []
  for await (const w of client.workflow.list({ query: 'WorkflowType = "reconstruct"' }))
    all.push({
      workflowId: w.workflowId,
      runId: w.runId,
      start: Number(w.startTime),
      dataset: w.workflowId.split('/')[1]!,
      state: `${w.status.name} ${w.historyLength}`,
    })
  const [, dataset = ''] = /^(?:reconstruct\/)?([^/]+)/.exec(subject) ?? []
  all.push(...(await archivedRuns(objects, dataset, new Set(all.map(w => w.runId)))))
  all.sort((a, b) => a.start - b.start)
  const order = all.map(w => w.workflowId)
  const version = async (runs: readonly Listed[], of: string): Promise<string> => {
    const [channels, releases] = [await channelsOf(objects, of), await listReleases(objects, of)]
    return sha256(JSON.stringify([runs, channels, releases]))
  }
  const named = all.filter(w => isCalled(w.workflowId, subject)).slice(-1)
  const runs = named.length > 0 ? named : all.filter(w => w.dataset === subject)
  if (runs.length > 0) return { runs, order, version: await version(runs, runs[0]!.dataset) }
  try {
    const release = await findRelease(objects, subject)
    const own = all.filter(w => w.runId === release.run.runId)
    return { runs: [release.run], release, order, version: await version(own, release.dataset) }
  } catch (e) {
    if (!isHillockError(e, 'ConfigError')) throw e
    const known = order.slice(-NAMED).map(w => w.replace('reconstruct/', ''))
    throw configError(`${e.message}; nor is it a run or a dataset: ${known.join(', ') || 'there is no run yet'}`)
  }
}

/** Runs of a dataset that Temporal has forgotten and the bucket has the histories of. */
async function archivedRuns(objects: ObjectStore, dataset: string, known: ReadonlySet<string>): Promise<Listed[]> {
  const out: Listed[] = []
  // `histories/DATASET/RUN/RUNID/index.json`; of other workflows the path is longer.
  for await (const key of SAFE.test(dataset) ? objects.list(`histories/${dataset}/`) : []) {
    const [, , run, runId, file, ...rest] = key.split('/') as [string, string, string, string, ...string[]]
    if (file !== 'index.json' || rest.length > 0 || known.has(runId)) continue
    const workflowId = workflowIds.reconstruct(dataset, run)
    const history = await getHistory(objects, historyKey(archiveFolder({ workflowId, runId }), runId))
    const begun = history?.events[0]
    if (begun && attributesOf(begun).workflowType?.name === 'reconstruct')
      out.push({ workflowId, runId, dataset, start: Date.parse(begun.eventTime!), state: 'archived' })
  }
  return out
}
const SAFE = /^[a-z0-9][a-z0-9-]*$/

/** Manifests that the runs assembled. */
async function releasesOf(objects: ObjectStore, dataset: string, runs: readonly RunHistory[]): Promise<Release[]> {
  const names = runs.flatMap(h => h.tasks.flatMap(t => (t.stage === 'assemble' ? (t.result?.release ?? []) : [])))
  const found = await Promise.all([...new Set(names)].map(n => readRelease(objects, dataset, n)))
  return found.flatMap(r => r ?? [])
}

/** Artifacts that an activity made or found: the one it names, or those of its stage in the page that it names. */
async function refsOf(objects: ObjectStore, t: Done): Promise<Ref[]> {
  if (t.result?.ref) return [t.result.ref]
  if (t.result?.page === undefined || !(t.stage in stages)) return []
  const page = JSON.parse(Buffer.from(await getRaw(objects, t.result.page)).toString()) as IndexNode
  return page.entries.filter(e => e.stage === t.stage).map(e => e.ref)
}

async function artifactsOf(
  objects: ObjectStore,
  refs: readonly Ref[],
  histories: readonly RunHistory[],
  context: RunContext | null,
): Promise<Artifact[]> {
  const runOf = new Map(histories.flatMap(h => h.workflowIds.map(id => [id, h.run.workflowId])))
  const store = artifactStore(objects)
  const unique = [...new Map(refs.map(r => [r.recipe, r])).values()]
  const records = await mapBounded(unique, READS, r => store.lineage(r.stage, r.recipe))
  return records.flatMap(l =>
    l
      ? {
          stage: l.recipe.stage,
          recipe: l.recipeId,
          covers: extentText(l.recipe.extent),
          region: context && regionOf(l, context),
          ...partOf(l),
          run: runOf.get(l.workflowId) ?? null,
          start: Date.parse(l.start),
          end: Date.parse(l.end),
          voxels: l.voxels,
          bytes: l.bytes,
          cost: l.cost,
        }
      : [],
  )
}

function regionOf({ recipe }: Lineage, { region }: RunContext): string | null {
  const box = recipe.extent
  if (typeof box === 'string' || !('min' in box) || stages[recipe.stage as StageName]?.scope !== 'region') return null
  return key(map3(a => Math.floor(box.min[a] / region[a])))
}

/** What readers ask for by parts: the finest voxels of a layer, or its tables. */
function partOf({ recipe: { stage, extent } }: Lineage): Pick<Artifact, 'part'> {
  const made = stages[stage as StageName]?.layers ?? []
  if (typeof extent === 'object' && 'level' in extent && extent.level === 0 && made.some(l => 'regions' in l))
    return { part: 'shard' }
  return made.some(l => l.kind === 'tables') ? { part: 'partition' } : {}
}

/** Every release of the dataset, in the order of the runs that made them. */
async function candidates(
  objects: ObjectStore,
  dataset: string,
  own: readonly Release[],
  order: readonly string[],
): Promise<Candidate[]> {
  const channels = Object.entries(await channelsOf(objects, dataset))
  const all = await mapBounded(await listReleases(objects, dataset), READS, r => readRelease(objects, dataset, r))
  return all
    .flatMap(r => r ?? [])
    .sort((a, b) => order.indexOf(a.run.workflowId) - order.indexOf(b.run.workflowId))
    .map(r => ({
      release: r.release,
      run: r.run.workflowId,
      channels: channels.filter(([, value]) => value.release === r.release).map(([name]) => name),
      quality: r.quality,
      holes: holesIn(r),
      cost: r.cost,
      own: own.some(o => o.release === r.release),
    }))
}
