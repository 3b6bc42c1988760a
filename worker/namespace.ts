// The namespace that Hillock works in: what it lacks, in lines with what to do, and adding that where it may be added.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '@temporalio/client'
import { searchAttributes } from '../domain/contract/search-attributes.ts'
import { configError } from '../domain/errors.ts'
import { refused } from './connection.ts'
import { temporalConfig } from './temporal-config.ts'

const ANSWER_MS = 3000
/** A server knows a namespace that was just made after a while. */
const KNOWN_MS = 15_000
const NOT_FOUND = 5

/** As the API numbers them. */
const TYPES = ['', 'Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList']
/** Search attributes, with their types as Temporal's command line names them. */
export const wanted = Object.values(searchAttributes).map(
  ({ name, type }) => [name, type === 'KEYWORD' ? 'Keyword' : 'KeywordList'] as const,
)

export interface NamespaceState {
  readonly namespace: string
  /** For so many days it has the histories of workflows that have ended; undefined: there is no such namespace. */
  readonly days: number | undefined
  /** Search attributes that are not there. */
  readonly missing: readonly string[]
  /** What is wrong, in lines with what to do; empty where nothing is. */
  readonly troubles: readonly string[]
}

/** @throws HillockError ConfigError where the server does not say */
export async function lookAtNamespace(connection: Connection): Promise<NamespaceState> {
  const { namespace } = temporalConfig()
  return asking(connection, async () => {
    const found = await connection.workflowService.describeNamespace({ namespace }).catch((e: unknown) => {
      if ((e as { code?: unknown }).code === NOT_FOUND) return undefined
      throw e
    })
    if (!found) {
      const trouble = `namespace ${namespace} is not there: \`hillock init\` makes it where it may; or correct TEMPORAL_NAMESPACE`
      return { namespace, days: undefined, missing: wanted.map(([name]) => name), troubles: [trouble] }
    }
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
    const types = new Map(Object.entries(customAttributes ?? {}).map(([name, type]) => [name, TYPES[Number(type)]]))
    const missing = wanted.map(([name]) => name).filter(name => !types.has(name))
    const other = wanted.filter(([name, type]) => types.has(name) && types.get(name) !== type)
    return {
      namespace,
      days: Number(found.config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400,
      missing,
      troubles: [
        ...(missing.length > 0
          ? [
              `namespace ${namespace} lacks the search attributes ${missing.join(', ')}: \`hillock init\` adds them where it may`,
            ]
          : []),
        ...other.map(
          ([name, type]) =>
            `search attribute ${name} of namespace ${namespace} is of type ${types.get(name)}, and must be ${type}: remove it (\`temporal operator search-attribute remove --namespace ${namespace} --name ${name}\`) and call \`hillock init\`, or take another namespace`,
        ),
      ],
    }
  })
}

/** @throws HillockError ConfigError that says what the namespace lacks */
export async function checkNamespace(connection: Connection): Promise<void> {
  const { troubles } = await lookAtNamespace(connection)
  if (troubles.length > 0) throw configError(troubles.join('; '))
}

/** @throws HillockError ConfigError where that may not be done here */
export async function makeNamespace(connection: Connection, days: number): Promise<void> {
  const { namespace } = temporalConfig()
  const workflowExecutionRetentionPeriod = { seconds: days * 86_400 } as never
  await asking(connection, () =>
    connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod }),
  )
  const isKnown = (): Promise<boolean> =>
    lookAtNamespace(connection).then(
      s => s.days !== undefined,
      () => false,
    )
  for (const until = Date.now() + KNOWN_MS; Date.now() < until && !(await isKnown());) await sleep(200)
}

/** @throws HillockError ConfigError where that may not be done here */
export async function keepFor(connection: Connection, days: number): Promise<void> {
  const { namespace } = temporalConfig()
  const config = { workflowExecutionRetentionTtl: { seconds: days * 86_400 } as never }
  await asking(connection, () => connection.workflowService.updateNamespace({ namespace, config }))
}

/** @throws HillockError ConfigError where that may not be done here */
export async function addAttributes(connection: Connection, names: readonly string[]): Promise<void> {
  const { namespace } = temporalConfig()
  const types = wanted.filter(([name]) => names.includes(name)).map(([name, type]) => [name, TYPES.indexOf(type)])
  await asking(connection, () =>
    connection.operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(types) as never }),
  )
}

/** Adds what the namespace lacks. @throws HillockError ConfigError that says what is wrong with it */
export async function makeFit(connection: Connection): Promise<void> {
  const { days, missing } = await lookAtNamespace(connection)
  if (days !== undefined && missing.length > 0) await addAttributes(connection, missing)
  await checkNamespace(connection)
}

async function asking<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  const { address = connection.options.address, ...config } = temporalConfig()
  try {
    return await connection.withDeadline(Date.now() + ANSWER_MS, work)
  } catch (e) {
    throw refused(e, { address, ...config })
  }
}
