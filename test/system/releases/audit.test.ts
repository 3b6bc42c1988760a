// An audit of a release: everything agrees and comes out the same again; whatever has been tampered with is found and named.
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Envelope } from '../../../storage/provenance/envelope.ts'
import type { Finding, Report } from '../../../client/audit/report.ts'
import type { RunReport } from '../../../client/commands/run.ts'
import { connect } from '../../../client/connection.ts'
import { sha256 } from '../../../domain/recipe.ts'
import type { Release } from '../../../domain/release.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { listHistoryIndexes, type HistoryIndex } from '../../../storage/provenance/histories.ts'
import { sealed, unsealed } from '../../../storage/sealed.ts'
import { Hillock, TINY } from '../harness.ts'

const hillock = new Hillock()
const bucket = join(hillock.home, 'bucket')
const scratch = mkdtempSync(join(tmpdir(), 'hillock-audit-test-'))
let release: Release
let run: RunReport

type Audited = Report & { readonly stored: string; readonly signedBy: string | null }
const audit = (...args: string[]): Promise<Audited> => hillock.json<Audited>('audit', release.release, ...args)
const of = (r: Report, check: Finding['check']): Finding[] => r.findings.filter(f => f.check === check)

const folder = (): string =>
  join(bucket, `histories/${release.run.workflowId.replace('reconstruct/', '')}/${release.run.runId}`)
const index = (): HistoryIndex => unsealed(readFileSync(join(folder(), 'index.json'), 'utf8'), 'index') as HistoryIndex
const read = (runId: string): string => gunzipSync(readFileSync(join(folder(), `${runId}.json.gz`))).toString()

/** The archived run that holds an activity of this id, and the activity's input there. */
function holderOf(id: string): { runId: string; workflowId: string; input: string } {
  for (const h of index().histories) {
    const { events } = JSON.parse(read(h.runId)) as { events: Record<string, Record<string, unknown>>[] }
    for (const e of events) {
      const a = e['activityTaskScheduledEventAttributes']
      if (a && String(a['activityId']).split('@')[0] === id)
        return { ...h, input: (a['input'] as { payloads: { data: string }[] }).payloads[0]!.data }
    }
  }
  throw new Error(`no history holds ${id}`)
}

const changed = new Map<string, Buffer>()
/** Overwrites an object behind Hillock's back; it is put back after the test. */
function tamper(file: string, change: (bytes: Buffer) => Uint8Array): void {
  const bytes = readFileSync(file)
  if (!changed.has(file)) changed.set(file, bytes)
  writeFileSync(file, change(Buffer.from(bytes)))
}
/** The same for the text of a history; `forge` also brings the index into line. */
function tamperHistory(runId: string, change: (text: string) => string, forge = false): void {
  const text = change(read(runId))
  const packed = gzipSync(text)
  tamper(join(folder(), `${runId}.json.gz`), () => packed)
  if (!forge) return
  const own = { digest: sha256(text), packed: sha256(packed) }
  const histories = index().histories.map(h => (h.runId === runId ? { ...h, ...own } : h))
  tamper(join(folder(), 'index.json'), () => Buffer.from(sealed({ ...index(), histories })))
}
function restore(): void {
  for (const [file, bytes] of changed) writeFileSync(file, bytes)
  changed.clear()
}
afterEach(restore)

beforeAll(async () => {
  run = await hillock.fromTiny()
  release = await hillock.json<Release>('release', 'show', run.release)
}, 300_000)
afterAll(async () => {
  await hillock.close()
  rmSync(scratch, { recursive: true, force: true })
}, 60_000)

test('all histories replay, everything comes out the same again, and the report is signed', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const pem = join(scratch, 'key.pem')
  writeFileSync(pem, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const report = await audit('--all', '--key', pem)
  expect(report.findings).toEqual([])
  expect(report.runtime).toEqual({})
  const { counts } = report
  const { histories } = index()
  expect(new Set(histories.map(h => h.type))).toContain('release')
  expect(histories.every(h => h.end === 'completed')).toBe(true)
  expect([counts.replayed, counts.onServer, counts.goneFromServer]).toEqual([histories.length, histories.length, 0])
  expect(counts.artifacts).toBe(Object.values(release.stages!).flat().length)
  expect([counts.reexecuted, counts.artifactsRemade, counts.artifactsEqual]).toEqual([
    counts.activities,
    counts.artifacts,
    counts.artifacts,
  ])

  const stored = readFileSync(join(bucket, report.stored))
  const { payload, payloadType, signatures } = JSON.parse(stored.toString()) as Envelope
  const body = Buffer.from(payload, 'base64')
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body])
  expect(verify(null, signed, publicKey, Buffer.from(signatures[0]!.sig, 'base64'))).toBe(true)
  const der = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({ type: 'spki', format: 'der' })
  expect(report.signedBy).toBe(createHash('sha256').update(der).digest('hex'))
  signed[signed.length - 1]! ^= 1
  expect(verify(null, signed, publicKey, Buffer.from(signatures[0]!.sig, 'base64'))).toBe(false)
  expect(report.archive).toBe(sha256(readFileSync(join(folder(), 'index.json'))))
})

test('a sample is chosen by its seed alone; without a key the report says that it is not signed', async () => {
  const { code, stdout } = await hillock.cli('audit', release.release, '--sample', '2', '--seed', 'a')
  expect(code).toBe(0)
  expect(stdout).toMatch(/2 of \d+ activities \(seed a\)/)
  expect(stdout).toContain('NOT signed')
  const refused = await hillock.cli('audit', release.release, '--key', TINY)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('--key')
})

test('a damaged, a forged, a broken and a concealed history are each named', async () => {
  const held = holderOf('affinity/0_0_0')
  const end = index().histories.find(h => h.type === 'release')!
  const answer = (text: string): string => text.replace(/"identity":"[^"]*"/, '"identity":"somebody"')
  /** What is said of one history, and that nothing is said of another. */
  const said = async (of_: { workflowId: string; runId: string }): Promise<string> => {
    const report = await audit('--sample', '0')
    expect(report.ok).toBe(false)
    const found = of(report, 'history')
    expect(new Set(found.map(f => f.what))).toEqual(new Set([`${of_.workflowId} (${of_.runId})`]))
    restore()
    return found.map(f => f.why).join('; ')
  }

  tamperHistory(held.runId, answer)
  expect(await said(held)).toMatch(/differs from what Temporal holds, first in event \d+ \(.*the index names/)
  tamperHistory(held.runId, answer, true)
  const forged = await said(held)
  expect(forged).toMatch(/differs from what Temporal holds, first in event \d+/)
  expect(forged).not.toContain('the index names')
  tamper(join(folder(), `${held.runId}.json.gz`), () => Buffer.from('no gzip'))
  expect(await said(held)).toContain('cannot be decompressed')
  const histories = index().histories.filter(h => h.runId !== end.runId)
  tamper(join(folder(), 'index.json'), () => Buffer.from(sealed({ ...index(), histories })))
  const concealed = await said(end)
  expect(concealed).toContain('names it, the index does not list it')
  expect(concealed).toContain('the archive of its run does not list it')
})

test('a history of other commands does not replay', async () => {
  const held = holderOf('affinity/0_0_0')
  tamperHistory(held.runId, text => text.replaceAll('affinity/0_0_0', 'affinity/0_0_9'), true)
  const report = await audit('--sample', '0')
  expect(of(report, 'replay')).toEqual([
    { check: 'replay', what: `${held.workflowId} (${held.runId})`, why: expect.stringContaining('TMPRL1100') },
  ])
})

test('what was changed is named: the run file; a parameter in a history that nobody else holds any more, an artifact, a lineage record', async () => {
  const { input, runId, workflowId } = holderOf('agglomerate/0/0_0_0')
  const task = JSON.parse(Buffer.from(input, 'base64').toString()) as { context: { config: string } }
  const { config } = task.context
  const raw = (digest: string): string => join(bucket, `raw/sha256/${digest.slice(0, 2)}/${digest}`)
  const file = readFileSync(raw(config), 'utf8')
  expect(file).toContain('"threshold":0.4')
  const bad = file.replace('"threshold":0.4', '"threshold":0.9')

  tamper(raw(config), () => Buffer.from(bad))
  const first = await audit('--sample', '0')
  expect(of(first, 'lineage').map(f => f.why)).toEqual([`raw object ${config} is damaged`])
  writeFileSync(raw(config), changed.get(raw(config))!)

  // Another run file, properly archived, in a history and an index that agree with each other.
  await fileStore(bucket).putIfAbsent(`raw/sha256/${sha256(bad).slice(0, 2)}/${sha256(bad)}`, Buffer.from(bad))
  const forged = JSON.stringify({ ...task, context: { ...task.context, config: sha256(bad) } })
  tamperHistory(runId, text => text.replace(input, Buffer.from(forged).toString('base64')), true)
  await dropFromServer(workflowId, runId)

  const ref = release.stages!['segment']![0]!
  const other = release.stages!['synapse']![0]!
  const lineage = JSON.parse(readFileSync(join(bucket, `artifacts/segment/${ref.recipe}/lineage.json`), 'utf8')) as {
    outputs: { path: string }[]
  }
  tamper(join(bucket, `artifacts/segment/${ref.recipe}/${lineage.outputs[0]!.path}`), bytes => {
    bytes[bytes.length - 1]! ^= 1
    return bytes
  })
  tamper(join(bucket, `artifacts/synapse/${other.recipe}/lineage.json`), bytes =>
    Buffer.from(bytes.toString().replace(/"minVoxels":\d+/, '"minVoxels":3')),
  )
  const report = await audit('--all')
  expect(report.counts.goneFromServer).toBe(1)
  expect(of(report, 're-execution').map(f => f.why)).toContainEqual(
    expect.stringMatching(/^agglomerate\/[0-9a-f]{64}: another recipe: .*parameters\.threshold 0\.4 -> 0\.9/),
  )
  const lines = of(report, 'lineage').filter(f => f.what === `artifacts/synapse/${other.recipe}/lineage.json`)
  expect(lines.length).toBeGreaterThan(0)
  expect(lines[0]!.why).toContain('recipe')
  const bytes = of(report, 're-execution').filter(f => f.why.includes(ref.recipe) && f.why.includes('is damaged'))
  expect(bytes.map(f => f.what)).toContainEqual(expect.stringMatching(/^segment\//))
})

async function dropFromServer(workflowId: string, runId: string): Promise<void> {
  const client = await connect(hillock.stack().temporal)
  const execution = { workflowId, runId }
  await client.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: execution })
  const handle = client.workflow.getHandle(workflowId, runId)
  while (await handle.fetchHistory().catch(() => false)) await sleep(100)
  await client.connection.close()
}

test('what a run found in the bucket is traced to the histories of the run that made it', async () => {
  const second = await hillock.run(TINY, 'stages.agglomerate.threshold=0.8')
  const report = await hillock.json<Audited>('audit', second.release, '--sample', '3')
  expect(report.findings).toEqual([])
  const own = (await listHistoryIndexes(fileStore(bucket), report.run.workflowId.replace('reconstruct/', '')))[0]!
  expect(report.counts.replayed).toBeGreaterThan(own.histories.length)
})

test('a run that failed leaves its histories too', async () => {
  const file = join(scratch, 'wrong.yaml')
  writeFileSync(join(scratch, 'layout.json'), '[{ "section": "none" }]')
  writeFileSync(file, 'dataset: tiny\nvoxelSizeNm: [8, 8, 8]\nsource: { layout: layout.json }\nthrough: render\n')
  const failed = await hillock.cli('run', file, '--name', 'wrong')
  expect(failed.stderr).toContain('0.section')
  const workflowId = 'reconstruct/tiny/wrong'
  for (;;) {
    const [found] = await listHistoryIndexes(fileStore(bucket), 'tiny/wrong')
    if (found) return expect(found.histories).toMatchObject([{ type: 'reconstruct', end: 'failed', workflowId }])
    await sleep(200)
  }
})
