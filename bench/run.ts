// `make bench`: the demo in an empty home, with every kernel, stage and process measured.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import Table from 'cli-table3'
import { checkout, type StackRecord } from '../worker/home.ts'
import type { RunReport } from '../client/commands/run.ts'
import { overlap, union, type Span } from './spans.ts'

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

const kernels = new Table({
  head: ['kernel', 'calls', 'seconds', 'Melement/s'],
  style: { head: [], border: [], compact: true },
})
const byName = Map.groupBy(
  spans.filter(s => s.kind !== 'io'),
  s => s.name,
)
const seconds = (list: readonly Span[]): number => list.reduce((n, s) => n + s.end - s.start, 0) / 1000
for (const [name, list] of [...byName].sort((a, b) => seconds(b[1]) - seconds(a[1]))) {
  const elements = list.reduce((n, s) => n + (s.elements ?? 0), 0)
  kernels.push([
    name,
    list.length,
    seconds(list).toFixed(2),
    elements ? (elements / seconds(list) / 1e6).toFixed(2) : '-',
  ])
}
console.log(kernels.toString())

const stages = new Table({
  head: ['stage', 'made', 'voxels', 'seconds', 'Mvoxel/s'],
  style: { head: [], border: [], compact: true },
})
for (const s of report.stages)
  stages.push([
    s.stage,
    s.made,
    s.voxels,
    s.seconds.toFixed(1),
    s.seconds ? (s.voxels / s.seconds / 1e6).toFixed(2) : '-',
  ])
console.log(`\n${stages.toString()}`)

const memory = new Table({ head: ['process', 'peak MiB'], style: { head: [], border: [], compact: true } })
for (const [name, mib] of peaks) memory.push([name, Math.round(mib)])
memory.push(['all together', Math.round(peakOfAll)])
console.log(`\n${memory.toString()}`)

// The run as its workflow saw it: from the first stage's start to the last stage's end.
const from = Math.min(...report.stages.map(s => s.started))
const to = Math.max(...report.stages.map(s => s.ended))
const wall = (to - from) / 1000
const busy = overlap(union(spans), from, to) / 1000
console.log(
  `\n${availableParallelism()} cores; demo ${total.toFixed(1)} s from start to exit, run ${report.seconds} s; of ${wall.toFixed(1)} s of stages ` +
    `${(wall - busy).toFixed(1)} s (${((100 * (wall - busy)) / wall).toFixed(1)} %) were neither kernels nor inference nor I/O`,
)
rmSync(home, { recursive: true, force: true })
