// The serving process (`hillock serve`): one bucket, one port, on this machine only unless --host says otherwise; prints its address when it listens.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { bucketUrl } from '../client/catalogue.ts'
import { connect, temporalConfig, uiOf } from '../client/connection.ts'
import { workflowsUi } from '../client/links.ts'
import { checkHost, isLoopback } from '../client/processes/serving-host.ts'
import { sloOf, sloSubject } from '../client/slo.ts'
import { numberSetting, setting } from '../domain/settings.ts'
import { openStore } from '../storage/stores/open-store.ts'
import { accessSettings, type AccessSettings } from './access/settings.ts'
import { HotSpots } from './hot-spots.ts'
import { createServer } from './server.ts'

/** Records, index nodes and tables of a bucket over the network; outputs have a cache of their own. */
const CACHE_BYTES = 128 << 20

const { values } = parseArgs({
  options: {
    /** Bucket: gs:// or file:// URL, or folder; by default that of this HILLOCK_HOME. */
    bucket: { type: 'string' },
    /** To listen on: other machines reach it only where that is named. */
    host: { type: 'string' },
    /** 0: any free port. */
    port: { type: 'string' },
    viewer: { type: 'string' },
  },
})
const port = Number(values.port ?? numberSetting('HILLOCK_SERVING_PORT') ?? 0)
const host = values.host ?? setting('HILLOCK_SERVING_HOST') ?? '127.0.0.1'
const viewerDir = values.viewer ?? fileURLToPath(new URL('../dist/viewer', import.meta.url))

const destination = pino.destination({ dest: 2, sync: true })
// A full disk takes no log; what can be served is.
destination.on('error', () => {})
const log = pino({ name: 'serving' }, destination)
const { address: temporal, namespace } = temporalConfig()
const ui = setting('HILLOCK_TEMPORAL_UI') ?? (temporal && uiOf(temporal))
const hot = new HotSpots()
const store = openStore(values.bucket ?? setting('HILLOCK_BUCKET') ?? bucketUrl(), {
  cacheBytes: CACHE_BYTES,
  tell: ({ prefix, bytes, ms }) => hot.count('prefix', prefix, bytes, ms),
  mark: values.bucket === undefined ? setting('HILLOCK_BUCKET_MARK') : undefined,
})
/** One connection for all, made when it is first needed; it finds the server again by itself. */
let connecting: ReturnType<typeof connect> | undefined
const client = (address: string): ReturnType<typeof connect> => {
  connecting ??= connect(address)
  connecting.catch(() => (connecting = undefined))
  return connecting
}
function fail(why: string): never {
  console.error(`hillock serving: ${why}`)
  process.exit(1)
}

let access: AccessSettings
try {
  access = accessSettings(process.env, host)
  await checkHost(store, host)
} catch (error) {
  fail((error as Error).message)
}
const app = createServer({
  store,
  viewerDir,
  access,
  hot,
  namespace,
  onChange: change => log.info(change, 'change'),
  onError: error => log.error(error),
  ...(ui !== undefined && { temporalUi: workflowsUi({ ui, namespace }) }),
  ...(isLoopback(host) && { names: (setting('HILLOCK_SERVING_NAMES') ?? '').toLowerCase().split(',') }),
  ...(temporal !== undefined && {
    connected: () => client(temporal),
    slo: {
      find: async subject => sloSubject(await client(temporal), store, subject),
      report: async (subject, found) => sloOf(await client(temporal), store, subject, found),
    },
  }),
})

const stop = (): void => void app.close().then(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('SIGINT', stop)

try {
  // The line that a parent process waits for.
  console.log(await app.listen({ host, port }))
  // Under `hillock up` it says when it is ready, and ends with the process that keeps it.
  process.send?.({ ready: true })
  process.on('disconnect', () => process.exit(0))
} catch (error) {
  fail(`cannot listen on port ${port} of ${host}: ${(error as Error).message}; choose another with --port`)
}
