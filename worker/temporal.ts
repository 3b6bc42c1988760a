// The Temporal server of a stack where none is configured: the dev server of this machine on its own database.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { keyIds } from '../storage/encryption.ts'
import { whyNot } from './connection.ts'
import type { Home } from './home.ts'
import { checkDatabase } from './lock.ts'
import { wanted } from './namespace.ts'
import type { Ports } from './ports.ts'
import { temporalConfig } from './temporal-config.ts'

/** That a dev server knows them. */
export const attributeOptions: readonly string[] = wanted.flatMap(([name, type]) => [
  '--search-attribute',
  `${name}=${type}`,
])

/** There from before the server makes its database until it has answered on it. */
const unfinished = (h: Home): string => `${h.database}.unfinished`

/** The server has answered: its database is one. */
export const isMade = (h: Home): void => rmSync(unfinished(h), { force: true })

/** @param cli path of the Temporal CLI. @throws Error when the database is damaged or in use */
export function devServer(cli: string, h: Home, ports: Ports, env: NodeJS.ProcessEnv, out: number | 'ignore') {
  // One whose making was interrupted holds nothing, and the server would not complete it.
  if (existsSync(unfinished(h))) for (const part of ['', '-wal', '-shm']) rmSync(h.database + part, { force: true })
  if (existsSync(h.database)) checkDatabase(h.database)
  else writeFileSync(unfinished(h), '')
  const options = {
    ip: '127.0.0.1',
    port: ports.temporal,
    'ui-port': ports.ui,
    namespace: temporalConfig().namespace,
    'db-filename': h.database,
    'log-level': 'warn',
    ...(keyIds().length > 0 && { 'ui-codec-endpoint': `http://127.0.0.1:${ports.serving}/codec` }),
  }
  const pragmas = ['journal_mode=WAL', 'synchronous=NORMAL']
  const dynamic = ['system.enableActivityEagerExecution=true', 'matching.enableFairness=true']
  const child = spawn(
    cli,
    [
      'server',
      'start-dev',
      '--ui-disable-news-fetch',
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ...pragmas.flatMap(p => ['--sqlite-pragma', p]),
      ...dynamic.flatMap(d => ['--dynamic-config-value', d]),
      ...attributeOptions,
    ],
    { stdio: ['ignore', out, out], env },
  )
  leash(child)
  return child
}

/** Ends `child` when this process ends, however that happens: a shell waits for the end of a pipe that only this process holds. */
function leash(child: ChildProcess): void {
  if (child.pid === undefined) return
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$0"', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // An interrupt at the terminal is for the processes of the stack, which end in order.
    detached: true,
  })
  child.once('exit', () => shell.kill('SIGKILL'))
}

/** Waits until the server answers, for as long as `goOn` says; whether it does. */
export async function answers(address: string, goOn: () => boolean): Promise<boolean> {
  while (goOn()) {
    if ((await whyNot({ address, options: {} })) === undefined) return goOn()
    await sleep(100)
  }
  return false
}
