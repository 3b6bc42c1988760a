// Metrics of the serving process for Prometheus: how hot the hottest prefix, shard and table partition is, and its caches.
import type { FastifyInstance } from 'fastify'
import { LIMITS, type HotKind } from '../domain/slo/hot-spots.ts'
import { cacheCounts } from '../storage/cache-counts.ts'
import type { HotSpots } from './hot-spots.ts'

const KINDS = Object.keys(LIMITS) as HotKind[]

/** It names nothing of a dataset: the dashboard does. */
export async function metricsRoutes(app: FastifyInstance, { hot }: { hot: HotSpots }): Promise<void> {
  app.get('/metrics', { config: { role: 'anyone', rateLimit: false } }, async (_, reply) => {
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
