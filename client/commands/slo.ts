// `hillock slo RUN|RELEASE|DATASET`: throughput, failures, cost and hot spots beside the targets of the run file.
import { writeFileSync } from 'node:fs'
import type { Amount, SloReport } from '../../domain/slo/slo.ts'
import { bucket } from '../catalogue.ts'
import { onStack } from '../call.ts'
import { table, type Columns } from '../report.ts'
import { sloOf } from '../slo.ts'

export async function slo(subject: string, o: { json?: boolean; html?: string }): Promise<void> {
  const { client, stack } = await onStack()
  const report = await sloOf(client, bucket(), subject)
  if (o.html) {
    const page = await fetch(`${stack.serving}/slo/${subject}`, { headers: { accept: 'text/html' } })
    if (!page.ok) throw new Error(`${page.url} answered ${page.status}: ${(await page.text()).slice(0, 500)}`)
    writeFileSync(o.html, await page.text())
  }
  if (o.json) console.log(JSON.stringify(report))
  else {
    print(report)
    console.log(o.html ? `page written to ${o.html}` : `page: ${stack.serving}/slo/${subject}`)
  }
}

const short = (n: number | null): string => (n === null ? '-' : String(Number(n.toPrecision(3))))
const percent = (n: number | null): string => (n === null ? '-' : `${Number((n * 100).toPrecision(3))} %`)
const time = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

function print(r: SloReport): void {
  for (const run of r.runs)
    console.log(`${run.workflowId}: ${run.status}, ${time(run.start)} to ${run.end ? time(run.end) : 'now'} UTC`)
  if (r.missing.length > 0) console.log(`histories gone from the server: ${r.missing.join(', ')}`)
  const columns: Columns<SloReport['stages'][number]> = {
    stage: s => s.stage,
    made: s => s.made,
    found: s => s.found,
    'Mvoxel/s': s => short(s.mvoxelPerSecond),
    'per slot': s => short(s.perSlot),
    target: s => short(s.target),
    attempts: s => s.attempts,
    failed: s => `${s.failures}${s.unrecovered ? ' !' : ''}`,
    'handed over': s => s.handedOver,
    retried: s => percent(s.retryRate),
    'recovery s': s => short(s.recoverySeconds),
    [`cost ${r.currency}`]: s => short(s.cost),
    forecast: s => short(s.forecast?.cost ?? null),
    MB: s => short(s.bytes / 1e6),
  }
  console.log(table(columns, r.stages))
  console.log(
    `attempts failed ${percent(r.failureRate)}, activities retried ${percent(r.retryRate)}, mean time to recovery ${short(r.recoverySeconds)} s`,
  )
  const { deadline, end, actual, unmeasured } = r.schedule
  const after = unmeasured.length > 0 ? ` at the earliest (nothing measured yet: ${unmeasured.join(', ')})` : ''
  if (end !== null) console.log(`${actual ? 'ended' : 'would end'} ${time(end)} UTC${after}`)
  if (deadline !== null)
    console.log(`deadline ${time(deadline)} UTC: ${end === null ? 'unknown' : end <= deadline ? 'met' : 'missed'}`)
  for (const g of r.objectives)
    console.log(
      `${g.met === null ? '?' : g.met ? 'met   ' : 'MISSED'} ${g.name}: ${short(g.actual)}, target ${short(g.target)}`,
    )
  const amount = (what: string, a: Amount, unit: string): void => {
    const per = (n: number): string => `${short(n)} ${unit} = ${short((n / r.cubicMicrons) * 1e9)} per mm3`
    console.log(`${what}: made ${per(a.made)} (forecast ${short(a.forecast)}), all behind it ${per(a.all)}`)
  }
  amount('compute', r.compute, r.currency)
  amount('storage', r.storagePerMonth, `${r.currency} per month`)
  for (const s of r.skew)
    console.log(
      `${s.measure}, ${s.count} ${s.of}: median ${short(s.median)}, max ${short(s.max)} (${s.worst}), spread ${short(s.spread)}`,
    )
  for (const s of r.slowest.slice(0, 5))
    console.log(`slow: ${s.stage} ${s.covers}: ${short(s.seconds)} s, median of the stage ${short(s.median)} s`)
  for (const q of r.requests.filter(x => x.failed > 0))
    console.log(`store: ${q.failed} requests failed under ${q.prefix}, ${q.throttled} of them throttled`)
  for (const c of r.candidates)
    console.log(
      `${c.own ? '*' : ' '} ${c.release} ${c.channels.join(', ') || '-'}: VOI ${short(c.quality.voiSum ?? null)}, ARAND ${short(c.quality.arand ?? null)}, synapse F1 ${short(c.quality.synapseF1 ?? null)}, holes ${c.holes}, cost ${short(c.cost)}`,
    )
}
