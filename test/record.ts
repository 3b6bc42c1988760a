// `node test/record.ts`: records the histories and golden digests that the suite compares with, from a tiny run.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { connect } from '../client/connection.ts'
import { queues } from '../domain/contract/names.ts'
import { activityCalls, type History } from '../domain/provenance/history.ts'
import type { Release } from '../domain/release.ts'
import { fileStore } from '../storage/file-store.ts'
import { checkout } from '../worker/home.ts'
import { changedWithoutVersion, goldenFile, goldenOf, historiesFolder, readGolden } from './recorded.ts'
import { Hillock, MANY_REGIONS, TINY } from './system/harness.ts'

/** Every command that starts a workflow, so that there is a history of each kind. */
async function work(hillock: Hillock): Promise<string> {
  const must = async (...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await hillock.cli(...args)
    if (code !== 0) throw new Error(`hillock ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
  }
  await must('plan', TINY)
  const { release } = await hillock.run(TINY)
  // Of more regions than a run looks after itself.
  await hillock.run(TINY, 'dataset=wide', ...MANY_REGIONS)
  const out = join(hillock.home, 'specimen')
  await must('phantom', TINY, '--out', out)
  await must('evaluate', release, '--truth', join(out, 'labels.npy.gz'))
  const second = await hillock.run(TINY, 'stages.agglomerate.threshold=0.8')
  await must('release', 'diff', release, second.release)
  await must('release', 'rollback', 'tiny', '--regions', '0_0_0', '--reason', 'record')
  await must('release', 'publish', release)
  // Before the schedule, whose run moves channels while it has no archive yet.
  await must('audit', release, '--sample', '2', '--seed', 'record')
  await must('schedule', 'create', TINY, '--name', 'nightly', '--cron', '0 3 * * *', '--set', 'stages.mesh.ratio=0.5')
  await must('schedule', 'trigger', 'tiny/nightly')
  await must('gc', 'plan')
  await must('gc', 'run', '--grace', '0s')
  return release
}

/** Workflows that do something else in each phase. */
const PHASED = ['fanOut', 'gc']

/** One history for each workflow type and, where phases differ, set of activities: the longest. */
async function histories(address: string): Promise<Map<string, { workflowId: string; history: History }>> {
  const client = await connect(address)
  // Nothing is held now: it answers at once.
  const unheld = { workflowId: 'unheld/tiny/record/published', taskQueue: queues.workflow, args: ['tiny', undefined] }
  await client.workflow.execute('unheld', unheld)
  const scheduled = async (): Promise<number> =>
    (await client.workflow.count('WorkflowType = "reprocess" AND ExecutionStatus = "Completed"')).count
  while ((await scheduled()) === 0) await sleep(500)
  const chosen = new Map<string, { workflowId: string; history: History }>()
  for await (const w of client.workflow.list()) {
    if (w.status.name === 'RUNNING') continue
    const history = JSON.parse(
      historyToJSON(await client.workflow.getHandle(w.workflowId, w.runId).fetchHistory()),
    ) as History
    const kinds = [...new Set(activityCalls(history).map(c => c.type))].sort()
    const name = [w.type, ...(PHASED.includes(w.type) ? kinds : [])].join('-')
    const known = chosen.get(name)
    if (!known || known.history.events.length < history.events.length)
      chosen.set(name, { workflowId: w.workflowId, history })
  }
  await client.connection.close()
  return chosen
}

/** Without what only says where it was recorded: folders, process and host names. */
function clean(h: { workflowId: string; history: History }): string {
  const paths = (text: string): string =>
    text.replaceAll(hillock.home, '/home').replaceAll(checkout.replace(/\/$/, ''), '/hillock')
  return JSON.stringify(h, (key, value: unknown) => {
    if (typeof value !== 'string') return value
    if (key === 'data') return Buffer.from(paths(Buffer.from(value, 'base64').toString())).toString('base64')
    if (key === 'identity') return 'worker'
    return paths(value.replace(/^\d+@\S+-[0-9a-f]{32}$/, 'sticky'))
  })
}

const hillock = new Hillock()
try {
  const name = await work(hillock)
  const release = await hillock.json<Release>('release', 'show', name)
  const golden = await goldenOf(fileStore(join(hillock.home, 'bucket')), release)
  const changed = existsSync(goldenFile) ? changedWithoutVersion(readGolden(), golden) : []
  if (changed.length > 0)
    throw new Error(
      `nothing is recorded: ${changed.join(', ')} made other bytes from the same recipe; raise the version in domain/stages.ts, or find out why`,
    )
  const found = await histories(hillock.stack().temporal)
  rmSync(historiesFolder, { recursive: true, force: true })
  for (const folder of [historiesFolder, join(goldenFile, '..')]) mkdirSync(folder, { recursive: true })
  for (const [file, h] of found) writeFileSync(join(historiesFolder, `${file}.json.gz`), gzipSync(clean(h)))
  writeFileSync(goldenFile, `${JSON.stringify(golden, null, 2)}\n`)
  console.log(`recorded ${found.size} histories and the digests of ${Object.keys(golden.stages).length} stages`)
} finally {
  await hillock.close()
}
