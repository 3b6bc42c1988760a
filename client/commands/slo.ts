// `hillock slo RUN|RELEASE|DATASET`: throughput, failures, cost and hot spots beside the targets of the run file.
import { writeFileSync } from 'node:fs'
import Table from 'cli-table3'
import type { Amount, SloReport } from '../../domain/slo/slo.ts'
import { bucket } from '../catalogue.ts'
import { connect } from '../connection.ts'
import { sloOf } from '../slo.ts'
import { ensureStack } from '../stack.ts'

export async function slo(subject: string, o: { json?: boolean; html?: string }): Promise<void> {
  const { stack } = await ensureStack()
  const report = await sloOf(await connect(stack.temporal), bucket(), subject)
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
  process.exit(0)
}

const short = (n: number | null): string => (n === null ? '-' : String(Number(n.toPrecision(3))))
const percent = (n: number | null): string => (n === null ? '-' : `${Number((n * 100).toPrecision(3))} %`)
const time = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

function print(r: SloReport): void {
  for (const run of r.runs)
    console.log(`${run.workflowId}: ${run.status}, ${time(run.start)} to ${run.end ? time(run.end) : 'now'} UTC`)
  if (r.missing.length > 0) console.log(`histories gone from the server: ${r.missing.join(', ')}`)
  const table = new Table({
    head: [
      'stage',
      'made',
      'found',
      'Mvoxel/s',
      'per slot',
      'target',
      'attempts',
      'failed',
      'retried',
      'recovery s',
    ].concat([`cost ${r.currency}`, 'forecast', 'MB']),
    style: { head: [], border: [], compact: true },
    colAligns: ['left', ...Array.from({ length: 12 }, () => 'right' as const)],
  })
  for (const s of r.stages)
    table.push(
      [s.stage, s.made, s.found, short(s.mvoxelPerSecond), short(s.perSlot), short(s.target), s.attempts]
        .concat([`${s.failures}${s.unrecovered ? ' !' : ''}`, percent(s.retryRate), short(s.recoverySeconds)])
        .concat([short(s.cost), short(s.forecast?.cost ?? null), short(s.bytes / 1e6)]),
    )
  console.log(table.toString())
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
      `${s.measure} per region: median ${short(s.median)}, max ${short(s.max)} (region ${s.worst}), spread ${short(s.spread)}`,
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
