// What a run file must be beyond its single keys, and what is said of keys that are wrong.
import type { z } from 'zod'
import type { RunConfig } from '../config.ts'
import { configError } from '../errors.ts'
import type { Box } from '../geometry.ts'
import { blockOf } from '../models.ts'
import { isRegional, layers, layoutOf, stageNames, stages, type StageName } from '../stages.ts'
import { didYouMean, nearest, suggestion } from './schema.ts'

const CHUNK = 64

/** @throws HillockError ConfigError for what lies outside the dataset. */
export function checkExclude({ sections, boxes }: RunConfig['exclude'], bounds: Box, firstOfSource = 0): void {
  for (const [i, { section }] of sections.entries())
    if (section < bounds.min[2] || section >= bounds.max[2])
      throw configError(
        `exclude.sections.${i}.section: there is no section ${section}; they go from ${bounds.min[2]} to ${bounds.max[2] - 1}${firstOfSource ? ` (section ${firstOfSource} of the source is 0)` : ''}`,
      )
  for (const [i, { box }] of boxes.entries()) checkInside(`exclude.boxes.${i}.box`, box, bounds)
}

/** What a schema of single keys cannot say. @throws HillockError ConfigError naming the path in the file. */
export function checkWhole(c: RunConfig): void {
  const fail = (path: string, message: string): never => {
    throw configError(`${path}: ${message}`)
  }
  for (const a of [0, 1, 2] as const) {
    if (c.grid.block[a] % 8 !== 0)
      fail(`grid.block.${a}`, `${c.grid.block[a]} is not a multiple of 8, as the model needs`)
    if (c.grid.region[a] % c.grid.block[a] !== 0)
      fail(`grid.region.${a}`, `${c.grid.region[a]} is not a whole number of blocks of ${c.grid.block[a]}`)
    if (c.grid.region[a] % CHUNK !== 0)
      fail(`grid.region.${a}`, `${c.grid.region[a]} is not a multiple of the chunk edge ${CHUNK}`)
    for (const { stage, ...l } of layers)
      if ('regions' in l) {
        const { chunk } = layoutOf(c, stage)
        if (c.grid.region[a] % chunk[a] !== 0)
          fail(
            `stages.${stage}.chunk.${a}`,
            `regions of ${c.grid.region[a]} voxels are not whole chunks of ${chunk[a]}`,
          )
      }
  }
  for (const stage of stageNames) checkBlock(c, stage, `stages.${stage}.block`)
  const least = Math.min(...c.grid.region)
  for (const stage of stageNames)
    for (const named of Object.values(stages[stage].halo ?? {})) {
      if (typeof named !== 'string') continue
      const given = (c.stages[stage] as Record<string, number>)[named]!
      if (given > least)
        fail(`stages.${stage}.${named}`, `${given} voxels reach further than the next region, which has ${least}`)
    }
  for (const [i, o] of c.overrides.entries())
    for (const [name, given] of Object.entries(o.stages)) {
      const path = `overrides.${i}.stages.${name}`
      const stage = name as StageName
      if (!stageNames.includes(stage)) fail(path, `unknown stage${didYouMean(nearest(name, stageNames))}`)
      else if (!isRegional(stage)) fail(path, 'this stage is not one of a region')
      else {
        const { parameters } = stages[stage]
        const parsed = parameters.safeParse({ ...(c.stages[stage] as object), ...given })
        if (!parsed.success) return fail(path, explain(parsed.error.issues, parameters).join('; '))
        checkBlock({ ...c, stages: { ...c.stages, [stage]: parsed.data } }, stage, `${path}.block`)
      }
    }
  for (const [i, g] of c.gates.entries()) {
    const names = c.gates.map(o => o.name)
    if (names.indexOf(g.name) < i || g.name === 'release' || g.name === 'quarantine')
      fail(`gates.${i}.name`, `there is another gate ${g.name}`)
    const odd = stageNames.find(s => stages[s].phase === g.before && stages[s].scope !== 'region')
    if (g.canary && odd) fail(`gates.${i}.canary`, `phase ${g.before} does not go region by region: ${odd} does not`)
    if (g.before === 'release') fail(`gates.${i}.before`, 'the release has a gate of its own: release.approval')
  }
  if ('phantom' in c.source && c.evaluate.box)
    checkInside('evaluate.box', c.evaluate.box, { min: [0, 0, 0], max: c.source.phantom.size })
  if (!('phantom' in c.source) && c.evaluate.truth === 'phantom')
    fail('evaluate.truth', 'the source is not a phantom, so it has no truth of its own')
}

/** What goes through the model of a stage at once. @throws HillockError ConfigError where regions are no whole number of it */
function checkBlock(c: RunConfig, stage: StageName, path: string): void {
  const block = blockOf(c, stage)
  for (const a of [0, 1, 2] as const)
    if (block[a] % 8 !== 0 || c.grid.region[a] % block[a] !== 0)
      throw configError(
        `${path}.${a}: ${block[a]} is not a multiple of 8 of which a region, ${c.grid.region[a]} voxels, is a whole number`,
      )
}

/** @throws HillockError ConfigError when `box` reaches outside `bounds`. */
export function checkInside(path: string, box: Box, bounds: Box): void {
  const bad = [0, 1, 2].find(a => box.min[a]! < bounds.min[a]! || box.max[a]! > bounds.max[a]!)
  if (bad !== undefined)
    throw configError(
      `${path}: ${'xyz'[bad]} from ${box.min[bad]} to ${box.max[bad]} lies outside the dataset, which reaches from ${bounds.min[bad]} to ${bounds.max[bad]}`,
    )
}

const issuePath = (i: z.core.$ZodIssue): string => i.path.map(String).join('.') || '(top of the file)'

/** @param schema whose keys a misspelt one may have meant */
export function explain(issues: readonly z.core.$ZodIssue[], schema: z.ZodType): string[] {
  return issues.flatMap(i => {
    if (i.code === 'unrecognized_keys')
      return i.keys.map(k => `${[...i.path, k].join('.')}: unknown key${suggestion(schema, i.path, k)}`)
    // Of a union the branch that got furthest says what is wrong; the others are noise.
    if (i.code === 'invalid_union') {
      const best = i.errors.toSorted((a, b) => depth(b) - depth(a))[0]
      if (best && depth(best) > 0)
        return explain(
          best.map(e => ({ ...e, path: [...i.path, ...e.path] })),
          schema,
        )
    }
    return [`${issuePath(i)}: ${i.message}`]
  })
}
const depth = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(0, ...issues.map(i => i.path.length)) -
  (issues.some(i => i.code === 'unrecognized_keys' && i.path.length === 0) ? 9 : 0)

/** One way of saying it: `models.affinity` becomes `model`. @throws HillockError ConfigError where both are given and differ */
export function withModel({ models, ...c }: RunConfig, raw: unknown, file: string): RunConfig {
  const { affinity, ...others } = models ?? {}
  const named = (raw as { model?: string }).model
  if (affinity !== undefined && named !== undefined && named !== affinity)
    throw configError(`${file}: model is ${named}, models.affinity is ${affinity}: give one of them`)
  return {
    ...c,
    ...(affinity !== undefined && { model: affinity }),
    ...(Object.keys(others).length > 0 && { models: others }),
  }
}
