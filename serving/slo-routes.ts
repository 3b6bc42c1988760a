// The page of service levels: worked out once for each state of its runs, and kept.
import type { FastifyInstance } from 'fastify'
import type { SloSubject } from '../client/slo.ts'
import type { SloReport } from '../domain/slo/slo.ts'
import { cached } from './cached.ts'
import { notFound } from './problem.ts'
import { wantsJson } from './request.ts'
import { sloPage } from './slo-page.ts'
import { turns } from './turns.ts'

/** Service levels, where Temporal can be asked. */
export interface SloSource {
  /** What a name means now. @throws HillockError ConfigError when nothing has that name */
  find(subject: string): Promise<SloSubject>
  report(subject: string, found: SloSubject): Promise<SloReport>
}

const KEPT = 32
/** For so long a name means what it meant. */
const FRESH_MS = 3000
const SUBJECT = /^[A-Za-z0-9][\w.:+-]{0,150}(\/[A-Za-z0-9][\w.:+-]{0,150}){0,4}$/

export async function sloRoutes(app: FastifyInstance, { slo }: { slo: SloSource | undefined }): Promise<void> {
  const turn = turns(2, 32)
  const find = cached(KEPT, (_: string, source: SloSource, subject: string) => turn(() => source.find(subject)))
  const report = cached(KEPT, (_: string, source: SloSource, subject: string, found: SloSubject) =>
    turn(() => source.report(subject, found)),
  )
  app.get<{ Params: { '*': string } }>('/slo/*', async (request, reply) => {
    if (!slo) throw notFound('this server does not know where Temporal is', 'start it with TEMPORAL_ADDRESS set')
    const subject = request.params['*']
    if (!SUBJECT.test(subject))
      throw notFound('that is no name of a run, a release or a dataset', 'name one that the list at / has')
    const found = await find(`${subject} ${Math.floor(Date.now() / FRESH_MS)}`, slo, subject)
    const levels = await report(`${subject} ${found.version}`, slo, subject, found)
    reply.header('cache-control', 'no-cache')
    return wantsJson(request) ? levels : reply.type('text/html; charset=utf-8').send(sloPage(levels))
  })
}
