// What a run prints: one progress line per stage, the table at the end, the quality figures.
import Table from 'cli-table3'
import { amount, duration } from '../domain/slo/cost.ts'
import type { Progress, StageProgress } from '../domain/contract/run.ts'
import type { Quality } from '../domain/release.ts'
import { secondsOf, shareDone } from '../domain/slo/counts.ts'
import type { RunReport } from './commands/run.ts'

/** The one option that every command takes. */
export interface JsonOption {
  readonly json?: boolean
}

/** One JSON object for programs, lines for people. */
export function say(o: JsonOption, value: object, lines: string | readonly string[]): void {
  if (o.json) console.log(JSON.stringify(value))
  else for (const line of [lines].flat()) console.log(line)
}

const done = (r: StageProgress): number => r.made + r.found

/** `render       ██████░░░░  4/6  3 made, 1 found  ~ 12 s left` */
export function progressLine(r: StageProgress, now: number): string {
  const bar = '█'.repeat(Math.round(shareDone(r) * 20)).padEnd(20, '░')
  const seconds = secondsOf(r, now)
  const time = !seconds ? 'started' : 'took' in seconds ? duration(seconds.took) : `~ ${duration(seconds.left)} left`
  const odd = [r.quarantined ? `${r.quarantined} quarantined` : '', r.retries ? `${r.retries} retries` : ''].filter(
    Boolean,
  )
  return `${r.stage.padEnd(14)} ${bar} ${String(done(r)).padStart(5)}/${r.total}  ${[`${r.made} made`, `${Math.max(0, r.found)} found`, ...odd].join(', ')}  ${time}`
}

/** Prints progress: redrawn in place on a terminal, else one line when a stage is complete. */
export class ProgressPrinter {
  private lines = 0
  private readonly finished = new Set<string>()
  private readonly out: NodeJS.WriteStream
  constructor(out: NodeJS.WriteStream) {
    this.out = out
  }

  /** A line of its own, above what is redrawn. */
  say(line: string): void {
    this.out.write(`${line}\n`)
    this.lines = 0
  }

  show(p: Progress, now: number): void {
    if (!this.out.isTTY) {
      for (const r of p.stages)
        if (r.total > 0 && done(r) >= r.total && !this.finished.has(r.stage)) {
          this.finished.add(r.stage)
          this.out.write(`${progressLine(r, now)}\n`)
        }
      return
    }
    const lines = p.stages.map(r => progressLine(r, now))
    if (this.lines) this.out.write(`\u001b[${this.lines}A`)
    for (const l of lines) this.out.write(`\u001b[2K${l.slice(0, this.out.columns ?? 120)}\n`)
    this.lines = lines.length
  }
}

const EVERY_MS = 200

/** One line on a terminal that says how far work on many objects is, and when it will be done. */
export function ticker() {
  const started = Date.now()
  let last = 0
  return {
    tick: (done: number, total: number, bytes: number): void => {
      const now = Date.now()
      if (!process.stderr.isTTY || now - last < EVERY_MS) return
      last = now
      const left = done < total ? `, ~ ${duration(((now - started) / 1000) * (total / done - 1))} left` : ''
      process.stderr.write(
        `\r\u001b[2K${done} of ${Math.max(done, total)} objects, ${(bytes / 1e6).toFixed(1)} MB${left}`,
      )
    },
    /** Takes the line away. */
    end: (): void => void (last > 0 && process.stderr.write('\r\u001b[2K')),
  }
}

const fixed = (n: number, digits: number): string => (n === 0 ? '0' : n.toFixed(digits))

/** Each heading with what stands under it. */
export type Columns<R> = Readonly<Record<string, (row: R) => string | number>>

/** A table whose first column is a name and whose others are figures. */
export function table<R>(columns: Columns<R>, rows: readonly R[]): string {
  const head = Object.keys(columns)
  const out = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
  })
  for (const row of rows) out.push(Object.values(columns).map(cell => cell(row)))
  return out.toString()
}

export const stageTable = (result: Pick<RunReport, 'stages'>, currency: string): string =>
  table(
    {
      stage: r => r.stage,
      made: r => r.made,
      found: r => r.found,
      quarantined: r => r.quarantined,
      voxels: r => r.voxels.toLocaleString('en'),
      seconds: r => fixed(r.seconds, 1),
      'Mvoxel/s': r => (r.made && r.seconds ? fixed(r.voxels / r.seconds / 1e6, 2) : '-'),
      retries: r => r.retries,
      [`cost ${currency}`]: r => amount(r.cost),
    },
    result.stages,
  )

/** What is known of a segmentation against its truth, and where that is lost. */
export const segmentationLines = (q: Quality): string[] => [
  ...(q.voiSum === undefined
    ? []
    : [
        `segmentation: VOI split ${q.voiSplit!.toFixed(3)} + merge ${q.voiMerge!.toFixed(3)} = ${q.voiSum.toFixed(3)} bits, ARAND ${q.arand!.toFixed(3)} (${q.segments} segments, ${q.objects} true objects)`,
      ]),
  ...(q.voiSumInner === undefined
    ? []
    : [`without borders: VOI ${q.voiSumInner.toFixed(3)} bits, ARAND ${q.arandInner!.toFixed(3)}`]),
  ...(q.voiSumFragments === undefined
    ? []
    : [`best agglomeration of the same fragments: VOI ${q.voiSumFragments.toFixed(3)} bits`]),
  ...(q.nerl === undefined
    ? []
    : [`expected run length: ${q.erlUm!.toFixed(2)} µm, ${q.nerl.toFixed(3)} of what the truth has`]),
]

export function qualityLines(result: Pick<RunReport, 'quality' | 'holes'>): string[] {
  const q = result.quality
  const lines: string[] = []
  lines.push(...segmentationLines(q))
  if (q.synapseF1 !== undefined)
    lines.push(
      `synapses: precision ${q.synapsePrecision!.toFixed(2)}, recall ${q.synapseRecall!.toFixed(2)}, F1 ${q.synapseF1.toFixed(2)}, partners right ${q.partnerAccuracy!.toFixed(2)}`,
    )
  if (q.stitchResidualPx !== undefined) lines.push(`stitching: median residual ${q.stitchResidualPx.toFixed(2)} px`)
  if (q.alignResidualPx !== undefined) lines.push(`alignment: median residual ${q.alignResidualPx.toFixed(2)} px`)
  for (const h of result.holes) lines.push(`hole: ${h.stage} ${h.what}: ${h.reason}`)
  return lines
}
