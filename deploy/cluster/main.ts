// `make cluster`: Temporal on PostgreSQL, a bucket, and three hosts on this machine; a run of the demo while all that can fail does.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunReport } from '../../client/commands/run.ts'
import { checkout } from '../../worker/home.ts'
import { codeRevision } from '../../worker/runtime.ts'
import { emulatorBinary } from '../../test/gcs/emulator.ts'
import { startBucket } from './bucket.ts'
import { certificates } from './certificates.ts'
import { spread, type Fault } from './faults.ts'
import { Host } from './host.ts'
import { network } from './network.ts'
import { postgres } from './postgres.ts'
import { endAll, output, Service, until } from './services.ts'
import { buildServer, makeTables, temporal, type Cluster } from './temporal.ts'

const DEMO = join(checkout, 'examples/demo.yaml')
const SHARDS = 4
const RUN = 'rehearsal'
const PORT = 8470

const began = Date.now()
const say = (what: string): void => {
  const at = ((Date.now() - began) / 1000).toFixed(1).padStart(7)
  for (const line of what.trim().split('\n')) console.log(`${at} s  ${line}`)
}
const wrong: string[] = []
const check = (isSo: boolean, what: string): void => {
  say(`${isSo ? 'ok  ' : 'FAIL'}  ${what}`)
  if (!isSo) wrong.push(what)
}

buildServer()
emulatorBinary()
const folder = mkdtempSync(join(tmpdir(), 'hillock-cluster-'))
// The user of PostgreSQL passes.
chmodSync(folder, 0o711)
const id = process.pid % 250
const net = network(id)
let database: Service | undefined
let server: Service | undefined

async function clean(): Promise<void> {
  // In order, or it leaves shared memory behind.
  await database?.end('SIGINT')
  await endAll()
  net.remove()
  if (wrong.length === 0) rmSync(folder, { recursive: true, force: true })
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    say(`${signal}: everything is ended`)
    void clean().finally(() => process.exit(130))
  })

/** What `make demo` makes: on one machine, with the stack of `hillock up`, in a home of its own. */
async function onOneMachine(): Promise<RunReport> {
  const env = { ...process.env, HILLOCK_HOME: join(folder, 'one-machine') }
  const said = await output([join(checkout, 'hillock'), ['demo', '--exit', '--json'], { cwd: folder, env }])
  return JSON.parse(said) as RunReport
}

async function rehearse(): Promise<void> {
  say(`everything lies in ${folder}; hosts are ${net.is}`)
  const demo = await onOneMachine()
  say(`make demo, on one machine: digest ${demo.digest}, ${demo.seconds.toFixed(0)} s`)

  const keys = join(folder, 'certificates')
  mkdirSync(keys, { mode: 0o700 })
  certificates(keys, `DNS:temporal,IP:${net.address}`, ['temporal', 'client'])
  const password = randomBytes(12).toString('hex')
  // The hosts need not reach the database.
  const local = `127.231.${id}.1`
  const cluster: Cluster = { address: net.address, postgres: local, password, certificates: keys, shards: SHARDS }
  /** With an empty database in a folder of that name. */
  async function startTemporal(name: string): Promise<void> {
    const { is, command } = await postgres(join(folder, name), local, password)
    database = new Service(join(folder, `${name}.log`), command)
    await makeTables(cluster)
    server = new Service(join(folder, 'temporal.log'), temporal(cluster))
    say(`${is}; Temporal with ${SHARDS} shards, behind mutual TLS at ${net.address}:7233`)
  }
  await startTemporal('postgres')
  const bucket = await startBucket(folder, net.address)
  const agreed = { temporal: `${net.address}:7233`, bucket: bucket.url, emulator: bucket.emulator, certificates: keys }
  const [a, b, c] = ['a', 'b', 'c'].map(name => new Host(name, folder, net, agreed)) as [Host, Host, Host]
  const init = (): Promise<string> => until('the namespace', 60, () => c.hillock('init', '--retention', '30d'))
  say(await init())
  await c.hillock('token', 'make', 'lab', '--role', 'admin')
  c.serve(PORT)
  const [before, after] = [codeRevision(), `${codeRevision()}-next`]
  for (const host of [a, b]) host.work(before)
  const makeCurrent = (build: string): Promise<string> =>
    until(`workers of build ${build}`, 120, () => c.hillock('deployment', 'set-current', build))
  await makeCurrent(before)
  say(await until('a doctor that finds nothing', 60, () => c.hillock('doctor')))

  /** New workers beside the old ones; the run goes over to them; the old ones are stopped. */
  async function upgrade(): Promise<void> {
    for (const host of [a, b]) host.work(after)
    say(await makeCurrent(after))
    say(await c.hillock('deployment', 'move', RUN, '--to', after))
    await Promise.all([a, b].map(host => host.end('SIGTERM', before)))
    say('the workers of the build before have ended')
  }
  const sigterm = (host: Host, build: string, name: 'workflow' | 'work'): Fault => [
    `SIGTERM to the ${name} worker of host ${host.name}`,
    () => host.worker(build, name).kill('SIGTERM'),
  ]
  const faults: Fault[] = [
    sigterm(a, before, 'workflow'),
    sigterm(b, before, 'work'),
    sigterm(a, before, 'work'),
    ['a rolling upgrade', upgrade],
    sigterm(b, after, 'workflow'),
    sigterm(a, after, 'work'),
    ['PostgreSQL crashes', () => database!.kill('SIGQUIT')],
    sigterm(b, after, 'work'),
    sigterm(a, after, 'workflow'),
    ['Temporal is killed', () => server!.kill('SIGKILL')],
    sigterm(a, after, 'work'),
    ['host a is gone', () => a.end('SIGKILL')],
    sigterm(b, after, 'work'),
  ]
  const whole = demo.stages.reduce((n, s) => n + s.made, 0)
  let ended = false
  say(`host c: hillock run examples/demo.yaml, ${whole} artifacts`)
  const running = c.json<RunReport>('run', DEMO, '--name', RUN).finally(() => (ended = true))
  const [run, missed] = await Promise.all([running, spread(faults, whole, bucket.artifacts, () => ended, say)])
  for (const [what] of missed) check(false, `${what}: the run had ended before`)
  check(run.digest === demo.digest, `digest ${run.digest}, ${run.seconds.toFixed(0)} s`)
  const prove = async (): Promise<void> => {
    say(await c.hillock('verify', run.release))
    say(await c.hillock('audit', run.release))
  }
  await prove()
  const page = await fetch(`http://${c.address}:${PORT}/release/demo/${run.release}`)
  check(page.ok, `host c serves it: ${page.status} of ${page.url}`)

  say('the database of Temporal is lost, and there is no backup')
  await b.end('SIGTERM')
  await server!.end('SIGKILL')
  await database!.end('SIGQUIT')
  await startTemporal('empty-postgres')
  await init()
  b.work(after)
  await makeCurrent(after)
  const again = await c.json<RunReport>('run', DEMO, '--name', `${RUN}-again`)
  const made = again.stages.reduce((n, s) => n + s.made, 0)
  check(
    again.digest === demo.digest && made === 0,
    `the same run again: digest ${again.digest}, ${made} artifacts made`,
  )
  await prove()
}

await rehearse().catch((e: Error) => check(false, e.message))
await clean()
if (wrong.length > 0) console.error(`\nlogs are left in ${folder}`)
process.exitCode = wrong.length > 0 ? 1 : 0
