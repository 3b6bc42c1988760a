// The HTTP server: releases as Neuroglancer precomputed layers, the viewer, and pages about datasets and lineage.
import fastifyStatic from '@fastify/static'
import Fastify, { type FastifyInstance } from 'fastify'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { SloReport } from '../domain/slo.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { html, page } from './html.ts'
import { layerRoutes } from './layer-routes.ts'
import { pageRoutes } from './page-routes.ts'
import { asProblem, notFound, type Problem } from './problem.ts'
import { releases } from './releases.ts'
import { sloPage } from './slo-page.ts'

export interface ServerOptions {
  readonly store: ObjectStore
  /** Folder with the bundled viewer, as `vite build` leaves it. */
  readonly viewerDir: string
  /** Address of Temporal's web page, to which lineage pages link. */
  readonly temporalUi?: string
  /** Service levels of a run, a release or a dataset; only where Temporal can be asked. */
  readonly slo?: (subject: string) => Promise<SloReport>
  /** Called with errors that are ours (status 500), for the log. */
  readonly onError?: (error: unknown) => void
}

const problemPage = (p: Problem): string =>
  page(
    `${p.status}`,
    html`<a href="/">Datasets</a>`,
    html`<div class="card">
      <p>${p.message}</p>
      <p class="soft">What to do: ${p.todo}</p>
    </div>`,
  )

/** The application, not yet listening: tests call it through `inject`. */
export function createServer({ store, viewerDir, temporalUi, slo, onError }: ServerOptions): FastifyInstance {
  const app = Fastify({ logger: false, routerOptions: { maxParamLength: 512 } })
  const catalogue = releases(store)

  app.addHook('onRequest', async (_request, reply) => {
    // Everything served is public to whoever reaches the port; viewers on other origins read it too.
    reply.headers({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'accept-ranges, content-length, content-range, etag',
    })
  })
  app.options('/*', async (_request, reply) =>
    reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        'access-control-allow-headers': 'range, if-none-match, if-range, content-type',
        'access-control-max-age': '86400',
      })
      .send(),
  )

  app.setErrorHandler(async (error, request, reply) => {
    const problem = asProblem(error)
    if (problem.status >= 500) onError?.(error)
    reply.code(problem.status).header('cache-control', 'no-store')
    // Browsers get a page, programs (and the viewer's own requests) get JSON.
    if (request.headers.accept?.includes('text/html'))
      return reply.type('text/html; charset=utf-8').send(problemPage(problem))
    return reply.send({ error: problem.message, todo: problem.todo })
  })
  app.setNotFoundHandler(async request => {
    throw notFound(`there is nothing at ${request.url}`, 'start at / : it lists datasets, releases and their addresses')
  })

  const folder = resolve(viewerDir)
  if (existsSync(join(folder, 'index.html'))) {
    app.register(fastifyStatic, { root: folder, prefix: '/viewer/', redirect: true, cacheControl: false, etag: true })
  } else {
    app.get('/viewer/*', async () => {
      throw notFound(
        `the viewer is not built: ${folder} has no index.html`,
        'run `make setup` and start the server again',
      )
    })
  }
  app.register(layerRoutes, { catalogue })
  app.get<{ Params: { '*': string } }>('/slo/*', async (request, reply) => {
    if (!slo) throw notFound('this server does not know where Temporal is', 'start it with TEMPORAL_ADDRESS set')
    const report = await slo(request.params['*'])
    reply.header('cache-control', 'no-cache')
    if ('json' in (request.query as object)) return report
    return reply.type('text/html; charset=utf-8').send(sloPage(report))
  })
  app.register(pageRoutes, { catalogue, temporalUi })
  return app
}
