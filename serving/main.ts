// The serving process: one bucket, one port on this machine only; prints its address when it listens.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { bucketUrl } from '../client/catalogue.ts'
import { connect } from '../client/connection.ts'
import { sloOf } from '../client/slo.ts'
import { openStore } from '../storage/open-store.ts'
import { createServer } from './server.ts'

/** What viewers around one place ask for again and again. */
const CACHE_BYTES = 256 << 20

const { values } = parseArgs({
  options: {
    /** Bucket: gs:// or file:// URL, or folder; by default that of this HILLOCK_HOME. */
    bucket: { type: 'string' },
    /** 0: any free port. */
    port: { type: 'string' },
    viewer: { type: 'string' },
  },
})
const port = Number(values.port ?? process.env['HILLOCK_SERVING_PORT'] ?? 0)
const viewerDir = values.viewer ?? fileURLToPath(new URL('../dist/viewer', import.meta.url))

const log = pino({ name: 'serving' }, pino.destination({ dest: 2, sync: true }))
const temporalUi = process.env['HILLOCK_TEMPORAL_UI']
const temporal = process.env['TEMPORAL_ADDRESS']
const store = openStore(values.bucket ?? bucketUrl(), { cacheBytes: CACHE_BYTES })
const app = createServer({
  store,
  viewerDir,
  onError: error => log.error(error),
  ...(temporalUi === undefined ? {} : { temporalUi }),
  ...(temporal === undefined ? {} : { slo: async subject => sloOf(await connect(temporal), store, subject) }),
})

const stop = (): void => void app.close().then(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('SIGINT', stop)

try {
  // The line that a parent process waits for.
  console.log(await app.listen({ host: '127.0.0.1', port }))
  // Under `hillock up` it says when it is ready, and ends with the process that keeps it.
  process.send?.({ ready: true })
  process.on('disconnect', stop)
} catch (error) {
  console.error(
    `hillock serving: cannot listen on port ${port} of 127.0.0.1: ${(error as Error).message}; choose another with --port`,
  )
  process.exit(1)
}
