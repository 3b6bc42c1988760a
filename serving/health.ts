// What a platform asks the server: /healthz, whether it lives; /readyz, whether it reads the bucket; /metrics, how hot what is asked for is, and its caches.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { LIMITS, type HotKind } from '../domain/slo/hot-spots.ts'
import { cacheCounts } from '../storage/cache-counts.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { HotSpots } from './hot-spots.ts'

const ANSWER_MS = 2000
/** Nobody writes it: a bucket that says so is one that answers. */
const REF = 'refs/readyz'
const KINDS = Object.keys(LIMITS) as HotKind[]

export async function healthRoutes(
  app: FastifyInstance,
  { store, hot }: { store: ObjectStore; hot: HotSpots },
): Promise<void> {
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
  // It names nothing of a dataset: the dashboard does.
  app.get('/metrics', options, async (_, reply) => {
    const lines = [
      '# TYPE hillock_hot_spot_per_second gauge',
      ...KINDS.map(k => `hillock_hot_spot_per_second{kind="${k}"} ${hot.top(k, 1)[0]?.perSecond ?? 0}`),
      '# TYPE hillock_hot_spot_limit_per_second gauge',
      ...KINDS.map(k => `hillock_hot_spot_limit_per_second{kind="${k}"} ${LIMITS[k]}`),
      '# TYPE hillock_cache_requests_total counter',
      ...Object.entries(cacheCounts()).flatMap(([name, { hits, misses }]) => [
        `hillock_cache_requests_total{cache="${name}",result="hit"} ${hits}`,
        `hillock_cache_requests_total{cache="${name}",result="miss"} ${misses}`,
      ]),
    ]
    return reply
      .header('cache-control', 'no-store')
      .type('text/plain; version=0.0.4')
      .send(`${lines.join('\n')}\n`)
  })
}
