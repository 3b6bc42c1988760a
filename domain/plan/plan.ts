// The plan of a run: what would be made and why, before anything is.
import { z } from 'zod'
import { canonicalJson, type Json } from '../canonical.ts'
import type { RunConfig } from '../config.ts'
import { Box, boxName, Shape } from '../geometry.ts'
import type { Lineage } from '../lineage.ts'
import type { SetAside } from './marks.ts'
import { Digest, sha256, type Recipe } from '../recipe.ts'
import { stageNames, stages, type StageName } from '../stages.ts'
import { regionGrid } from '../index/grid.ts'

const PlanItem = z.strictObject({
  stage: z.string(),
  /** Region, tree node, section, pair of sections, or `all`. */
  cell: z.string(),
  /** False: it follows from what is made first, and is not made where that comes out as before (an upper bound). */
  certain: z.boolean(),
  why: z.array(z.string()),
  /** Of the artifact that stood there before, or of its like; null when nothing of the kind was ever measured. */
  measured: z.strictObject({ voxels: z.number(), seconds: z.number(), cost: z.number() }).nullable(),
})
export type PlanItem = z.infer<typeof PlanItem>

export const Plan = z.strictObject({
  id: z.string(),
  dataset: z.string(),
  /** Digest of the run file, with its defaults, in the raw archive. */
  config: Digest,
  /** Release that it is compared with. */
  base: z.string().nullable(),
  bounds: Box,
  /** How the source is read, where that has to be said. */
  notes: z.array(z.string()).optional(),
  region: Shape,
  /** Artifacts that the run looks for, by stage. */
  expected: z.record(z.string(), z.number()),
  items: z.array(PlanItem),
  currency: z.string(),
})
export type Plan = z.infer<typeof Plan>

/** How often a block goes through the model of a stage: once, or for each of its mirror images. */
export function imagesOf(parameters: object = {}): number {
  const { augment } = parameters as { augment?: unknown }
  return typeof augment === 'number' ? augment : 1
}

/** Seconds that an artifact will take with these parameters of its stage, by what one of its kind took with its own. */
export const secondsLike = ({ seconds, recipe }: Pick<Lineage, 'seconds' | 'recipe'>, parameters?: object): number =>
  seconds.kernel + (seconds.inference * imagesOf(parameters)) / imagesOf(recipe.parameters)

/** The same plan has the same name. */
export const planId = (plan: Omit<Plan, 'id'>): string => sha256(canonicalJson(plan as unknown as Json)).slice(0, 12)

/** Items in the order of the stage table, then by name. */
export const inOrder = (items: readonly PlanItem[]): PlanItem[] =>
  items.toSorted(
    (a, b) =>
      stageNames.indexOf(a.stage as StageName) - stageNames.indexOf(b.stage as StageName) ||
      a.cell.localeCompare(b.cell, 'en', { numeric: true }),
  )

const show = (v: unknown): string => (v === undefined ? '(none)' : typeof v === 'string' ? v : JSON.stringify(v))

/** Differences between two sets of named values, in words. */
function differences(
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
  say: (name: string, was: unknown, is: unknown) => string,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()
  return names.flatMap(n => (show(before[n]) === show(now[n]) ? [] : [say(n, before[n], now[n])]))
}

type Excluded = (RunConfig['exclude']['sections'] | RunConfig['exclude']['boxes'])[number]

/** Sections and boxes that are left out now and were not before, and the other way round. */
function exclusions(was: unknown, is: unknown): string[] {
  const named = (list: unknown): string[] =>
    ((list ?? []) as Excluded[]).map(
      e => `${'section' in e ? `section ${e.section}` : `box ${boxName(e.box)}`} marked bad: ${e.reason}`,
    )
  const [before, now] = [named(was), named(is)]
  return [...now.filter(n => !before.includes(n)), ...before.filter(b => !now.includes(b)).map(b => `no longer ${b}`)]
}

/**
 * Why an artifact would be made, given the recipe that stood in its place before (none: null).
 * `pending` names the input contents that are not made yet, `marks` what sets its earlier generations aside.
 */
export function reasons(
  before: Recipe | null,
  now: Recipe,
  pending: ReadonlyMap<Digest, string>,
  marks: readonly Pick<SetAside, 'kind' | 'reason'>[] = [],
): string[] {
  if (!before) return ['nothing was made here before']
  const why = marks.slice(before.generation ?? 0).map(m => `marked ${m.kind}: ${m.reason}`)
  if (before.version !== now.version) why.push(`stage version ${before.version} -> ${now.version}`)
  why.push(
    ...differences(before.parameters, now.parameters, (n, a, b) =>
      n === 'exclude' ? exclusions(a, b).join('; ') : `${now.stage}.${n} ${show(a)} -> ${show(b)}`,
    ),
    ...(before.model === now.model ? [] : [`model ${before.model?.slice(0, 12)} -> ${now.model?.slice(0, 12)}`]),
    ...differences(before.inputs, now.inputs, (n, a, b) =>
      pending.has(b as Digest)
        ? ''
        : a === undefined
          ? `${n} is new`
          : b === undefined
            ? `${n} is gone`
            : `${n} replaced`,
    ).filter(Boolean),
  )
  const follows = Object.values(now.inputs).flatMap(d => pending.get(d) ?? [])
  if (follows.length) why.push(`follows ${follows[0]}${follows.length > 1 ? ` and ${follows.length - 1} more` : ''}`)
  if (show(before.extent) !== show(now.extent)) why.push('another extent')
  if (before.seed !== now.seed) why.push(`seed ${before.seed} -> ${now.seed}`)
  return why.length ? why : ['the artifact is gone from the store']
}

export type PlanRow = ReturnType<typeof planRows>[number]
export const planRows = (p: Plan) =>
  stageNames
    .filter(s => s in p.expected)
    .map(stage => {
      const own = p.items.filter(i => i.stage === stage)
      const sum = (f: 'voxels' | 'seconds' | 'cost'): number => own.reduce((n, i) => n + (i.measured?.[f] ?? 0), 0)
      return {
        stage,
        exists: p.expected[stage]! - own.length,
        make: own.filter(i => i.certain).length,
        may: own.filter(i => !i.certain).length,
        voxels: sum('voxels'),
        seconds: sum('seconds'),
        cost: sum('cost'),
        /** Items without any measurement: their seconds and cost are not in the sums. */
        unmeasured: own.filter(i => !i.measured).length,
      }
    })

/** Regions that a plan touches: by coordinate, whether anything is certain to be made there. */
function touched(p: Pick<Plan, 'items'>): Map<string, boolean> {
  const out = new Map<string, boolean>()
  for (const i of p.items)
    if (stages[i.stage as StageName].scope === 'region') out.set(i.cell, (out.get(i.cell) ?? false) || i.certain)
  return out
}

/** The grid of regions, one row of tables per z: `█` something is made, `▒` something may be, `·` untouched. */
export function picture(p: Plan): string {
  const [nx, ny, nz] = regionGrid(p.bounds, p.region).cells
  const hit = touched(p)
  const planes = Array.from({ length: nz }, (_, z) =>
    Array.from({ length: ny }, (_, y) =>
      Array.from({ length: nx }, (_, x) => {
        const certain = hit.get(`${x}_${y}_${z}`)
        return certain === undefined ? '·' : certain ? '█' : '▒'
      }).join(''),
    ),
  )
  const title = (z: number): string => `z${z}`.padEnd(Math.max(nx, 3))
  return [
    planes.map((_, z) => title(z)).join('  '),
    ...Array.from({ length: ny }, (_, y) => planes.map(rows => rows[y]!.padEnd(Math.max(nx, 3))).join('  ')),
  ].join('\n')
}
