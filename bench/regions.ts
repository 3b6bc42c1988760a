// `node bench/regions.ts 100 1000 10000`: real runs over so many regions of one thin block; what grows with them, and what does not.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunReport } from '../client/commands/run.ts'
import { connect } from '../client/connection.ts'
import { activityCalls } from '../domain/provenance/history.ts'
import { product, type Vec3 } from '../domain/geometry.ts'
import type { Release } from '../domain/release.ts'
import { stageNames } from '../domain/stages.ts'
import { fileStore } from '../storage/file-store.ts'
import { getRelease } from '../storage/releases.ts'
import { archiveFolder, getHistory, getHistoryIndex, historyKey } from '../storage/provenance/histories.ts'
import { checkout, type StackRecord } from '../worker/home.ts'
import { mostOf, stageRows, type Largest } from './largest.ts'
import { n, table } from './print.ts'
import { cellsOf, thinRegions } from './thin-regions.ts'

interface Measured {
  readonly regions: number
  readonly seconds: number
  readonly runs: number
  readonly most: { events: number; kib: number }
  readonly largest: Largest
  /** MiB. */
  readonly peaks: Readonly<Record<string, number>>
}

/** Most memory that a process has had, in MiB. */
const peakOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

async function measure(cells: Vec3): Promise<Measured> {
  const home = mkdtempSync(join(tmpdir(), 'hillock-regions-'))
  mkdirSync(home, { recursive: true })
  const hillock = (...args: string[]): string =>
    execFileSync(join(checkout, 'hillock'), args, {
      env: { ...process.env, HILLOCK_HOME: home },
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  try {
    const file = join(home, 'run.json')
    writeFileSync(file, JSON.stringify(thinRegions(home, cells)))
    const report = JSON.parse(hillock('run', file, '--json')) as RunReport
    const stack = JSON.parse(readFileSync(join(home, 'stack.json'), 'utf8')) as StackRecord
    const peaks = Object.fromEntries(Object.entries(stack.children).map(([name, pid]) => [name, peakOf(pid)]))
    const objects = fileStore(join(home, 'bucket'))
    const { run } = JSON.parse((await getRelease(objects, 'cells', report.release))!) as Release
    const client = await connect(stack.temporal)
    const most = { events: 0, kib: 0 }
    let runs = 0
    for await (const w of client.workflow.list()) {
      if (w.type === 'archive') continue
      runs++
      most.events = Math.max(most.events, w.historyLength)
      most.kib = Math.max(most.kib, (w.historySize ?? 0) / 1024)
    }
    const folder = archiveFolder(run)
    while (!(await getHistoryIndex(objects, folder))) await sleep(1000)
    await client.connection.close()
    const largest: Largest = {}
    for (const h of (await getHistoryIndex(objects, folder))!.histories)
      for (const { type, result } of activityCalls((await getHistory(objects, historyKey(folder, h.runId)))!))
        mostOf(largest, type, (result as { requests?: Record<string, number> } | null)?.requests ?? {})
    return { regions: product(cells), seconds: report.seconds, runs, most, largest, peaks }
  } finally {
    hillock('down')
    rmSync(home, { recursive: true, force: true })
  }
}

const all: Measured[] = []
for (const size of process.argv.slice(2).map(Number)) {
  const m = await measure(cellsOf(size))
  all.push(m)
  console.error(JSON.stringify(m))
}
const heads = all.map(m => `${n(m.regions)} regions`)
const row = (name: string, value: (m: Measured) => number): (string | number)[] => [name, ...all.map(m => n(value(m)))]
console.log(
  table(
    ['', ...heads],
    [
      row('seconds', m => m.seconds),
      row('workflow runs', m => m.runs),
      row('most events of a run', m => m.most.events),
      row('largest history, KiB', m => m.most.kib),
      ...Object.keys(all[0]!.peaks).map(p => row(`peak of ${p}, MiB`, m => m.peaks[p] ?? 0)),
      ...stageRows(
        stageNames,
        all.map(m => m.largest),
      ),
    ],
  ),
)
process.exit(0)
