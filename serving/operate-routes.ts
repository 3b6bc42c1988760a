// Routes that change something: gates, pauses, publishing and rolling back, each with a reason, done as the command line does it.
import type { Client } from '@temporalio/client'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { publishRelease, rollbackInput, startRollback } from '../client/channels.ts'
import { readRelease } from '../client/catalogue.ts'
import { decide, openGate, pause, resume, update, type Order } from '../client/operator.ts'
import * as messages from '../domain/contract/messages.ts'
import { workflowIds } from '../domain/contract/names.ts'
import { errorTable, isHillockError, type ErrorType } from '../domain/errors.ts'
import { CHANNELS } from '../domain/release.ts'
import { wrongFields } from '../storage/lineage-record.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { badRequest, notFound, Problem } from './problem.ts'

export interface OperateOptions {
  readonly store: ObjectStore
  /** Where Temporal can be asked. */
  readonly connected: (() => Promise<Client>) | undefined
  /** Hears of every change that was asked for. */
  readonly onChange: ((change: Readonly<Record<string, unknown>>) => void) | undefined
}

const reason = z.string().trim().min(1).max(2000)
const name = z.string().min(1).max(200)
const Because = z.strictObject({ reason })
const Scoped = z.strictObject({ reason, stage: name.optional(), region: name.optional() })
const Resumed = Scoped.extend({ budget: z.number().positive().optional() })
const Step = z.strictObject({ reason, workflow: name, step: name })
const channel = z.enum(CHANNELS).default('published')
const Publish = z.strictObject({ reason, release: name, channel, force: z.boolean().default(false) })
const Rollback = z.strictObject({
  reason,
  channel,
  from: name.optional(),
  to: name.optional(),
  regions: z.array(name).max(1000).optional(),
})

interface Params {
  readonly dataset: string
  readonly run: string
  readonly gate: string
}

/** What the state of things does not allow, whoever asks. */
const CONFLICTS: readonly ErrorType[] = ['ConfigError', 'GateRejected', 'DatasetHeld', 'RefConflict']

function bodyOf<T>(request: FastifyRequest, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(request.body)
  if (parsed.success) return parsed.data
  throw badRequest(`the body: ${wrongFields(parsed.error.issues)}`, 'send JSON, with a `reason` for the record')
}

const conflict = (error: unknown): unknown => {
  if (isHillockError(error) && CONFLICTS.includes(error.type))
    return new Problem(409, error.message, errorTable[error.type].todo)
  // By its name: Temporal's client is loaded by what connects to it.
  if ((error as Error).name === 'WorkflowNotFoundError')
    return new Problem(409, 'no such run is under way', '`hillock status --all` lists the runs')
  return error
}

export async function operateRoutes(app: FastifyInstance, o: OperateOptions): Promise<void> {
  const { store, onChange } = o
  const connected = async (): Promise<Client> => {
    if (!o.connected)
      throw new Problem(503, 'this server does not know where Temporal is', 'start it with TEMPORAL_ADDRESS set')
    return o.connected()
  }
  /** One route, which hands over to what the command of that name calls. */
  const change = <B extends { reason: string }>(
    path: string,
    schema: z.ZodType<B>,
    work: (params: Params, body: B, order: Order, request: FastifyRequest) => Promise<object>,
  ): void => {
    const config = { role: 'operator' } as const
    app.post(path, { config, bodyLimit: 64 << 10 }, async (request, reply) => {
      const body = bodyOf(request, schema)
      const order = { by: request.who!.name, reason: body.reason }
      reply.header('cache-control', 'no-store')
      const told = { ...order, url: request.url, body, from: request.ip }
      try {
        const answer = await work(request.params as Params, body, order, request)
        onChange?.({ ...told, done: true })
        return answer
      } catch (error) {
        onChange?.({ ...told, done: false, why: (error as Error).message })
        throw conflict(error)
      }
    })
  }
  const idOf = ({ dataset, run }: Params): string => workflowIds.reconstruct(dataset, run)

  change('/operate/:dataset/runs/:run/pause', Scoped, async (run, scope, order) => ({
    workflowId: idOf(run),
    pauses: await pause(await connected(), idOf(run), scope, order),
  }))
  change('/operate/:dataset/runs/:run/resume', Resumed, async (run, { budget, ...scope }, order) => ({
    workflowId: idOf(run),
    pauses: await resume(await connected(), idOf(run), scope, order, budget),
  }))
  for (const decision of ['approve', 'reject', 'retry'] as const)
    change(`/operate/:dataset/runs/:run/gates/:gate/${decision}`, Because, async ({ dataset, run, gate }, _, order) => {
      const client = await connected()
      const { workflowId } = await openGate(client, `${dataset}/${run}`, gate)
      return { workflowId, ...(await decide(client, workflowId, gate, decision, order)) }
    })
  for (const action of ['retry', 'skip', 'done'] as const)
    change(`/operate/:dataset/steps/${action}`, Step, async ({ dataset }, { workflow, step }, { by, reason }) => {
      if (workflow.split('/')[1] !== dataset)
        throw new Problem(
          409,
          `${workflow} is no workflow of ${dataset}`,
          'give the id of one, as `hillock status` does',
        )
      const order = { step, action, author: by, reason }
      return { workflowId: workflow, steps: await update(await connected(), workflow, messages.resolve, order) }
    })
  change('/operate/:dataset/publish', Publish, async ({ dataset }, body, order, request) => {
    if (body.force && !request.may('admin', dataset))
      throw new Problem(403, 'force passes over the gate of the run file: this needs the role admin', 'leave it out')
    const found = await readRelease(store, dataset, body.release)
    if (!found) throw notFound(`there is no release ${body.release} of ${dataset}`, 'the list at / has what there is')
    return {
      dataset,
      channel: body.channel,
      ...(await publishRelease(await connected(), found, body.channel, order, body.force)),
    }
  })
  change('/operate/:dataset/rollback', Rollback, async ({ dataset }, body, order) => {
    const input = await rollbackInput(store, connected, dataset, { ...body, ...order })
    const { workflowId } = await startRollback(await connected(), input)
    return { workflowId, ...input }
  })
}
