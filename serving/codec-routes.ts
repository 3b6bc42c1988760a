// The codec server: /codec/encode and /codec/decode, by which Temporal's UI and CLI read and write payloads that are encrypted.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ALL } from '../domain/access.ts'
import { LOOPBACK } from '../client/processes/serving-host.ts'
import { isHillockError } from '../domain/errors.ts'
import { setting } from '../domain/settings.ts'
import { decryptJson, encryptJson } from '../storage/encryption.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { anyToken } from '../storage/tokens.ts'
import { mustBeAllowed } from './access/guard.ts'
import { isOwn } from './access/headers.ts'
import { badRequest, Problem } from './problem.ts'

export interface CodecOptions {
  readonly store: ObjectStore
  readonly namespace: string | undefined
  /** A page of Temporal's UI. */
  readonly temporalUi: string | undefined
}

/** Payloads of a page of a history. */
const LONGEST = 32 << 20
const Body = z.object({
  payloads: z.array(z.object({ metadata: z.record(z.string(), z.base64()).optional(), data: z.base64().optional() })),
})

export async function codecRoutes(app: FastifyInstance, o: CodecOptions): Promise<void> {
  for (const [path, change] of Object.entries({ encode: encryptJson, decode: decryptJson }))
    // No change, though it is a POST; who may is asked below.
    app.post(`/codec/${path}`, { config: { role: 'viewer' }, bodyLimit: LONGEST }, async (request, reply) => {
      await check(request, o)
      const body = Body.safeParse(request.body)
      if (!body.success) throw badRequest('the body is not {"payloads": [...]}', 'send payloads as Temporal does')
      try {
        return await reply.header('cache-control', 'no-store').send({ payloads: body.data.payloads.map(change) })
      } catch (e) {
        if (!isHillockError(e)) throw e
        throw badRequest(e.message, 'give this server the keys of the workers')
      }
    })
}

/** Who decrypts reads all that is done in a namespace. Before anybody is told apart from anybody, it is whoever works on this machine. @throws Problem */
async function check(request: FastifyRequest, { store, namespace, temporalUi }: CodecOptions): Promise<void> {
  const { origin, 'x-namespace': named } = request.headers
  if (namespace !== undefined && named !== undefined && named !== namespace)
    throw badRequest(`this server works for namespace ${namespace}, not ${String(named)}`, 'ask the one of that')
  if (!LOOPBACK.test(request.hostname) || setting('HILLOCK_OIDC_ISSUER') || (await anyToken(store)))
    return mustBeAllowed(request, 'operator', ALL)
  if (isOwn(request) || (temporalUi !== undefined && origin === new URL(temporalUi).origin)) return
  throw new Problem(403, `a page of ${origin} may decrypt nothing here`, "open Temporal's UI, or send a token")
}
