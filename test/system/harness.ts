// A whole Hillock in a temporary home, worked through its command line as a user would.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cp, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { RunReport } from '../../client/commands/run.ts'
import type { Release } from '../../domain/release.ts'
import { archiveFolder } from '../../storage/provenance/histories.ts'
import { checkout, type StackRecord } from '../../worker/home.ts'

const exec = promisify(execFile)

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const TINY = 'test/fixtures/tiny.yaml'
/** Overrides that make 20 regions of as many voxels: a phase over so many is a workflow of its own. */
export const MANY_REGIONS = ['source.phantom.size=[320,256,16]', 'source.phantom.defects=[]'] as const
/** A home with one finished run of it, made once per `vitest run`; removed by test/teardown.ts. */
export const template = (vitest: number): string => join(tmpdir(), `hillock-tiny-${vitest}`)

export class Hillock {
  readonly home: string
  readonly env: NodeJS.ProcessEnv

  /** `bucket` shares the artifacts of another home: only what differs is made again. */
  constructor(env: Readonly<Record<string, string>> = {}) {
    this.home = mkdtempSync(join(tmpdir(), 'hillock-test-'))
    this.env = { ...process.env, HILLOCK_HOME: this.home, ...env }
    delete this.env['VITEST']
    delete this.env['NODE_OPTIONS']
  }

  /** Fills this home with a finished run of tiny.yaml, its histories archived; nothing is started. Returns what that run reported. */
  async fromTiny(): Promise<RunReport> {
    const from = template(process.ppid)
    const [report, failed] = [join(from, 'report.json'), join(from, 'failed')]
    if (await mkdir(from).catch(() => 'exists')) while (!existsSync(report) && !existsSync(failed)) await sleep(200)
    else
      try {
        await makeTemplate(from)
      } catch (e) {
        writeFileSync(failed, String(e))
      }
    if (existsSync(failed)) throw new Error(readFileSync(failed, 'utf8'))
    for (const part of ['bucket', 'temporal']) await cp(join(from, part), join(this.home, part), { recursive: true })
    return JSON.parse(readFileSync(report, 'utf8')) as RunReport
  }

  async cli(...args: string[]): Promise<Result> {
    try {
      const { stdout, stderr } = await exec(join(checkout, 'hillock'), args, { env: this.env, maxBuffer: 1 << 28 })
      return { code: 0, stdout, stderr }
    } catch (e) {
      const failed = e as { code: number; stdout: string; stderr: string }
      return { code: failed.code, stdout: failed.stdout, stderr: failed.stderr }
    }
  }

  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.cli(...args, '--json')
    if (!stdout.trim()) throw new Error(`hillock ${args.join(' ')} ended with ${code}: ${stderr}`)
    return JSON.parse(stdout) as T
  }

  /** `hillock run FILE`, with overrides; throws when it fails. */
  async run(file: string, ...sets: string[]): Promise<RunReport> {
    const { code, stdout, stderr } = await this.cli('run', file, '--json', ...sets.flatMap(s => ['--set', s]))
    if (code !== 0) throw new Error(`hillock run ended with ${code}: ${stderr}\n${stdout}`)
    return JSON.parse(stdout) as RunReport
  }

  /** The same without waiting: what is printed comes with `done`. */
  start(...args: string[]): { child: ChildProcess; done: Promise<Result> } {
    const child = spawn(join(checkout, 'hillock'), args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (d: Buffer) => (stdout += d.toString()))
    child.stderr.on('data', (d: Buffer) => (stderr += d.toString()))
    const done = new Promise<Result>(resolve => child.on('exit', code => resolve({ code: code ?? 1, stdout, stderr })))
    return { child, done }
  }

  stack(): StackRecord {
    return JSON.parse(readFileSync(join(this.home, 'stack.json'), 'utf8')) as StackRecord
  }

  /** Where this home serves a layer; the report of a shared run names where that one was served. */
  layer(r: RunReport, name: string): string {
    const { pathname } = new URL(r.layers[name]!.replace('precomputed://', ''))
    return this.stack().serving + pathname
  }

  async close(): Promise<void> {
    await this.cli('down')
    rmSync(this.home, { recursive: true, force: true })
  }
}

async function makeTemplate(folder: string): Promise<void> {
  // As a test without a key reads it.
  const hillock = new Hillock({ HILLOCK_PAYLOAD_KEY: '' })
  try {
    const report = await hillock.run(TINY)
    const { run } = await hillock.json<Release>('release', 'show', report.release)
    while (!existsSync(join(hillock.home, 'bucket', archiveFolder(run), 'index.json'))) await sleep(200)
    await hillock.cli('down')
    for (const part of ['bucket', 'temporal'])
      await cp(join(hillock.home, part), join(folder, part), { recursive: true })
    writeFileSync(join(folder, 'report.json'), JSON.stringify(report))
  } finally {
    await hillock.close()
  }
}

/** Park and Miller's generator: the same seed, the same moments and victims. */
export function dice(seed: number): () => number {
  let s = seed
  return () => (s = (s * 48271) % 2147483647) / 2147483647
}

const WORKERS = ['cpu', 'inference', 'onnx', 'workflow']
/** Every process of a stack; `supervisor` keeps the others. */
export const ALL = [...WORKERS, 'temporal', 'supervisor', 'serving']

/**
 * SIGKILLs `kills` processes at random moments, `pause` to `2 pause` ms apart, until `done` settles: first the Temporal server, then
 * `victims` in random order, none again before all have been. Returns whom it killed.
 */
export async function harm(
  hillock: Hillock,
  done: Promise<unknown>,
  kills: number,
  pause: number,
  victims: readonly string[] = WORKERS,
  round = 0,
): Promise<string[]> {
  const random = dice(Number(process.env['HILLOCK_KILL_SEED'] ?? 1) + round)
  const killed: string[] = []
  let order = ['temporal']
  let ended = false
  void done.then(() => (ended = true))
  while (!ended && killed.length < kills) {
    await sleep(pause * (1 + random()))
    if (order.length === 0)
      order = victims
        .map(v => ({ v, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(x => x.v)
    const { pid, children } = hillock.stack()
    // What is not there just now is left for later.
    const name = order.find(v => v === 'supervisor' || children[v] !== undefined)
    if (ended || name === undefined) continue
    try {
      process.kill(name === 'supervisor' ? pid : children[name]!, 'SIGKILL')
      killed.push(name)
      order.splice(order.indexOf(name), 1)
    } catch {
      // It had died with an earlier victim and is being started again.
    }
  }
  return killed
}

/** `{ ingest: [made, found], ... }` */
export const counts = (r: RunReport): Record<string, [number, number]> =>
  Object.fromEntries(r.stages.map(s => [s.stage, [s.made, s.found]]))

/** Stages that made anything. */
export const made = (r: RunReport): string[] => r.stages.filter(s => s.made > 0).map(s => s.stage)
