// `make bench`: the demo, or `node bench/run.ts FILE` a run file, in an empty home, with every kernel, stage and process measured.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkout, type StackRecord } from '../worker/home.ts'
import { connect } from '../client/connection.ts'
import type { RunReport } from '../client/commands/run.ts'
import { stageTable, table, type Columns } from '../client/report.ts'
import { voxels } from '../domain/geometry.ts'

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

/** Resident memory of a process, in MiB, and its CPU seconds, user and system. */
function usage(pid: number): { mib: number; cpu: number } {
  try {
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .slice(11, 13)
    const mib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
    return { mib, cpu: (Number(user) + Number(system)) / TICKS }
  } catch {
    return { mib: 0, cpu: 0 }
  }
}
/** In which the kernel counts, each second. */
const TICKS = 100

const stackNow = (): StackRecord => JSON.parse(readFileSync(join(home, 'stack.json'), 'utf8')) as StackRecord

const peaks = new Map<string, number>()
/** CPU seconds of each process so far; one may be called another as others end. */
const spent = new Map<number, { readonly name: string; readonly cpu: number }>()
/** The same when the stack had got ready: what does not grow with the work. */
let atStart: typeof spent | undefined
let peakOfAll = 0
function sample(): void {
  if (!readdirSync(home).includes('stack.json')) return
  const stack = stackNow()
  let sum = 0
  for (const [name, pid] of [
    ...Object.entries(stack.children),
    ['supervisor', stack.pid] as const,
    ['command', demo.pid!] as const,
  ]) {
    const { mib, cpu } = usage(pid)
    sum += mib
    peaks.set(name, Math.max(peaks.get(name) ?? 0, mib))
    if (cpu > 0) spent.set(pid, { name: spent.get(pid)?.name ?? name, cpu })
  }
  peakOfAll = Math.max(peakOfAll, sum)
  if (stack.ready) atStart ??= new Map(spent)
}

const began = Date.now()
const hillock = join(checkout, 'hillock')
const [file] = process.argv.slice(2)
const demo = spawn(hillock, file === undefined ? ['demo', '--json', '--exit'] : ['run', file, '--json'], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
})
let out = ''
demo.stdout.on('data', (d: Buffer) => (out += d.toString()))
const timer = setInterval(sample, 250)
const code = await new Promise<number>(done => demo.on('exit', c => done(c ?? 1)))
sample()
clearInterval(timer)
const orchestration = { runs: 0, events: 0, transitions: 0 }
if (code === 0) {
  const client = await connect(stackNow().temporal)
  for await (const w of client.workflow.list()) {
    orchestration.runs++
    orchestration.events += w.historyLength
    orchestration.transitions += Number(w.raw.stateTransitionCount ?? 0)
  }
  await client.connection.close()
}
spawnSync(hillock, ['down'], { env })
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
const ALL = 'all together'
const cpuOf = (name?: string, of = spent): number =>
  [...of.values()].reduce((n, s) => n + (name === undefined || s.name === name ? s.cpu : 0), 0)
const memory: Columns<readonly [string, number]> = {
  process: ([name]) => name,
  'peak MiB': ([, mib]) => Math.round(mib),
  'CPU s': ([name]) => cpuOf(name === ALL ? undefined : name).toFixed(1),
  'of these to start': ([name]) => cpuOf(name === ALL ? undefined : name, atStart).toFixed(1),
}
console.log(`\n${table(memory, [...peaks, [ALL, peakOfAll] as const])}`)
const cpu = cpuOf()
const mvoxel = voxels(report.bounds) / 1e6
console.log(
  `\nthe whole path: ${mvoxel.toFixed(2)} Mvoxel in ${cpu.toFixed(1)} CPU seconds of all processes, ${(mvoxel / cpu).toFixed(3)} Mvoxel per CPU second`,
)
const ORCHESTRATING = ['temporal', 'workflow', 'command', 'supervisor']
const orchestrated = ORCHESTRATING.reduce((n, name) => n + cpuOf(name), 0)
const toStart = ORCHESTRATING.reduce((n, name) => n + cpuOf(name, atStart), 0)
const { runs, events, transitions } = orchestration
console.log(
  `orchestration (${ORCHESTRATING.join(', ')}): ${orchestrated.toFixed(1)} CPU seconds, ${((100 * orchestrated) / cpu).toFixed(1)} %, ` +
    `${toStart.toFixed(1)} of them until the stack was ready, ${((1000 * (orchestrated - toStart)) / transitions).toFixed(1)} ms for each transition since; ` +
    `${runs} workflow runs, per Mvoxel ${(events / mvoxel).toFixed(0)} events and ${(transitions / mvoxel).toFixed(0)} transitions`,
)

// The run as its workflow saw it: from the first stage's start to the last stage's end.
const from = Math.min(...report.stages.map(s => s.started))
const to = Math.max(...report.stages.map(s => s.ended))
const wall = (to - from) / 1000
/** Share of it in which at least `n` of some spans were under way at once. */
function atOnce(n: number, of: readonly Span[]): string {
  const turns = of.flatMap((s): [number, number][] => [
    [s.start, 1],
    [s.end, -1],
  ])
  turns.sort((a, b) => a[0] - b[0])
  let [open, sum] = [0, 0]
  for (const [i, [at, by]] of turns.entries()) {
    open += by
    if (open >= n) sum += turns[i + 1]![0] - at
  }
  return `${(sum / 10 / wall).toFixed(0)} %`
}
const computing = spans.filter(s => s.kind !== 'io')
console.log(
  `\n${availableParallelism()} cores; demo ${total.toFixed(1)} s from start to exit, run ${report.seconds} s; of ${wall.toFixed(1)} s of stages something was under way in ` +
    `${atOnce(1, spans)}, a kernel or a model in ${atOnce(1, computing)}, two or more of these in ${atOnce(2, computing)}`,
)
rmSync(home, { recursive: true, force: true })
