// Where Hillock keeps its state on one machine: bucket, Temporal database, logs, the record of the running stack.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HillockError } from '../domain/errors.ts'

export const checkout = fileURLToPath(new URL('..', import.meta.url))

export interface Home {
  readonly root: string
  /** Folder or URL: HILLOCK_BUCKET, else what the last run file that names one says, else a folder here. */
  readonly bucket: string
  readonly database: string
  readonly logs: string
  readonly stack: string
  readonly ports: string
}

/** HILLOCK_HOME, by default `.hillock` in the checkout; folders are made. */
export function home(): Home {
  const root = resolve(process.env['HILLOCK_HOME'] ?? join(checkout, '.hillock'))
  const paths = {
    root,
    bucket: process.env['HILLOCK_BUCKET'] ?? chosenBucket(root) ?? join(root, 'bucket'),
    database: join(root, 'temporal', 'temporal.db'),
    logs: join(root, 'logs'),
    stack: join(root, 'stack.json'),
    ports: join(root, 'ports.json'),
  }
  for (const folder of [join(root, 'temporal'), paths.logs]) mkdirSync(folder, { recursive: true })
  return paths
}

const CHOSEN = 'bucket-url'

function chosenBucket(root: string): string | undefined {
  const file = join(root, CHOSEN)
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/** From now on this home works on the bucket `url`. @throws HillockError ConfigError while its processes work on another. */
export function chooseBucket(url: string): void {
  const h = home()
  if (h.bucket === url) return
  if (process.env['HILLOCK_BUCKET'] ?? readStack(h))
    throw new HillockError(
      'ConfigError',
      `bucket: the run file says ${url}, but this Hillock works on ${h.bucket}: stop it first (\`hillock down\`), unset HILLOCK_BUCKET, or use another HILLOCK_HOME`,
    )
  writeFileSync(join(h.root, CHOSEN), `${url}\n`)
}

/** HILLOCK_DATA, by default `../shared/data` beside the checkout. */
export const dataRoot = (): string => resolve(process.env['HILLOCK_DATA'] ?? join(checkout, '..', 'shared', 'data'))

/** What `up` wrote about the processes that it keeps. */
export interface StackRecord {
  readonly pid: number
  readonly temporal: string
  readonly ui: string
  readonly serving: string
  /** Address of the Prometheus metrics of each worker, by role. */
  readonly metrics: Readonly<Record<string, string>>
  /** Process id by name: temporal, workflow, cpu, inference, serving. */
  readonly children: Readonly<Record<string, number>>
  readonly ready: boolean
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export function readStack(h: Home): StackRecord | undefined {
  if (!existsSync(h.stack)) return undefined
  const record = JSON.parse(readFileSync(h.stack, 'utf8')) as StackRecord
  return isAlive(record.pid) ? record : undefined
}

export function writeJson(file: string, value: unknown): void {
  const partial = `${file}.${process.pid}`
  writeFileSync(partial, `${JSON.stringify(value, null, 2)}\n`)
  renameSync(partial, file)
}
