// The page of service levels: worked out once for each state of its runs, and kept.
import type { FastifyInstance } from 'fastify'
import type { SloSubject } from '../../client/slo.ts'
import { ALL } from '../../domain/access.ts'
import { isHillockError } from '../../domain/errors.ts'
import type { SloReport } from '../../domain/slo/slo.ts'
import { notFound } from '../problem.ts'
import { sendPage, viewerPage, wantsJson } from '../request.ts'
import { sloPage } from './slo-page.ts'
import { cached, turns } from '../turns.ts'

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

export type SloLevels = (subject: string) => Promise<SloReport>

/** Service levels by subject, worked out once for each state of its runs. @throws Problem 404 for what has none */
export function sloLevels(slo: SloSource | undefined): SloLevels {
  const turn = turns(2, 32)
  const find = cached(KEPT, (_: string, source: SloSource, subject: string) => turn(() => source.find(subject)))
  const report = cached(KEPT, (_: string, source: SloSource, subject: string, found: SloSubject) =>
    turn(() => source.report(subject, found)),
  )
  return async subject => {
    if (!slo) throw notFound('this server does not know where Temporal is', 'start it with TEMPORAL_ADDRESS set')
    if (!SUBJECT.test(subject))
      throw notFound('that is no name of a run, a release or a dataset', 'name one that the list at / has')
    const found = await find(`${subject} ${Math.floor(Date.now() / FRESH_MS)}`, slo, subject)
    return report(`${subject} ${found.version}`, slo, subject, found)
  }
}

export async function sloRoutes(app: FastifyInstance, { levels }: { levels: SloLevels }): Promise<void> {
  app.get<{ Params: { '*': string } }>('/slo/*', viewerPage, async (request, reply) => {
    const subject = request.params['*']
    const unknown = notFound(`nothing that you may read is called ${subject}`, 'the list at / has what there is')
    const found = await levels(subject).catch((e: unknown) => {
      // What is wrong with a name is said with the names that there are.
      throw isHillockError(e, 'ConfigError') && !request.may('viewer', ALL) ? unknown : e
    })
    if (!request.may('viewer', found.dataset)) throw unknown
    if (!wantsJson(request)) return sendPage(reply, sloPage(found))
    reply.header('cache-control', 'no-cache')
    return found
  })
}
