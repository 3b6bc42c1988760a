// `hillock up` and `hillock down`.
import { setTimeout as sleep } from 'node:timers/promises'
import { isHillockError } from '../../../domain/errors.ts'
import { setting } from '../../../domain/settings.ts'
import { home } from '../../../worker/home.ts'
import { bucket } from '../../catalogue.ts'
import { say, type JsonOption } from '../../report.ts'
import { checkHost } from '../../processes/serving-host.ts'
import { ensureStack, standingStack, stopStack } from '../../processes/stack.ts'
import { unwatch } from '../../processes/troubles.ts'

export async function up(o: JsonOption & { detach?: boolean; host?: string }): Promise<void> {
  if (o.host !== undefined) process.env['HILLOCK_SERVING_HOST'] = o.host
  await checkHost(bucket(), setting('HILLOCK_SERVING_HOST') ?? '127.0.0.1')
  const { stack, started } = await ensureStack()
  if (o.host !== undefined && !started)
    console.error(`it was up already: \`hillock down\` first, if releases are to be served on ${o.host}`)
  say(o, { ...stack, started }, [
    `${started ? 'started' : 'already up'}: releases ${stack.serving}  Temporal UI ${stack.ui}  state ${home().root}`,
    `metrics for Prometheus: ${Object.values(stack.metrics).join('  ')}`,
    ...(o.detach ? [] : ['Ctrl-C stops it.']),
  ])
  if (!o.detach) await serveUntilInterrupted()
}

/** Returns never: ends the process after Ctrl-C (or SIGTERM), with the stack stopped. */
export async function serveUntilInterrupted(): Promise<void> {
  const stop = (): void => void stopStack().then(() => process.exit(0))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  unwatch()
  try {
    for (;;) {
      await standingStack()
      await sleep(1000)
    }
  } catch (e) {
    // Stopped from elsewhere, which is no failure.
    if (!isHillockError(e, 'ConfigError')) throw e
    process.exit(0)
  }
}

export async function down(o: JsonOption): Promise<void> {
  const stopped = await stopStack()
  say(o, { stopped }, stopped ? 'stopped' : 'nothing was running')
}
