// The log of a worker on stderr: lines for people at a terminal, else a JSON object each, as HILLOCK_LOG says.
import { DefaultLogger, type Logger } from '@temporalio/worker'
import { pino } from 'pino'
import { choiceSetting } from '../domain/settings.ts'

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** @param about what every object says of the process. @throws HillockError ConfigError */
export function workerLog(about: Readonly<Record<string, string>>): Logger {
  const form = choiceSetting('HILLOCK_LOG') ?? (process.stderr.isTTY ? 'text' : 'json')
  if (form === 'text') return new DefaultLogger('INFO')
  const destination = pino.destination({ dest: 2, sync: true })
  // A full disk takes no log.
  destination.on('error', () => {})
  const { err } = pino.stdSerializers
  const log = pino({ name: 'worker', base: { pid: process.pid, ...about }, serializers: { error: err } }, destination)
  return new DefaultLogger('INFO', ({ level, message, meta }) => {
    const { taskToken: _, ...said } = (meta ?? {}) as Record<string, unknown>
    log[level.toLowerCase() as Level](said, message)
  })
}
