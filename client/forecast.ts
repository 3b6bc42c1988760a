// What a plan will take where nothing of its like was measured: at the rates of another release in the bucket, else at those of the demo.
import type { RunConfig } from '../domain/config.ts'
import { voxels } from '../domain/geometry.ts'
import { imagesOf, planRows, secondsLike, type Plan } from '../domain/plan/plan.ts'
import type { Release } from '../domain/release.ts'
import { stageNames, stages, type StageName } from '../domain/stages.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { countOf, sampleOf, stagesIn } from '../storage/release-index.ts'
import { channelsOf, datasets, readRelease } from './catalogue.ts'

/** Seconds of computing per million voxels of the dataset, by stage. */
type Rates = Readonly<Record<string, number>>

export interface Forecast {
  readonly seconds: number
  readonly cost: number
  /** Where the rates come from, in words. */
  readonly from: string
  /** Stages of which no rate is known either. */
  readonly unknown: readonly string[]
}

const ratesOfDemo = (given: RunConfig['stages']): Rates =>
  Object.fromEntries(
    stageNames.flatMap(s => {
      const { demoSeconds } = stages[s]
      return demoSeconds === undefined ? [] : [[s, demoSeconds * imagesOf(given[s])]]
    }),
  )

/** Records that are read of a stage, evenly spread over its artifacts. */
const SAMPLE = 8

/** What all of a plan will take; undefined where every item was measured. */
export async function forecast(
  objects: ObjectStore,
  plan: Plan,
  { price, stages: given }: Pick<RunConfig, 'price' | 'stages'>,
): Promise<Forecast | undefined> {
  const rows = planRows(plan)
  if (rows.every(r => r.unmeasured === 0)) return undefined
  const release = await fullest(objects, plan.dataset)
  const rates = release ? await ratesOf(objects, release, given) : ratesOfDemo(given)
  const mvoxel = voxels(plan.bounds) / 1e6
  const rest = rows.filter(r => r.unmeasured > 0)
  const seconds = rest.reduce((sum, r) => {
    const share = r.unmeasured / Math.max(1, plan.expected[r.stage] ?? 1)
    return sum + (rates[r.stage] ?? 0) * mvoxel * share
  }, 0)
  return {
    seconds: seconds + rows.reduce((sum, r) => sum + r.seconds, 0),
    cost: (seconds / 3600) * price.perCpuHour + rows.reduce((sum, r) => sum + r.cost, 0),
    from: release ? `${release.dataset}/${release.release}, measured here` : 'the demo on two cores',
    unknown: rest.filter(r => !(r.stage in rates)).map(r => r.stage),
  }
}

/** Of the releases that channels name, that of this dataset, or the one of most stages. */
async function fullest(objects: ObjectStore, dataset: string): Promise<Release | undefined> {
  const found = await mapBounded(await datasets(objects), 4, async d => {
    const { published, candidate } = await channelsOf(objects, d)
    const name = (published ?? candidate)?.release
    return name === undefined ? undefined : readRelease(objects, d, name).catch(() => undefined)
  })
  const stagesOf = (r: Release): number => stagesIn(r).length + (r.dataset === dataset ? 0.5 : 0)
  return found.flatMap(r => r ?? []).sort((a, b) => stagesOf(b) - stagesOf(a))[0]
}

async function ratesOf(objects: ObjectStore, release: Release, given: RunConfig['stages']): Promise<Rates> {
  const artifacts = artifactStore(objects, { quarantined: true })
  const mvoxel = voxels(release.bounds) / 1e6
  const rates = await mapBounded(Object.entries(await sampleOf(objects, release)), 4, async ([stage, refs]) => {
    const step = Math.max(1, Math.floor(refs.length / SAMPLE))
    const sample = refs.filter((_, i) => i % step === 0).slice(0, SAMPLE)
    const records = await mapBounded(sample, SAMPLE, r => artifacts.lineage(r.stage, r.recipe).catch(() => undefined))
    const seconds = records.flatMap(l => (l ? [secondsLike(l, given[stage as StageName])] : []))
    const mean = seconds.reduce((a, b) => a + b, 0) / seconds.length
    return seconds.length > 0 ? [[stage, (mean * countOf(release, stage)) / mvoxel] as const] : []
  })
  return Object.fromEntries(rates.flat())
}
