// What is recorded of a tiny run for later suites: a history of every kind of workflow, and the digests of every stage.
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import type { Release } from '../domain/release.ts'
import { stages, type StageName } from '../domain/stages.ts'
import { artifactStore } from '../storage/artifacts.ts'
import type { ObjectStore } from '../storage/object-store.ts'

const folder = (name: string): string => fileURLToPath(new URL(`./${name}/`, import.meta.url))
export const historiesFolder = folder('histories')
export const goldenFile = `${folder('golden')}tiny.json`

/** Hex digits that are kept of a digest. */
const DIGITS = 16

/** Stage -> its version, and content by recipe: what comes in is named by the recipe, what goes out by the content. */
export interface Golden {
  /** Instruction sets on which it was recorded: the model may round otherwise on others. */
  readonly cpu: string
  readonly stages: Readonly<
    Record<string, { readonly version: number; readonly contents: Readonly<Record<string, string>> }>
  >
}

export async function goldenOf(objects: ObjectStore, release: Release): Promise<Golden> {
  const artifacts = artifactStore(objects)
  let cpu = ''
  const out: Record<string, Golden['stages'][string]> = {}
  for (const [stage, refs] of Object.entries(release.stages!)) {
    const contents: Record<string, string> = {}
    for (const ref of refs) {
      contents[ref.recipe.slice(0, DIGITS)] = ref.content.slice(0, DIGITS)
      cpu ||= (await artifacts.open(ref)).lineage.runtime.cpu.split('; ').at(-1)!
    }
    out[stage] = { version: stages[stage as StageName].version, contents }
  }
  return { cpu, stages: out }
}

/**
 * Stages that make other bytes from the same recipe: their version must be raised. On other processors the stages that use
 * the model are left out, and what follows from them has other recipes anyway.
 */
export function changedWithoutVersion(before: Golden, now: Golden): string[] {
  return Object.entries(now.stages!).flatMap(([stage, { contents }]) => {
    const { model } = stages[stage as StageName]
    if (model && !model.orKernel && before.cpu !== now.cpu) return []
    const known = before.stages[stage]?.contents ?? {}
    return Object.entries(contents).some(([recipe, c]) => (known[recipe] ?? c) !== c) ? [stage] : []
  })
}

/** Stages with recipes that were not recorded: something before them has changed, so they are no longer watched. */
export const unrecorded = (before: Golden, now: Golden): string[] =>
  Object.entries(now.stages!).flatMap(([stage, { contents }]) =>
    Object.keys(contents).every(r => before.stages[stage]?.contents[r]) ? [] : [stage],
  )

export const readGolden = (): Golden => JSON.parse(readFileSync(goldenFile, 'utf8')) as Golden

export interface RecordedHistory {
  readonly file: string
  readonly workflowId: string
  readonly history: { readonly events: readonly Record<string, unknown>[] }
}

export const recordedHistories = (): RecordedHistory[] =>
  readdirSync(historiesFolder)
    .sort()
    .map(file => {
      const { workflowId, history } = JSON.parse(
        gunzipSync(readFileSync(`${historiesFolder}${file}`)).toString(),
      ) as RecordedHistory
      return { file, workflowId, history }
    })
