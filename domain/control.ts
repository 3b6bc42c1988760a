// Holding a run, a stage or a region back, and the limits at which a run holds itself back.
import { z } from 'zod'
import type { Quality } from './release.ts'
import { stageNames, type StageName } from './stages.ts'
import { about, fraction, positive, regionName } from './values.ts'

const named = z.string().trim().min(1, 'say who and why: it is kept with the run')

/** New work that a pause covers is not begun; what is under way ends. */
export const Pause = z.strictObject({
  stage: z
    .enum(stageNames as [StageName, ...StageName[]])
    .nullable()
    .describe('Null: every stage.'),
  region: regionName.nullable().describe('Grid coordinate `x_y_z`; null: every region.'),
  by: named,
  reason: named,
})
export type Pause = z.infer<typeof Pause>

export const Resume = Pause.extend({
  budget: positive.nullable().describe('A new limit of cost, where the old one was the reason to pause.'),
})
export type Resume = z.infer<typeof Resume>

export const sameScope = (a: Pick<Pause, 'stage' | 'region'>, b: Pick<Pause, 'stage' | 'region'>): boolean =>
  a.stage === b.stage && a.region === b.region

/** Whether a pause holds back work of a stage in a region (null: not that of one stage, of one region). */
export const covers = (p: Pause, stage: StageName | null, region: string | null): boolean =>
  (p.stage === null || p.stage === stage) && (p.region === null || p.region === region)

export const scopeName = (p: Pick<Pause, 'stage' | 'region'>): string =>
  [p.stage && `stage ${p.stage}`, p.region && `region ${p.region}`].filter(Boolean).join(', ') || 'the run'

/** What fan-outs tell the run while they go on. */
export interface Spent {
  readonly cost: number
  readonly made: number
  /** Attempts that failed, and blocks set aside. */
  readonly failed: number
  /** The most that one child or activity has cost. */
  readonly largest: number
}

export const Budget = z.strictObject({
  cost: positive
    .optional()
    .meta(about('The run pauses itself before it has cost more, in the currency of the price table.', 500)),
  failureRate: fraction
    .optional()
    .meta(about('The run pauses itself when more than this share of its attempts fails.', 0.05)),
  stitchResidualPx: positive
    .optional()
    .meta(
      about(
        'It pauses itself before the images are rendered when the median residual of its seams is larger, in pixels.',
        2,
      ),
    ),
  alignResidualPx: positive.optional().meta(about('The same for the residual between sections.', 2)),
})
export type Budget = z.infer<typeof Budget>

/** Attempts before a failure rate means anything. */
const FEW = 20

/** Why a run should pause itself now; null while all is well. `underWay`: cost of what cannot be stopped any more. */
export function overBudget(b: Budget, spent: Spent, underWay: number): string | null {
  if (b.cost !== undefined && spent.cost + underWay >= b.cost)
    return `spent ${spent.cost.toPrecision(3)} with about ${underWay.toPrecision(2)} under way: the limit is ${b.cost} (budget.cost)`
  const attempts = spent.made + spent.failed
  if (b.failureRate !== undefined && attempts >= FEW && spent.failed / attempts > b.failureRate)
    return `${spent.failed} of ${attempts} attempts failed: the line is ${b.failureRate} (budget.failureRate)`
  return null
}

/** The same for what the alignment has come to. */
export function overResiduals(b: Budget, q: Pick<Quality, 'stitchResidualPx' | 'alignResidualPx'>): string | null {
  const over = (['stitchResidualPx', 'alignResidualPx'] as const).filter(k => (q[k] ?? 0) > (b[k] ?? Infinity))
  return over.map(k => `${k} is ${q[k]!.toFixed(2)}: the line is ${b[k]} (budget.${k})`).join('; ') || null
}
