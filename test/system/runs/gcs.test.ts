// The whole path on a bucket of Google Cloud Storage: on the emulator, on a fake that fails one request in twenty, and while the bucket is away.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest'
import type { RunReport } from '../../../client/commands/run.ts'
import { startEmulator } from '../../gcs/emulator.ts'
import { startFakeGcs } from '../../gcs/fake-gcs.ts'
import { faultTable } from '../../gcs/faults.ts'
import { Hillock, TINY } from '../harness.ts'

const BUCKET = 'hillock-test'
const scratch = mkdtempSync(join(tmpdir(), 'hillock-gcs-'))
const folder = new Hillock()
let plain: RunReport

/** The same run file for a bucket. */
function runFile(name: string): string {
  const file = join(scratch, `${name}.yaml`)
  writeFileSync(file, `bucket: gs://${BUCKET}/${name}\n${readFileSync(TINY, 'utf8')}`)
  return file
}

function onBucket(endpoint: string, { onTestFinished }: TestContext): Hillock {
  const hillock = new Hillock({ STORAGE_EMULATOR_HOST: endpoint })
  onTestFinished(() => hillock.close())
  return hillock
}

const same = (r: RunReport): void => {
  expect(r.layerDigests).toEqual(plain.layerDigests)
  expect([r.digest, r.release]).toEqual([plain.digest, plain.release])
}

beforeAll(async () => {
  plain = await folder.fromTiny()
}, 400_000)
afterAll(async () => {
  await folder.close()
  rmSync(scratch, { recursive: true, force: true })
}, 60_000)

// Both at once: the second mostly waits.
test.concurrent('on the emulator, with nothing changed but the run file, the digests are those of the folder', async context => {
  const emulator = await startEmulator(BUCKET)
  context.onTestFinished(emulator.stop)
  const hillock = onBucket(emulator.url, context)
  const file = runFile('whole')
  same(await hillock.run(file))
  const again = await hillock.run(file)
  expect(again.stages.filter(s => s.made > 0)).toEqual([])
  // Readers find it there too, without being told where.
  const list = await hillock.json<{ dataset: string }[]>('release', 'list')
  expect(JSON.stringify(list)).toContain(plain.release)
  const page = await fetch(`${hillock.stack().serving}/release/tiny/${plain.release}`)
  expect(page.status).toBe(200)
  const elsewhere = await hillock.cli('run', runFile('elsewhere'))
  expect(elsewhere.stderr).toContain('hillock down')
}, 600_000)

test.concurrent('with one request in twenty failing, and the bucket away for a while (runbook), the digests are the same', async context => {
  const gcs = await startFakeGcs([BUCKET], 5, 0.05)
  context.onTestFinished(() => gcs.stop())
  const hillock = onBucket(gcs.url, context)
  const { child, done } = hillock.start('run', runFile('faulty'), '--json')
  while (gcs.writes.length < 300 && child.exitCode === null) await sleep(200)
  gcs.plan.away = true
  await sleep(12_000)
  const before = gcs.writes.length
  const asked = gcs.plan.struck.get('503 unavailable') ?? 0
  await sleep(3000)
  // What the operator sees meanwhile: the run waits, and the log says for what.
  expect(gcs.writes.length).toBe(before)
  expect(gcs.plan.struck.get('503 unavailable')).toBeGreaterThan(asked)
  expect(readFileSync(join(hillock.home, 'logs', 'cpu.log'), 'utf8')).toMatch(/bucket: could not .* gs:\/\/.*503/)
  gcs.plan.away = false
  const { code, stdout, stderr } = await done
  expect(code, stderr).toBe(0)
  same(JSON.parse(stdout) as RunReport)
  console.log(`a whole run on the fake:\n${faultTable(gcs.plan)}`)
  const struck = [...gcs.plan.struck.values()].reduce((a, b) => a + b, 0)
  expect(struck).toBeGreaterThan(gcs.plan.requests / 40)
  // Nothing was written twice, whoever's answer got lost.
  const names = gcs.writes.map(w => w.name).filter(n => !n.includes('/refs/'))
  expect(new Set(names).size).toBe(names.length)
  const slo = await hillock.json<{ requests: { failed: number }[] }>('slo', 'tiny')
  expect(slo.requests.some(r => r.failed > 0)).toBe(true)
}, 900_000)
