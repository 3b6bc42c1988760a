// What a platform asks a worker over HTTP: /healthz, whether the process lives, and /readyz, whether each of its roles polls.
import { createServer } from 'node:http'
import type { NativeConnection, Worker } from '@temporalio/worker'
import { configError, type HillockError } from '../domain/errors.ts'
import { setting } from '../domain/settings.ts'

const ANSWER_MS = 2000

export interface Health {
  /** By role, those that have been made. */
  readonly workers: Map<string, Pick<Worker, 'getState'>>
  connection?: Pick<NativeConnection, 'workflowService' | 'withDeadline'>
}

/** Answers on HILLOCK_HEALTH, where that is set, until the process ends. @throws HillockError ConfigError where it cannot */
export async function answerHealth(roles: readonly string[], about: Readonly<Record<string, string>>): Promise<Health> {
  const health: Health = { workers: new Map() }
  const at = setting('HILLOCK_HEALTH')
  if (at === undefined) return health
  const [, host, port] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(at) ?? []
  const wrong = (why: string): HillockError => configError(`HILLOCK_HEALTH is ${at}, ${why}`)
  if (host === undefined || Number(port) > 65_535) throw wrong('which is no HOST:PORT')
  const server = createServer((request, response) => {
    const answer = (ok: boolean, found: object): void => {
      response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' })
      response.end(`${JSON.stringify({ ok, ...about, ...found })}\n`)
    }
    if (request.url === '/healthz') answer(true, {})
    else if (request.url === '/readyz') void readiness(health, roles).then(({ ok, ...found }) => answer(ok, found))
    else response.writeHead(404).end()
  })
  await new Promise<void>((listening, failed) => {
    server.once('error', e => failed(wrong(`where it cannot listen (${e.message}): name another`)))
    server.listen(Number(port), host, listening)
  })
  server.unref()
  return health
}

async function readiness({ workers, connection }: Health, roles: readonly string[]) {
  const states = Object.fromEntries(roles.map(r => [r, workers.get(r)?.getState() ?? 'STARTING']))
  const temporal = await connection
    ?.withDeadline(Date.now() + ANSWER_MS, () => connection.workflowService.getSystemInfo({}))
    .then(
      () => 'answers',
      (e: Error) => e.message,
    )
  const ok = temporal === 'answers' && Object.values(states).every(s => s === 'RUNNING')
  return { ok, roles: states, temporal: temporal ?? 'is not connected yet' }
}
