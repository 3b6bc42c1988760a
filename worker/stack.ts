// The processes of one machine, kept alive: Temporal dev server, one worker per role, the serving process.
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { openSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { searchAttributes } from '../domain/contract.ts'
import { makeCurrent } from './deployment.ts'
import { checkout, home, readStack, writeJson, type StackRecord } from './home.ts'
import { choosePorts } from './ports.ts'
import { codeRevision } from './runtime.ts'
import { findTemporalCli } from './temporal-cli.ts'

const RESTART_MS = 500

const h = home()
const children = new Map<string, ChildProcess>()
const ready = new Set<string>()
const extra = new Map<string, number>()
let stopping = false

const ports = await choosePorts(h)
const temporal = `127.0.0.1:${ports.temporal}`

function record(): void {
  const pids = [...children].flatMap(([name, c]): [string, number][] => (c.pid ? [[name, c.pid]] : []))
  const value: StackRecord = {
    pid: process.pid,
    temporal,
    ui: `http://127.0.0.1:${ports.ui}`,
    serving: `http://127.0.0.1:${ports.serving}`,
    metrics: Object.fromEntries(
      Object.entries(ports.metrics).map(([role, port]) => [role, `http://127.0.0.1:${port}/metrics`]),
    ),
    children: Object.fromEntries([...pids, ...extra]),
    ready: ['temporal', 'workflow', 'cpu', 'inference', 'current', 'serving'].every(n => ready.has(n)),
  }
  if (!stopping) writeJson(h.stack, value)
}

/** Starts a process and starts it again whenever it ends. */
function keep(name: string, start: () => ChildProcess): void {
  const child = start()
  children.set(name, child)
  child.on('message', (m: { ready?: boolean; onnx?: number }) => {
    if (m.ready) ready.add(name)
    if (m.onnx) extra.set('onnx', m.onnx)
    record()
  })
  child.on('exit', (code, signal) => {
    ready.delete(name)
    if (stopping) return
    console.error(`${new Date().toISOString()} ${name} ended (${signal ?? code}); starting it again`)
    setTimeout(() => stopping || keep(name, start), RESTART_MS)
  })
  record()
}

const log = (name: string): number => openSync(join(h.logs, `${name}.log`), 'a')
const revision = codeRevision()
const env = {
  ...process.env,
  TEMPORAL_ADDRESS: temporal,
  HILLOCK_BUCKET: h.bucket,
  HILLOCK_REVISION: revision,
  HILLOCK_SERVING_PORT: String(ports.serving),
  HILLOCK_TEMPORAL_UI: `http://127.0.0.1:${ports.ui}`,
}

const forked = (name: string, file: string, args: string[], execArgv: string[] = []): void =>
  keep(name, () => {
    const out = log(name)
    const port = name in ports.metrics ? ports.metrics[name as keyof typeof ports.metrics] : undefined
    return fork(join(checkout, file), args, {
      stdio: ['ignore', out, out, 'ipc'],
      env: port === undefined ? env : { ...env, HILLOCK_METRICS: `127.0.0.1:${port}` },
      execArgv,
    })
  })

async function reachable(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>(done => {
      const socket = createConnection(port, '127.0.0.1', () => done(true))
      socket.once('error', () => done(false))
      socket.once('close', () => socket.destroy())
      socket.setTimeout(1000, () => done(false))
    })
    if (open) return
    await sleep(100)
  }
}

async function start(): Promise<void> {
  const other = readStack(h)
  if (other && other.pid !== process.pid) throw new Error(`a stack runs already (process ${other.pid})`)
  const cli = findTemporalCli()
  const attributes = searchAttributes.flatMap(a => [
    '--search-attribute',
    `${a}=Keyword${a === 'HillockStage' ? 'List' : ''}`,
  ])
  keep('temporal', () => {
    const out = log('temporal')
    return spawn(
      cli.path,
      ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(ports.temporal), '--ui-port', String(ports.ui)]
        .concat([
          '--db-filename',
          h.database,
          '--sqlite-pragma',
          'journal_mode=WAL',
          '--sqlite-pragma',
          'synchronous=NORMAL',
        ])
        .concat(['--dynamic-config-value', 'system.enableActivityEagerExecution=true', '--ui-disable-news-fetch'])
        .concat(['--dynamic-config-value', 'matching.enableFairness=true'])
        .concat(['--log-level', 'warn', ...attributes]),
      { stdio: ['ignore', out, out] },
    )
  })
  await reachable(ports.temporal)
  ready.add('temporal')
  // The kernel pool of the cpu role holds volumes; the others stay small.
  forked('workflow', 'worker/main.ts', ['workflow'], ['--max-old-space-size=1024'])
  forked('cpu', 'worker/main.ts', ['cpu'], ['--max-old-space-size=2048'])
  forked('inference', 'worker/main.ts', ['inference'], ['--max-old-space-size=1024'])
  forked('serving', 'serving/main.ts', [], ['--max-old-space-size=512'])
  const deployment = process.env['HILLOCK_DEPLOYMENT']
  if (deployment) await makeCurrent(temporal, deployment, revision)
  ready.add('current')
  record()
}

async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  const names = [...children.keys()].filter(n => n !== 'temporal')
  for (const n of names) children.get(n)!.kill('SIGTERM')
  const gone = (c: ChildProcess): boolean => c.exitCode !== null || c.signalCode !== null
  for (let i = 0; i < 60 && !names.every(n => gone(children.get(n)!)); i++) await sleep(100)
  for (const c of children.values()) if (!gone(c)) c.kill(c === children.get('temporal') ? 'SIGTERM' : 'SIGKILL')
  for (let i = 0; i < 30 && ![...children.values()].every(gone); i++) await sleep(100)
  for (const c of children.values()) if (!gone(c)) c.kill('SIGKILL')
  rmSync(h.stack, { force: true })
  process.exit(0)
}

process.on('SIGTERM', () => void stop())
process.on('SIGINT', () => void stop())
start().catch((e: unknown) => {
  console.error(e)
  void stop().finally(() => process.exit(1))
})
