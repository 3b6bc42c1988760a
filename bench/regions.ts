// `node bench/regions.ts 100 1000 10000`: real runs over so many regions of one thin block; what grows with them, and what does not.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../client/connection.ts'
import { activityCalls } from '../domain/provenance/history.ts'
import { product, type Vec3 } from '../domain/geometry.ts'
import type { Release } from '../domain/release.ts'
import { stageNames } from '../domain/stages.ts'
import { fileStore } from '../storage/file-store.ts'
import { getRelease } from '../storage/releases.ts'
import { archiveFolder, getHistory, getHistoryIndex, historyKey } from '../storage/provenance/histories.ts'
import { Hillock } from '../test/system/harness.ts'
import { mostOf, stageRows, type Largest } from './largest.ts'
import { n, peakOf, table } from './common/print.ts'
import { cellsOf, thinRegions } from './common/thin-regions.ts'

interface Measured {
  readonly regions: number
  readonly seconds: number
  readonly runs: number
  readonly most: { events: number; kib: number }
  readonly largest: Largest
  /** MiB. */
  readonly peaks: Readonly<Record<string, number>>
}

async function measure(cells: Vec3): Promise<Measured> {
  const hillock = new Hillock()
  try {
    const file = join(hillock.home, 'run.json')
    writeFileSync(file, JSON.stringify(thinRegions(hillock.home, cells)))
    const report = await hillock.run(file)
    const stack = hillock.stack()
    const peaks = Object.fromEntries(Object.entries(stack.children).map(([name, pid]) => [name, peakOf(pid)]))
    const objects = fileStore(join(hillock.home, 'bucket'))
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
    await hillock.close()
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
