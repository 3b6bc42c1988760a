// `make bench`: the demo in an empty home, with every kernel, stage and process measured.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkout, type StackRecord } from '../worker/home.ts'
import type { RunReport } from '../client/commands/run.ts'
import { stageTable, table, type Columns } from '../client/report.ts'
import { union } from '../domain/slo/slo.ts'

interface Span {
  readonly kind: 'kernel' | 'inference' | 'io'
  readonly name: string
  readonly elements?: number
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly end: number
}

const home = mkdtempSync(join(tmpdir(), 'hillock-bench-'))
const trace = join(home, 'spans.jsonl')
const env = { ...process.env, HILLOCK_HOME: home, HILLOCK_TRACE: trace }

/** Resident memory of a process, in MiB. */
const resident = (pid: number): number => {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

const peaks = new Map<string, number>()
let peakOfAll = 0
function sample(): void {
  if (!readdirSync(home).includes('stack.json')) return
  const stack = JSON.parse(readFileSync(join(home, 'stack.json'), 'utf8')) as StackRecord
  let sum = 0
  for (const [name, pid] of [
    ...Object.entries(stack.children),
    ['supervisor', stack.pid] as const,
    ['hillock demo', demo.pid!] as const,
  ]) {
    const now = resident(pid)
    sum += now
    peaks.set(name, Math.max(peaks.get(name) ?? 0, now))
  }
  peakOfAll = Math.max(peakOfAll, sum)
}

const began = Date.now()
const demo = spawn(join(checkout, 'hillock'), ['demo', '--json', '--exit', ...process.argv.slice(2)], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
})
let out = ''
demo.stdout.on('data', (d: Buffer) => (out += d.toString()))
const timer = setInterval(sample, 250)
const code = await new Promise<number>(done => demo.on('exit', c => done(c ?? 1)))
clearInterval(timer)
const total = (Date.now() - began) / 1000
if (code !== 0) {
  console.error(`the demo ended with ${code}; its logs are in ${home}/logs`)
  process.exit(1)
}
const report = JSON.parse(out) as RunReport
const spans = readFileSync(trace, 'utf8')
  .trim()
  .split('\n')
  .map(l => JSON.parse(l) as Span)

const byName = Map.groupBy(
  spans.filter(s => s.kind !== 'io'),
  s => s.name,
)
const seconds = (list: readonly Span[]): number => list.reduce((n, s) => n + s.end - s.start, 0) / 1000
const elements = (list: readonly Span[]): number => list.reduce((n, s) => n + (s.elements ?? 0), 0)
const kernels: Columns<[string, Span[]]> = {
  kernel: ([name]) => name,
  calls: ([, list]) => list.length,
  seconds: ([, list]) => seconds(list).toFixed(2),
  'Melement/s': ([, list]) => (elements(list) ? (elements(list) / seconds(list) / 1e6).toFixed(2) : '-'),
}
console.log(
  table(
    kernels,
    [...byName].sort((a, b) => seconds(b[1]) - seconds(a[1])),
  ),
)
console.log(`\n${stageTable(report, '')}`)
const memory: Columns<readonly [string, number]> = {
  process: ([name]) => name,
  'peak MiB': ([, mib]) => Math.round(mib),
}
console.log(`\n${table(memory, [...peaks, ['all together', peakOfAll] as const])}`)

// The run as its workflow saw it: from the first stage's start to the last stage's end.
const from = Math.min(...report.stages.map(s => s.started))
const to = Math.max(...report.stages.map(s => s.ended))
const wall = (to - from) / 1000
const worked = union(spans.map(s => [s.start, s.end] as const))
const busy = worked.reduce((n, [a, b]) => n + Math.max(0, Math.min(to, b) - Math.max(from, a)), 0) / 1000
console.log(
  `\n${availableParallelism()} cores; demo ${total.toFixed(1)} s from start to exit, run ${report.seconds} s; of ${wall.toFixed(1)} s of stages ` +
    `${(wall - busy).toFixed(1)} s (${((100 * (wall - busy)) / wall).toFixed(1)} %) were neither kernels nor inference nor I/O`,
)
rmSync(home, { recursive: true, force: true })
