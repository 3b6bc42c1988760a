// A Temporal and a bucket that are configured: one mistake at a time is named with what to do; init, worker, serve and doctor work with one profile behind mTLS.
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { RunReport } from '../../../client/commands/run.ts'
import { diagnose } from '../../../client/commands/processes/doctor.ts'
import { connect } from '../../../client/connection.ts'
import { lookAtQueues } from '../../../client/processes/builds.ts'
import { certificates } from '../../../deploy/cluster/certificates.ts'
import { temporalConfig } from '../../../worker/temporal-config.ts'
import { queues } from '../../../domain/contract/names.ts'
import { writeNpy } from '../../../storage/formats/npy.ts'
import { checkout } from '../../../worker/home.ts'
import { devServer, freePort } from '../dev-server.ts'
import { Hillock } from '../harness.ts'
import { tlsFront } from '../tls-front.ts'

const KEY = 'the key of the lab'
const folder = mkdtempSync(join(tmpdir(), 'hillock-configured-'))
const bucket = join(folder, 'bucket')
const profiles = join(folder, 'temporal.toml')
const inFolder = (name: string): string => join(folder, name)
const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
let plain: string
let secure: Record<string, string>
let expiredServer: string
let forbidden: string

beforeAll(async () => {
  mkdirSync(bucket)
  certificates(folder, 'DNS:localhost', ['server', 'client'], ['old-server', 'old-client'])
  const server = await devServer()
  plain = server.address
  const fronts = await Promise.all(['server', 'old-server'].map(name => tlsFront(plain, folder, name, KEY)))
  expiredServer = fronts[1]!.address
  secure = {
    TEMPORAL_ADDRESS: fronts[0]!.address,
    TEMPORAL_API_KEY: KEY,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: inFolder('ca.crt'),
    TEMPORAL_TLS_CLIENT_CERT_PATH: inFolder('client.crt'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: inFolder('client.key'),
  }
  writeFileSync(
    profiles,
    `[profile.lab]\naddress = "${fronts[0]!.address}"\nnamespace = "lab"\napi_key = "${KEY}"\n[profile.lab.tls]\nserver_ca_cert_path = "${inFolder('ca.crt')}"\nclient_cert_path = "${inFolder('client.crt')}"\nclient_key_path = "${inFolder('client.key')}"\n`,
  )
  const { workflowService, operatorService } = server.connection
  await workflowService.registerNamespace({
    namespace: 'other-type',
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  })
  for (let tries = 0; ; tries++)
    try {
      await operatorService.addSearchAttributes({
        namespace: 'other-type',
        searchAttributes: { HillockDataset: 2, HillockStage: 1, HillockRelease: 2 },
      })
      break
    } catch (e) {
      if (tries > 100) throw e
      await sleep(200)
    }
  const denying = createServer((_, answer) => answer.writeHead(403).end('{"error":{"code":403,"message":"no"}}'))
  await new Promise<void>(done => denying.listen(0, '127.0.0.1', done))
  forbidden = `http://127.0.0.1:${(denying.address() as AddressInfo).port}`
  stops.push(
    () => server.stop(),
    () => denying.close(),
    ...fronts.map(f => () => f.stop()),
  )
}, 120_000)
afterAll(() => stops.reverse().forEach(stop => stop()))
afterEach(() => vi.unstubAllEnvs())

/** What doctor finds wrong, where `env` is all that is configured beside the bucket. */
async function wrong(env: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  for (const name of Object.keys(process.env)) if (name.startsWith('TEMPORAL_')) vi.stubEnv(name, undefined)
  const all = { HILLOCK_HOME: inFolder('home'), HILLOCK_BUCKET: bucket, ...env }
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value)
  return (await diagnose()).filter(c => !c.ok).map(c => c.says)
}

test('each mistake is named, with what to do', async () => {
  const mistakes: [Record<string, string | undefined>, RegExp][] = [
    [{}, /no Temporal is configured: set TEMPORAL_ADDRESS/],
    [{ TEMPORAL_ADDRESS: '127.0.0.1:1' }, /TEMPORAL_ADDRESS is 127.0.0.1:1, where no Temporal server answers/],
    [{ TEMPORAL_ADDRESS: 'nowhere.invalid:7233' }, /there is no such host/],
    [{ TEMPORAL_ADDRESS: forbidden.slice(7) }, /something else than Temporal answers/],
    [{ TEMPORAL_ADDRESS: secure['TEMPORAL_ADDRESS'] }, /set TEMPORAL_TLS=true/],
    [{ TEMPORAL_ADDRESS: plain, TEMPORAL_TLS: 'true' }, /no TLS is spoken: unset TEMPORAL_TLS/],
    [{ TEMPORAL_API_KEY: KEY }, /no address: set TEMPORAL_ADDRESS/],
    [{ ...secure, TEMPORAL_TLS_SERVER_CA_CERT_PATH: undefined }, /name the CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH/],
    [{ ...secure, TEMPORAL_TLS_CLIENT_KEY_PATH: undefined }, /TEMPORAL_TLS_CLIENT_CERT_PATH is set alone/],
    [{ ...secure, TEMPORAL_TLS_CLIENT_CERT_PATH: inFolder('none.crt') }, /none\.crt/],
    [
      { ...secure, TEMPORAL_TLS_CLIENT_CERT_PATH: undefined, TEMPORAL_TLS_CLIENT_KEY_PATH: undefined },
      /certificate.*TEMPORAL_TLS_CLIENT_CERT_PATH/,
    ],
    [
      {
        ...secure,
        TEMPORAL_TLS_CLIENT_CERT_PATH: inFolder('old-client.crt'),
        TEMPORAL_TLS_CLIENT_KEY_PATH: inFolder('old-client.key'),
      },
      /TEMPORAL_TLS_CLIENT_CERT_PATH has expired/,
    ],
    [{ ...secure, TEMPORAL_ADDRESS: expiredServer }, /the certificate of the server has expired/],
    [{ ...secure, TEMPORAL_TLS_SERVER_NAME: 'elsewhere' }, /set TEMPORAL_TLS_SERVER_NAME/],
    [{ ...secure, TEMPORAL_API_KEY: 'another' }, /does not accept the API key .*set another in TEMPORAL_API_KEY/],
    [{ TEMPORAL_CONFIG_FILE: inFolder('none.toml') }, /TEMPORAL_CONFIG_FILE is .*which is not there/],
    [{ TEMPORAL_CONFIG_FILE: profiles, TEMPORAL_PROFILE: 'nobody' }, /Profile 'nobody' not found/],
    [{ ...secure, TEMPORAL_NAMESPACE: 'nobody' }, /namespace nobody is not there: `hillock init` makes it/],
    [
      { TEMPORAL_ADDRESS: plain, TEMPORAL_NAMESPACE: 'other-type' },
      /search attribute HillockStage of namespace other-type is of type Text, and must be KeywordList: remove it/,
    ],
    [{ ...secure }, /no worker polls the queue hillock-cpu of namespace default: start them/],
    [{ HILLOCK_BUCKET: inFolder('nothing') }, /there is no folder .*nothing/],
    [{ HILLOCK_BUCKET: 'gs://lab', STORAGE_EMULATOR_HOST: forbidden }, /grant them roles\/storage.objectUser/],
  ]
  for (const [env, says] of mistakes) expect((await wrong(env)).join('\n'), JSON.stringify(env)).toMatch(says)
})

test('a deployment whose build nobody runs any more is named, one without a current build, and two builds side by side', async () => {
  const namespace = 'default'
  const client = await connect(plain)
  const { workflowService } = client
  const asked = new AbortController()
  const poll = (deploymentName: string, buildId: string, workerVersioningMode: 1 | 2): void => {
    const deploymentOptions = { deploymentName, buildId, workerVersioningMode }
    const request = { namespace, identity: buildId, taskQueue: { name: queues.workflow }, deploymentOptions }
    const polling = (): Promise<unknown> =>
      client.connection.withAbortSignal(asked.signal, () => workflowService.pollWorkflowTaskQueue(request))
    void client.connection.withDeadline(Date.now() + 60_000, polling).catch(() => {})
  }
  const says = (text: string): Promise<void> =>
    vi.waitFor(
      async () => expect(await wrong({ TEMPORAL_ADDRESS: plain })).toContainEqual(expect.stringContaining(text)),
      20_000,
    )
  const yesterday = { deploymentName: 'forgotten', buildId: 'yesterday' }
  poll(yesterday.deploymentName, yesterday.buildId, 2)
  await says('no build of their deployment is current')
  const order = { namespace, ...yesterday, version: 'forgotten.yesterday', ignoreMissingTaskQueues: true }
  await vi.waitFor(() => workflowService.setWorkerDeploymentCurrentVersion(order), 20_000)
  for (const build of ['one', 'two']) poll('hillock', build, 1)
  await says('poll side by side')
  asked.abort()
  const now = Date.now()
  const later = vi.spyOn(Date, 'now').mockImplementation(() => now + 120_000)
  const [found] = await lookAtQueues(client).finally(() => later.mockRestore())
  expect(found!.unserved).toMatch(
    /no worker of build yesterday of deployment forgotten polls .* `hillock deployment set-current BUILD`/,
  )
  await client.connection.close()
})

/** Whoever starts a run has files that no worker sees: they are gone as soon as it is submitted. */
async function anotherMachine(lab: Hillock): Promise<void> {
  const own = inFolder('own')
  mkdirSync(own)
  const size = [16, 64, 64]
  const labels = Uint8Array.from({ length: 16 * 64 * 64 }, (_, i) => (i % 64 < 32 ? 1 : 2))
  writeFileSync(
    join(own, 'em.npy'),
    writeNpy(
      labels.map((v, i) => (i % 64 === 32 ? 20 : 90 * v + (i % 7))),
      size,
    ),
  )
  writeFileSync(join(own, 'truth.npy'), writeNpy(labels, size))
  cpSync(join(checkout, 'models/fib-affinity'), join(own, 'membranes'), { recursive: true })
  const file = (name: string, at: string): string => {
    const source = `source: { stack: ${at}em.npy }\nmodel: ${at}membranes\nevaluate: { truth: ${at}truth.npy }`
    const grid = 'grid: { block: [64, 64, 64], region: [64, 64, 64] }\nstages: { align: { method: none } }'
    writeFileSync(inFolder(name), `dataset: own\nvoxelSizeNm: [10, 10, 10]\n${source}\n${grid}\n`)
    return inFolder(name)
  }
  const { child, done } = lab.start('run', file('own.yaml', 'own/'), '--json')
  const begun = new Promise<void>(seen =>
    child.stderr!.on('data', (d: Buffer) => String(d).includes('run reconstruct/own/') && seen()),
  )
  await Promise.race([begun, done])
  renameSync(own, `${own}-away`)
  const { stdout, stderr } = await done
  expect(stderr).toContain('source.stack: 1 of 1 files put into the bucket')
  const first = JSON.parse(stdout) as RunReport
  expect(first.quality).toHaveProperty('voiSum')
  // By URL the same: all is found.
  const again = await lab.run(file('mounted.yaml', `file://${own}-away/`))
  expect([again.digest, again.stages.filter(s => s.made > 0)]).toEqual([first.digest, []])
}

test('with what one profile says a namespace is made fit, workers and serving run, and doctor finds nothing wrong', async () => {
  const health = `127.0.0.1:${await freePort()}`
  const settings = {
    TEMPORAL_CONFIG_FILE: profiles,
    TEMPORAL_PROFILE: 'lab',
    HILLOCK_BUCKET: bucket,
    HILLOCK_HEALTH: health,
    HILLOCK_REVISION: 'a'.repeat(40),
    HILLOCK_PAYLOAD_KEY: 'a1'.repeat(32),
  }
  const lab = new Hillock(settings)
  const refused = await lab.cli('worker', 'cpu')
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('namespace lab is not there: `hillock init`'),
  ])
  expect((await lab.cli('init', '--retention', '7d')).stdout).toMatch(
    /namespace lab is made\n.*are added\nnamespace lab .* is fit .* 7 days/,
  )
  expect((await lab.cli('worker', 'gpu')).stderr).toContain('gpu is no role: the roles are workflow, cpu, inference')
  const idle = await lab.cli('status')
  expect([idle.code, idle.stderr]).toEqual([
    1,
    expect.stringContaining('no worker polls the queue hillock of namespace lab'),
  ])

  const worker = lab.start('worker', 'workflow', 'cpu', 'inference')
  const serve = lab.start('serve', '--port', '0')
  try {
    const serving = await new Promise<string>(say =>
      serve.child.stdout!.once('data', (d: Buffer) => say(String(d).trim())),
    )
    expect((await fetch(`${serving}/`)).status).toBe(200)
    await vi.waitFor(async () => {
      const { code, stdout } = await lab.cli('doctor')
      expect([code, stdout]).toEqual([0, expect.not.stringContaining('FAIL')])
      expect(stdout).toMatch(/hillock-cpu: polled by cpu \d+@\S+ a{12} keys [0-9a-f]{8}(,|$)/m)
      expect(stdout).toMatch(/encryption +payloads are encrypted with key [0-9a-f]{8}$/m)
    }, 120_000)
    expect((await fetch(`http://${health}/healthz`)).status).toBe(200)
    const answer = await fetch(`http://${health}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      {
        ok: true,
        role: 'workflow,cpu,inference',
        hostname: hostname(),
        build: 'a'.repeat(40),
        roles: { workflow: 'RUNNING', cpu: 'RUNNING', inference: 'RUNNING' },
        temporal: 'answers',
      },
    ])
    await anotherMachine(lab)
    const second = await lab.cli('worker', 'cpu')
    expect([second.code, second.stderr]).toEqual([
      1,
      expect.stringContaining(`HILLOCK_HEALTH is ${health}, where it cannot`),
    ])
    await withAnotherKey(settings, lab)
  } finally {
    for (const { child } of [worker, serve]) child.kill('SIGTERM')
  }
  expect([(await worker.done).code, (await serve.done).code]).toEqual([0, 0])
  await lab.close()
}, 300_000)

/** A key that is not that of the workers is said by whoever has it, and of what it has encrypted by whoever cannot read it. */
async function withAnotherKey(settings: Readonly<Record<string, string>>, lab: Hillock): Promise<void> {
  const other = new Hillock({ ...settings, HILLOCK_PAYLOAD_KEY: 'b2'.repeat(32) })
  const none = new Hillock({ ...settings, HILLOCK_PAYLOAD_KEY: '' })
  const cases: [Hillock, string[], RegExp][] = [
    [other, ['doctor'], /FAIL +encryption +worker .* HILLOCK_PAYLOAD_KEY has only [0-9a-f]{8} here: name the keys/],
    [none, ['worker', 'cpu'], /encrypts payloads with its first key, and HILLOCK_PAYLOAD_KEY is not set here: name/],
    [other, ['status'], /worker .* cannot read payloads that are encrypted with key [0-9a-f]{8}: start it with that/],
  ]
  for (const [who, args, says] of cases) {
    const { code, stdout, stderr } = await who.cli(...args)
    expect([code, stdout + stderr]).toEqual([1, expect.stringMatching(says)])
  }
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value)
  vi.stubEnv('HILLOCK_PAYLOAD_KEY', 'b2'.repeat(32))
  const client = await connect(temporalConfig().address!)
  const workflowId = 'reconstruct/cortex/strange'
  await client.workflow.start('reconstruct', { workflowId, taskQueue: queues.workflow, args: [{}] })
  await vi.waitFor(async () => {
    const { stdout } = await lab.cli('status', 'strange')
    expect(stdout).toMatch(
      /strange cannot go on and tries again: .* encrypted with key [0-9a-f]{8}, which this process/,
    )
  }, 20_000)
  await client.workflow.getHandle(workflowId).terminate()
  await client.connection.close()
  await Promise.all([other.close(), none.close()])
}
