// The run file of a patch release: the parameters of a bad release, but in some regions those of the last good one.
import { configAt, type RunConfig } from '../config.ts'
import { canonicalJson, type Json } from '../canonical.ts'
import { configError } from '../errors.ts'
import { isRegional, stageNames, type StageName } from '../stages.ts'

const same = (a: unknown, b: unknown): boolean => canonicalJson(a as Json) === canonicalJson(b as Json)

export interface Patch {
  readonly config: RunConfig
  /** Stages whose parameters the patch changes, by region; regions where nothing changes are left out. */
  readonly changed: Readonly<Record<string, readonly StageName[]>>
}

/**
 * `bad` with overrides that give `regions` the parameters of `good`.
 * @throws HillockError ConfigError when the two differ in what cannot differ between regions, or agree in all of `regions`.
 */
export function patchConfig(bad: RunConfig, good: RunConfig, regions: readonly string[]): Patch {
  const whole: [string, unknown, unknown][] = [
    ['source', bad.source, good.source],
    ['grid', bad.grid, good.grid],
    ['voxelSizeNm', bad.voxelSizeNm, good.voxelSizeNm],
    ['model', bad.model ?? null, good.model ?? null],
    ['models', bad.models ?? {}, good.models ?? {}],
    ['seed', bad.seed, good.seed],
    ...stageNames
      .filter(s => !isRegional(s))
      .map((s): [string, unknown, unknown] => [`stages.${s}`, bad.stages[s], good.stages[s]]),
  ]
  const differing = whole.filter(([, a, b]) => !same(a, b)).map(([path]) => path)
  if (differing.length > 0)
    throw configError(
      `the two releases differ in ${differing.join(', ')}, which cannot differ between regions: roll back without --regions`,
    )
  const changed: Record<string, StageName[]> = {}
  /** Regions that get the same, by what they get: a run file has to fit into a payload. */
  const groups = new Map<string, RunConfig['overrides'][number]>()
  for (const region of new Set(regions)) {
    const [from, to] = [configAt(bad, region).stages, configAt(good, region).stages]
    const names = stageNames.filter(s => isRegional(s) && !same(from[s], to[s]))
    if (names.length === 0) continue
    changed[region] = names
    const given = Object.fromEntries(names.map(s => [s, to[s] as never]))
    const group = groups.get(canonicalJson(given)) ?? { regions: [], stages: given }
    groups.set(canonicalJson(given), { ...group, regions: [...group.regions, region] })
  }
  if (groups.size === 0) throw configError(`both releases were made with the same parameters in ${regions.join(', ')}`)
  return { config: { ...bad, overrides: [...bad.overrides, ...groups.values()] }, changed }
}
