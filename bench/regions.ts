// `node bench/regions.ts 100 1000 10000`: real runs over so many regions of one thin block; what grows with them, and what does not.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunReport } from '../client/commands/run.ts'
import { connect } from '../client/connection.ts'
import { activityCalls } from '../domain/provenance/history.ts'
import { map3, product, type Box, type Vec3 } from '../domain/geometry.ts'
import type { Release } from '../domain/release.ts'
import { stageNames } from '../domain/stages.ts'
import { PhantomSpec } from '../domain/run-file/phantom.ts'
import { phantomScene } from '../specimen/scene.ts'
import { phantomSpecimen } from '../specimen/specimen.ts'
import { fileStore } from '../storage/file-store.ts'
import { getRelease } from '../storage/releases.ts'
import { archiveFolder, getHistory, getHistoryIndex, historyKey } from '../storage/provenance/histories.ts'
import { checkout, type StackRecord } from '../worker/home.ts'
import { n, table } from './print.ts'

/** Regions lie in a plane: a region is no smaller than a chunk, but the dataset ends after so many sections. */
const REGION: Vec3 = [64, 64, 8]
/** A specimen that is repeated, mirrored, until the dataset is full. */
const PIECE = 128

/** About so many regions in a square. */
function cellsOf(regions: number): Vec3 {
  const side = Math.round(Math.sqrt(regions))
  return [side, Math.round(regions / side), 1]
}

/** Writes the EM of a dataset as a .npy, and the run file that takes it as it is. */
function specimen(home: string, cells: Vec3, em: Uint8Array): string {
  const [sx, sy, sz] = map3(a => cells[a] * REGION[a])
  const mirrored = (v: number): number => {
    const at = v % (2 * PIECE)
    return at < PIECE ? at : 2 * PIECE - 1 - at
  }
  const data = new Uint8Array(sx * sy * sz)
  for (let z = 0, i = 0; z < sz; z++)
    for (let y = 0; y < sy; y++)
      for (let x = 0; x < sx; x++, i++) data[i] = em[(mirrored(z) * PIECE + mirrored(y)) * PIECE + mirrored(x)]!
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${sz}, ${sy}, ${sx}), }`.padEnd(117) + '\n'
  const head = Buffer.from(`\x93NUMPY\x01\x00v\x00${header}`, 'latin1')
  writeFileSync(join(home, 'em.npy'), Buffer.concat([head, data]))
  const file = join(home, 'run.yaml')
  writeFileSync(
    file,
    `dataset: cells
voxelSizeNm: [10, 10, 10]
source: { stack: em.npy }
grid: { block: [64, 64, 64], region: [64, 64, 64] }
stages:
  align: { method: none }
  affinity: { halo: 8 }
  supervoxel: { halo: 8 }
`,
  )
  return file
}

interface Activity {
  readonly id: string
  readonly bytes: number
  readonly requests: number
}

interface Measured {
  readonly regions: number
  readonly seconds: number
  readonly runs: number
  readonly most: { events: number; kib: number }
  /** Of each stage the activity that moved most bytes from and to the bucket. */
  readonly activities: ReadonlyMap<string, Activity>
  /** MiB. */
  readonly peaks: Readonly<Record<string, number>>
}

/** Most memory that a process has had, in MiB. */
const peakOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

async function measure(cells: Vec3, em: Uint8Array): Promise<Measured> {
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
    const report = JSON.parse(hillock('run', specimen(home, cells, em), '--json')) as RunReport
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
    const activities = new Map<string, Activity>()
    for (const h of (await getHistoryIndex(objects, folder))!.histories)
      for (const { id, type, result } of activityCalls((await getHistory(objects, historyKey(folder, h.runId)))!)) {
        const counts = Object.entries((result as { requests?: Record<string, number> } | null)?.requests ?? {})
        const sum = (wanted: boolean): number =>
          counts.reduce((s, [what, v]) => (what.startsWith('bytes ') === wanted ? s + v : s), 0)
        const now: Activity = { id: id.split('@')[0]!, bytes: sum(true), requests: sum(false) }
        if (now.bytes > (activities.get(type)?.bytes ?? -1)) activities.set(type, now)
      }
    return { regions: product(cells), seconds: report.seconds, runs, most, activities, peaks }
  } finally {
    hillock('down')
    rmSync(home, { recursive: true, force: true })
  }
}

const spec = PhantomSpec.parse({ size: [PIECE, PIECE, PIECE], seed: 3 })
const box: Box = { min: [0, 0, 0], max: spec.size }
const { em } = phantomSpecimen(spec, phantomScene(spec), box)
const all: Measured[] = []
for (const size of process.argv.slice(2).map(Number)) {
  const m = await measure(cellsOf(size), em)
  all.push(m)
  console.error(JSON.stringify({ ...m, activities: [...m.activities] }))
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
    ],
  ),
)
const names = stageNames.filter(s => all.some(m => m.activities.has(s)))
const kib = (a: Activity | undefined): string => (a ? `${n(a.bytes / 1024)} in ${n(a.requests)}` : '-')
console.log('\nThe activity of each stage that moves most, in KiB and requests:')
console.log(
  table(
    ['stage', ...heads],
    names.map(s => [s, ...all.map(m => kib(m.activities.get(s)))]),
  ),
)
process.exit(0)
