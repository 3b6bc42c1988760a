// Where Hillock keeps its state on one machine: bucket, Temporal database, logs, the record of the running stack.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configError, type HillockError } from '../domain/errors.ts'
import { setting } from '../domain/settings.ts'
import { makeFolders } from '../storage/files/system.ts'
import { bornAt } from './identity.ts'

export const checkout = fileURLToPath(new URL('..', import.meta.url))

export interface Home {
  readonly root: string
  /** Folder or URL: HILLOCK_BUCKET, else what the last run file that names one says, else a folder here. */
  readonly bucket: string
  readonly database: string
  readonly logs: string
  readonly stack: string
  readonly ports: string
  /** Held by the process that keeps the stack, and by a command while it starts that process. */
  readonly lock: string
  readonly starting: string
}

/** HILLOCK_HOME, by default `.hillock` in the checkout; folders are made. @throws HillockError ConfigError where they cannot be */
export function home(): Home {
  const root = resolve(setting('HILLOCK_HOME') ?? join(checkout, '.hillock'))
  const paths = {
    root,
    bucket: setting('HILLOCK_BUCKET') ?? chosenBucket(root) ?? join(root, 'bucket'),
    database: join(root, 'temporal', 'temporal.db'),
    logs: join(root, 'logs'),
    stack: join(root, 'stack.json'),
    ports: join(root, 'ports.json'),
    lock: join(root, 'stack.lock'),
    starting: join(root, 'starting.lock'),
  }
  try {
    for (const folder of [join(root, 'temporal'), paths.logs]) makeFolders(folder)
  } catch (e) {
    throw unusable(paths, e)
  }
  return paths
}

export const unusable = ({ root }: Pick<Home, 'root'>, e: unknown): HillockError =>
  configError(
    `HILLOCK_HOME is ${root}, which cannot be written (${(e as Error).message}): name another folder, or make room and rights`,
  )

const CHOSEN = 'bucket-url'

function chosenBucket(root: string): string | undefined {
  const file = join(root, CHOSEN)
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/** From now on this home works on the bucket `url`. @throws HillockError ConfigError while its processes work on another. */
export function chooseBucket(url: string): void {
  const h = home()
  if (h.bucket === url) return
  if (setting('HILLOCK_BUCKET') ?? readStack(h))
    throw configError(
      `bucket: the run file says ${url}, but this Hillock works on ${h.bucket}: stop it first (\`hillock down\`), unset HILLOCK_BUCKET, or use another HILLOCK_HOME`,
    )
  writeFileSync(join(h.root, CHOSEN), `${url}\n`)
}

/** HILLOCK_DATA, by default `../shared/data` beside the checkout. */
export const dataRoot = (): string => resolve(setting('HILLOCK_DATA') ?? join(checkout, '..', 'shared', 'data'))

/** What `up` wrote about the processes that it keeps. */
export interface StackRecord {
  readonly pid: number
  /** When that process was born: its number alone may be somebody else's by now. */
  readonly born: string
  readonly temporal: string
  readonly namespace: string
  readonly ui: string
  readonly serving: string
  /** Address of the Prometheus metrics of each worker, by role. */
  readonly metrics: Readonly<Record<string, string>>
  /** Process id by name: temporal, workflow, cpu, inference, serving. */
  readonly children: Readonly<Record<string, number>>
  readonly ready: boolean
  /** What is not ready, and why. */
  readonly waits: Readonly<Record<string, string>>
}

/** The stack that runs on this home: a record that is damaged, or whose process is gone or another, is none. */
export function readStack(h: Home): StackRecord | undefined {
  const record = readJson(h.stack) as StackRecord | undefined
  return record?.born !== undefined && record.born === bornAt(record.pid)
    ? { ...record, namespace: record.namespace ?? 'default' }
    : undefined
}

/** What a JSON file of this home says; undefined when it is not there or damaged. */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) ?? undefined
  } catch {
    return undefined
  }
}

export function writeJson(file: string, value: unknown): void {
  const partial = `${file}.${process.pid}`
  try {
    writeFileSync(partial, `${JSON.stringify(value, null, 2)}\n`)
    renameSync(partial, file)
  } catch (e) {
    rmSync(partial, { force: true })
    throw e
  }
}
