// The processes of one machine, kept alive: Temporal dev server, one worker per role, the serving process.
import { fork, type ChildProcess } from 'node:child_process'
import { existsSync, realpathSync, rmSync, statSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { setting } from '../domain/settings.ts'
import { knownMark, meetBucket } from './bucket-mark.ts'
import { connectTo } from './connection.ts'
import { makeCurrent } from './deployment.ts'
import { checkout, home, writeJson, type StackRecord } from './home.ts'
import { bornAt, endStrays, MARK } from './identity.ts'
import { Keeper } from './keeper.ts'
import { lock } from './lock.ts'
import { makeFit } from './namespace.ts'
import { freePort, lastPorts, type Ports } from './ports.ts'
import { codeRevision } from './runtime.ts'
import { answers, devServer, isMade } from './temporal.ts'
import { findTemporalCli } from './temporal-cli.ts'
import { temporalConfig, uiOf } from './temporal-config.ts'

const LOOK_MS = 1000
/** Two looks at whether a process is stopped are so far apart. */
const STOPPED_LOOKS = 5
/** A stack that has everything it needs is ready in a few seconds. */
const START_MS = 120_000
/** How a process ends that found another stack on this home. */
const TAKEN = 3

const h = home()
const held = lock(h.lock)
if (!held) {
  console.error(`hillock: a stack runs already on ${h.root}`)
  process.exit(TAKEN)
}
const inode = statSync(h.lock).ino
const ports: Ports = lastPorts(h)
const { address: given, namespace } = temporalConfig()
const revision = codeRevision()
const keepers = new Map<string, Keeper>()
/** What else has to happen before the stack is ready, and how far it is. */
const steps = new Map([['stack', 'is being started']])
let stopping = false
let written = ''

const tell = (what: string): void => console.error(`${new Date().toISOString()} ${what}`)

const address = (): string => given ?? `127.0.0.1:${ports.temporal}`
const local = (port: number): string => `http://127.0.0.1:${port}`
const ui = (): string => (given === undefined ? local(ports.ui) : uiOf(given))

/** The address of the serving process as another machine finds it, where it listens for others. */
function served(): string {
  const host = setting('HILLOCK_SERVING_HOST') ?? '127.0.0.1'
  const name = ['0.0.0.0', '::'].includes(host) ? hostname() : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${ports.serving}`
}

function record(): void {
  if (stopping) return
  const waits = [...keepers].flatMap(([name, k]) => (k.ready ? [] : [[name, k.why] as const]))
  const value: StackRecord = {
    pid: process.pid,
    born: bornAt(process.pid)!,
    temporal: address(),
    namespace,
    ui: ui(),
    serving: served(),
    metrics: Object.fromEntries(
      (['workflow', 'cpu', 'inference'] as const).map(role => [role, `${local(ports[role])}/metrics`]),
    ),
    children: Object.fromEntries(
      [...keepers].flatMap(([name, k]) => [
        ...(k.child?.pid ? [[name, k.child.pid]] : []),
        ...k.inner.map((pid, i) => [i === 0 ? 'onnx' : `onnx-${i + 1}`, pid] as const),
      ]),
    ),
    ready: waits.length + steps.size === 0,
    waits: Object.fromEntries([...steps, ...waits]),
  }
  try {
    writeJson(h.stack, value)
    written = readFileSync(h.stack, 'utf8')
  } catch (e) {
    // Written again at the next look.
    tell(`${h.stack} cannot be written: ${(e as Error).message}`)
  }
}

function keep(name: string, start: (out: number | 'ignore') => Promise<ChildProcess>): Keeper {
  const keeper = new Keeper(name, join(h.logs, `${name}.log`), start, { changed: record, hopeless: giveUp })
  keepers.set(name, keeper)
  void keeper.begin()
  return keeper
}

/** What a process listens on, before it is started: another port where somebody has taken it meanwhile. */
async function listenOn(...names: (keyof Ports)[]): Promise<void> {
  for (const name of names) ports[name] = await freePort(ports[name])
  try {
    writeJson(h.ports, ports)
  } catch {
    // Then other ports may be chosen the next time.
  }
}

const env = (): NodeJS.ProcessEnv => ({
  ...process.env,
  [MARK]: realpathSync(h.root),
  TEMPORAL_ADDRESS: address(),
  TEMPORAL_NAMESPACE: namespace,
  HILLOCK_BUCKET: h.bucket,
  HILLOCK_BUCKET_MARK: knownMark(h) ?? '',
  HILLOCK_REVISION: revision,
  HILLOCK_LOG: setting('HILLOCK_LOG') ?? 'text',
  HILLOCK_SERVING_PORT: String(ports.serving),
  HILLOCK_TEMPORAL_UI: ui(),
})

/** A process of ours that ends when the channel to this one does. */
const forked = (name: 'workflow' | 'cpu' | 'inference' | 'serving', file: string, megabytes: number): Keeper =>
  keep(name, async out => {
    await listenOn(name)
    const rows = name === 'serving' ? setting('HILLOCK_STAGES') : undefined
    const metrics = name === 'serving' ? {} : { HILLOCK_METRICS: `127.0.0.1:${ports[name]}` }
    return fork(resolve(checkout, file), name === 'serving' ? [] : [name], {
      stdio: ['ignore', out, out, 'ipc'],
      env: { ...env(), ...metrics },
      execArgv: [`--max-old-space-size=${megabytes}`, ...(rows ? ['--import', rows] : [])],
    })
  })

async function temporal(): Promise<void> {
  if (given !== undefined) {
    const connection = await connectTo(given)
    return makeFit(connection).finally(() => connection.close())
  }
  const cli = findTemporalCli()
  // From here on nothing takes long.
  setTimeout(() => {
    const never = [...keepers].filter(([, k]) => !k.everReady).map(([name, k]) => `${name} ${k.why}`)
    if (never.length > 0) giveUp(`not ready after ${START_MS / 60_000} minutes: ${never.join('; ')}`)
  }, START_MS)
  await new Promise<void>(ready => {
    const keeper: Keeper = keep('temporal', async out => {
      const before = address()
      await listenOn('temporal', 'ui')
      // Workers know one address: those of another begin anew.
      if (address() !== before) for (const [name, k] of keepers) if (name !== 'temporal') k.child?.kill('SIGKILL')
      const child = devServer(cli.path, h, ports, env(), out)
      void answers(address(), () => child.exitCode === null && child.signalCode === null && !stopping).then(yes => {
        if (!yes || keeper.child !== child) return
        isMade(h)
        keeper.isReady()
        ready()
      })
      return child
    })
  })
}

async function start(): Promise<void> {
  tell(`the stack on ${h.root} starts: process ${process.pid}, build ${revision}`)
  record()
  const strays = await endStrays(h.root)
  if (strays > 0) tell(`ended ${strays} processes of an earlier stack`)
  try {
    await meetBucket(h)
  } catch (e) {
    // What is in it can be read all the same; what is to be written says so itself.
    tell(`bucket: ${(e as Error).message}`)
  }
  steps.set('stack', 'waits for Temporal')
  record()
  const unused = given === undefined && !existsSync(h.database)
  await temporal()
  const deployment = setting('HILLOCK_DEPLOYMENT')
  if (!deployment && !unused) await makeCurrent(address())
  // Of a package that brings stages of its own: its file calls roleProcess.
  const worker = setting('HILLOCK_WORKER') ?? 'worker/main.ts'
  // The kernel pool of the cpu role holds volumes; the others stay small.
  forked('workflow', worker, 1024)
  forked('cpu', worker, 2048)
  forked('inference', worker, 1024)
  forked('serving', 'serving/main.ts', 512)
  steps.clear()
  if (deployment) {
    steps.set('deployment', `${revision} is not the current version of ${deployment} yet`)
    record()
    await makeCurrent(address(), { deploymentName: deployment, buildId: revision })
    steps.clear()
  }
  record()
}

async function stop(code = 0): Promise<void> {
  if (stopping) return
  stopping = true
  tell('the stack stops')
  const all = [...keepers.values()]
  const server = keepers.get('temporal')
  const workers = all.filter(k => k !== server)
  const until = async (gone: () => boolean, ms: number): Promise<void> => {
    for (const end = Date.now() + ms; !gone() && Date.now() < end;) await sleep(50)
  }
  for (const k of workers) k.stop('SIGTERM')
  await until(() => workers.every(k => k.gone), 6000)
  for (const k of workers) k.stop('SIGKILL')
  server?.stop('SIGTERM')
  await until(() => all.every(k => k.gone), 3000)
  server?.stop('SIGKILL')
  await endStrays(h.root).catch((e: unknown) => console.error(`hillock: ${(e as Error).message}`))
  rmSync(h.stack, { force: true })
  tell('the stack has stopped')
  process.exit(code)
}

function giveUp(why: string): void {
  console.error(`hillock: ${why}`)
  void stop(1)
}

let looks = 0
/** What may happen to a stack from outside. */
function look(): void {
  try {
    if (statSync(h.lock).ino !== inode) throw new Error('another')
  } catch {
    return giveUp(`${h.root} is gone or another`)
  }
  let now = ''
  try {
    now = readFileSync(h.stack, 'utf8')
  } catch {
    // Written again.
  }
  if (now !== written) record()
  if (++looks % STOPPED_LOOKS === 0) for (const k of keepers.values()) k.look()
}

process.on('SIGTERM', () => void stop())
process.on('SIGINT', () => void stop())
process.on('SIGHUP', () => {})
setInterval(look, LOOK_MS)
start().catch((e: unknown) => giveUp((e as Error).message))
