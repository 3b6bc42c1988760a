// What a platform asks the server: /healthz, whether it lives, and /readyz, whether it reads the bucket.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { ObjectStore } from '../storage/object-store.ts'

const ANSWER_MS = 2000
/** Nobody writes it: a bucket that says so is one that answers. */
const REF = 'refs/readyz'

export async function healthRoutes(app: FastifyInstance, { store }: { store: ObjectStore }): Promise<void> {
  const options = { config: { role: 'anyone', rateLimit: false } } as const
  const late = () => sleep(ANSWER_MS, `${store.url} does not answer`, { ref: false })
  app.get('/healthz', options, async (_, reply) => reply.header('cache-control', 'no-store').send({ ok: true }))
  app.get('/readyz', options, async (_, reply) => {
    const looked = store.readRef(REF).then(
      () => undefined,
      (e: Error) => e.message,
    )
    const why = await Promise.race([looked, late()])
    reply.header('cache-control', 'no-store').code(why === undefined ? 200 : 503)
    return { ok: why === undefined, bucket: why ?? 'answers' }
  })
}
