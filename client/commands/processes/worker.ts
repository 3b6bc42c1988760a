// `hillock worker` and `hillock serve`: one process in the foreground, for the Temporal and the bucket that are configured.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Connection } from '@temporalio/client'
import { configError } from '../../../domain/errors.ts'
import { setting } from '../../../domain/settings.ts'
import { checkout } from '../../../worker/home.ts'
import { checkNamespace } from '../../../worker/namespace.ts'
import { rolesOf, runRoles } from '../../../worker/role.ts'
import { codeRevision } from '../../../worker/runtime.ts'
import { configuredTemporal } from '../../../worker/temporal-config.ts'
import { bucketUrl } from '../../catalogue.ts'
import { connect } from '../../connection.ts'
import { tryBucket } from '../../processes/bucket-access.ts'
import { lookAtQueues, unreadable } from '../../processes/builds.ts'

/** Ends when the process is told to. @throws HillockError that says what it cannot work with */
export async function worker(names: readonly string[]): Promise<void> {
  const roles = rolesOf(names)
  const { address, namespace } = configuredTemporal()
  const client = await connect(address)
  const connection = client.connection as Connection
  try {
    await checkNamespace(connection)
    // It would fail whatever it takes from their queues.
    const [why] = unreadable(await lookAtQueues(client)).here
    if (why !== undefined) throw configError(why)
  } finally {
    await connection.close()
  }
  const bucket = setting('HILLOCK_BUCKET')
  if (bucket !== undefined) await tryBucket(bucket)
  console.error(
    `${roles.join(', ')}: build ${codeRevision()} works for namespace ${namespace} of ${address}, on bucket ${bucket}`,
  )
  await runRoles(roles)
}

/** Never returns: the process ends when it is told to. @throws HillockError that says why the bucket cannot be read */
export async function serve(o: { host?: string; port?: string }): Promise<void> {
  await tryBucket(setting('HILLOCK_BUCKET') ?? bucketUrl(), 'read')
  const port = o.port ?? setting('HILLOCK_SERVING_PORT') ?? '8470'
  process.argv.splice(2, Infinity, '--port', port, ...(o.host === undefined ? [] : ['--host', o.host]))
  await import(pathToFileURL(join(checkout, 'serving/main.ts')).href)
  await new Promise(() => {})
}
