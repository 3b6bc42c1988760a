// Every field of every kind of event in the archived histories of a run, forged: verify and audit name the history, audit the event too.
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Client } from '@temporalio/client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Finding } from '../../../client/verify.ts'
import { connect } from '../../../client/connection.ts'
import { canonicalJson, type Json } from '../../../domain/canonical.ts'
import { aboutHistory, type History } from '../../../domain/provenance/history.ts'
import { sha256 } from '../../../domain/recipe.ts'
import type { Release } from '../../../domain/release.ts'
import { stageNames } from '../../../domain/stages.ts'
import { fileStore } from '../../../storage/file-store.ts'
import {
  archiveFolder,
  byName,
  getHistory,
  getHistoryIndex,
  historyKey,
  type HistoryIndex,
} from '../../../storage/provenance/histories.ts'
import { sealed } from '../../../storage/sealed.ts'
import { eventForgeries, type EventForgery } from '../../event-forgeries.ts'
import { looks, remembering, rememberHistories, type Forged } from './forging.ts'
import { Hillock } from '../harness.ts'

vi.mock('../../../storage/lineage-record.ts', async original =>
  (await import('./remembered-records.ts')).rememberingRecords(await original()),
)

const hillock = new Hillock()
const objects = remembering(fileStore(join(hillock.home, 'bucket')))
let client: Client
const look = looks(objects, () => client)
let name: string
let folder: string
let index: HistoryIndex
/** By run id. */
const histories = new Map<string, History>()

beforeAll(async () => {
  const run = await hillock.fromTiny()
  await hillock.cli('up', '--detach')
  client = await connect(hillock.stack().temporal)
  rememberHistories(client)
  name = run.release
  folder = archiveFolder((await hillock.json<Release>('release', 'show', name)).run)
  index = (await getHistoryIndex(objects, folder))!
  for (const h of index.histories) histories.set(h.runId, (await getHistory(objects, historyKey(folder, h.runId)))!)
}, 300_000)
afterAll(async () => {
  await client?.connection.close()
  await hillock.close()
}, 60_000)

const isStage = (type: string): boolean => (stageNames as readonly string[]).includes(type)

/** One forgery of each shape, spread over the histories: every round has at most one in each of them. */
function rounds(): Map<string, EventForgery>[] {
  const shapes = new Map<string, Map<string, EventForgery>>()
  for (const [runId, history] of histories)
    for (const f of eventForgeries(history)) {
      const own = shapes.get(f.shape) ?? new Map<string, EventForgery>()
      if (!own.has(runId)) shapes.set(f.shape, own.set(runId, f))
    }
  const chosen = new Map<string, EventForgery[]>([...histories.keys()].map(runId => [runId, []]))
  for (const own of [...shapes.values()].sort((a, b) => a.size - b.size)) {
    const [runId, f] = [...own].reduce((a, b) => (chosen.get(a[0])!.length <= chosen.get(b[0])!.length ? a : b))
    chosen.get(runId)!.push(f)
  }
  const longest = Math.max(...[...chosen.values()].map(all => all.length))
  return Array.from(
    { length: longest },
    (_, i) => new Map([...chosen].flatMap(([runId, all]) => (all[i] ? [[runId, all[i]] as const] : []))),
  )
}

/** The bucket with other histories; `fit`: and an index that says of them what they say. */
function withHistories(others: ReadonlyMap<string, History>, fit: boolean): Forged {
  const forged: Forged = new Map()
  const entries = index.histories.map(h => {
    const other = others.get(h.runId)
    if (!other) return h
    const text = canonicalJson(other as unknown as Json)
    const packed = gzipSync(text)
    forged.set(historyKey(folder, h.runId), packed)
    return { ...h, ...said(other), digest: sha256(text), packed: sha256(packed) }
  })
  if (fit) forged.set(`${folder}/index.json`, sealed({ ...index, histories: entries.sort(byName) }))
  return forged
}

/** What an index would say of a history, as far as that says it. */
function said(history: History): object {
  try {
    return JSON.parse(JSON.stringify(aboutHistory(history))) as object
  } catch {
    return {}
  }
}

/** Of what stage activities answered, and of what the release was assembled from and set: what nothing else in the bucket repeats. */
const UNTOLD = [
  'assemble input context.layout',
  'assemble input context.model.channels',
  'assemble input context.model.digest',
  'assemble input context.model.multipleOf',
  'assemble input context.model.name',
  'assemble input context.model.sample',
  'assemble input context.synthetic',
  'assemble result refusal',
  'stage result counts.*.cost',
  'stage result counts.*.found',
  'stage result counts.*.made',
  'stage result counts.*.quarantined',
  'stage result counts.*.retries',
  'stage result counts.*.seconds',
  'stage result counts.*.stage',
  'stage result counts.*.voxels',
  'stage result key',
  'stage result made',
  'stage result requests',
  'stage result retries',
  'stage result source',
  'stage result stage',
]

/** `stage result ref.content`, of what is worth a look: the same for all stages. */
function subject(shape: string): string | undefined {
  const [, type, what, path] =
    /^ACTIVITY_TASK_\w+ (\S+) \w+\.(input|result)\.payloads\.\*\.data\.(.+)/.exec(shape) ?? []
  const who = isStage(type ?? '') ? 'stage' : type
  const wanted = what === 'result' ? ['stage', 'assemble', 'publish'] : ['assemble']
  return wanted.includes(who!) ? `${who} ${what} ${path!.replace(/^requests\..*/, 'requests')}` : undefined
}

test('by verify alone, with index and digests made to fit: what activities answered, field by field', async () => {
  const chosen = new Map<string, [runId: string, EventForgery]>()
  for (const [runId, history] of histories)
    for (const f of eventForgeries(history, true)) {
      const what = subject(f.shape)
      if (what !== undefined && !chosen.has(what)) chosen.set(what, [runId, f])
    }
  const untold: string[] = []
  for (const [what, [runId, f]] of chosen)
    if ((await look.verify(name, withHistories(new Map([[runId, f.forged()]]), true))).length === 0) untold.push(what)
  expect(untold.sort()).toEqual(UNTOLD)
  expect(chosen.size).toBeGreaterThan(70)
}, 600_000)

test('each field of each kind of event: verify and audit name the history, audit the first event that differs', async () => {
  const types = new Set(index.histories.map(h => h.type))
  expect([...types].sort()).toEqual(['reconstruct', 'release'])
  const missed: string[] = []
  let n = 0
  for (const round of rounds()) {
    const others = new Map([...round].map(([runId, f]) => [runId, f.forged()]))
    const [as, fit] = [withHistories(others, false), withHistories(others, true)]
    const found = {
      verify: await look.verify(name, as),
      audit: await look.audit(name, as),
      'audit, made to fit': await look.audit(name, fit),
    }
    // It may have nothing to say of the other fields, but it gets through.
    await look.verify(name, fit)
    for (const [runId, { shape, event }] of round) {
      n++
      const { digest } = index.histories.find(h => h.runId === runId)!
      const told = (findings: readonly Finding[], why: string): boolean =>
        findings.some(f => `${f.what} ${f.why}`.includes(runId) && f.why.includes(why))
      if (!told(found.verify, `the index names ${digest}`)) missed.push(`verify: ${shape}`)
      if (!told(found.audit, `first in event ${event} (`)) missed.push(`audit: ${shape}`)
      // Under another workflow id the server knows of no such run, so that there is nothing to compare with.
      const gone = /^W.*StartedEventAttributes\.workflowId$/.test(shape)
      const why = gone ? 'not list it' : `first in event ${event} (`
      if (!told(found['audit, made to fit'], why)) missed.push(`audit, made to fit: ${shape}`)
    }
  }
  expect(missed).toEqual([])
  expect(n).toBeGreaterThan(400)
}, 600_000)
