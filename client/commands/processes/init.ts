// `hillock init`: makes the configured namespace fit for Hillock where it may, and says what is missing where it may not.
import { setTimeout as sleep } from 'node:timers/promises'
import { configError } from '../../../domain/errors.ts'
import { connectTo } from '../../../worker/connection.ts'
import { addAttributes, checkNamespace, keepFor, lookAtNamespace, makeNamespace } from '../../../worker/namespace.ts'
import { configuredTemporal } from '../../../worker/temporal-config.ts'
import { inDays, secondsOf } from '../../numbers.ts'
import { say, type JsonOption } from '../../report.ts'

const DAY = 86_400
/** A server tells of attributes that were just added after a while. */
const KNOWN_MS = 5000

export async function init(o: JsonOption & { retention?: string }): Promise<void> {
  const { address, namespace } = configuredTemporal()
  const wanted = o.retention === undefined ? undefined : secondsOf('--retention', o.retention, DAY) / DAY
  const connection = await connectTo(address)
  const done: string[] = []
  const attempt = async (what: string, otherwise: string, work: () => Promise<void>): Promise<void> => {
    await work().catch((e: Error) => {
      throw configError(`${what}: not done from here (${e.message}); have it done: ${otherwise}`)
    })
    done.push(what)
  }
  const at = `--namespace ${namespace}`
  const { days } = await lookAtNamespace(connection)
  const keep = wanted ?? days ?? 30
  if (days === undefined)
    await attempt(
      `namespace ${namespace} is made`,
      `\`temporal operator namespace create ${at} --retention ${keep}d\`, or in the pages of Temporal Cloud`,
      () => makeNamespace(connection, keep),
    )
  else if (keep !== days)
    await attempt(
      `histories are kept for ${inDays(keep)} instead of ${inDays(days)}`,
      `\`temporal operator namespace update ${at} --retention ${keep}d\``,
      () => keepFor(connection, keep),
    )
  const { missing } = await lookAtNamespace(connection)
  if (missing.length > 0)
    await attempt(
      `search attributes ${missing.join(', ')} are added`,
      `\`temporal operator search-attribute create ${at}\` with the names and types that docs/deploy.md lists`,
      () => addAttributes(connection, missing),
    )
  for (const until = Date.now() + KNOWN_MS; Date.now() < until && (await lookAtNamespace(connection)).missing.length;)
    await sleep(200)
  await checkNamespace(connection)
  say(o, { address, namespace, days: keep, done }, [
    ...done,
    `namespace ${namespace} of ${address} is fit for Hillock; it keeps histories for ${inDays(keep)}`,
  ])
}
