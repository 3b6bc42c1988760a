// The HTTP server: releases as Neuroglancer precomputed layers, the viewer, and pages about datasets and lineage.
import fastifyStatic from '@fastify/static'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Client } from '@temporalio/client'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { API } from '../domain/api/endpoints.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { keyIds } from '../storage/encryption.ts'
import { guard } from './access/guard.ts'
import { headers, PREFLIGHT } from './access/headers.ts'
import { sessionRoutes } from './access/session.ts'
import { OPEN, type AccessSettings } from './access/settings.ts'
import { api } from './api/index.ts'
import { codecRoutes } from './codec-routes.ts'
import { healthRoutes } from './health.ts'
import { PROBLEM } from './api/route.ts'
import { dashboardRoutes } from './pages/dashboard.ts'
import { HotSpots } from './hot-spots.ts'
import { urlOfTable } from './cave/chunkedgraph.ts'
import { html, page } from './pages/html.ts'
import { layerRoutes } from './layer-routes.ts'
import { pageRoutes } from './pages/page-routes.ts'
import { asProblem, notFound, problemJson, type Problem } from './problem.ts'
import { releases } from './releases.ts'
import { operateRoutes } from './operate-routes.ts'
import { anyone, isBrowser } from './request.ts'
import { runRoutes } from './pages/run-routes.ts'
import { runsOf } from './pages/runs.ts'
import { readCounter } from './reads.ts'
import { sloLevels, sloRoutes, type SloSource } from './pages/slo-routes.ts'

export interface ServerOptions {
  readonly store: ObjectStore
  /** Folder with the bundled viewer, as `vite build` leaves it. */
  readonly viewerDir: string
  /** The list of workflows in Temporal's UI, to which lineage pages link. */
  readonly temporalUi?: string
  /** Of Temporal, whose payloads it decrypts where it has a key. */
  readonly namespace?: string
  readonly slo?: SloSource
  /** Folder in which local copies of tables are kept while it runs; that of the system if left out. */
  readonly tables?: string
  /** Where Temporal can be asked to change something. */
  readonly connected?: () => Promise<Client>
  /** Names of this server, where it listens for this machine only; see `checkRequest`. */
  readonly names?: readonly string[]
  readonly access?: AccessSettings
  /** Where requests to the store are counted already. */
  readonly hot?: HotSpots
  /** Called with every change that is asked for: who, why, what. */
  readonly onChange?: (change: Readonly<Record<string, unknown>>) => void
  /** Called with errors that are ours (status 500), for the log. */
  readonly onError?: (error: unknown) => void
}

/** A request is to be there whole within so long; a reader that takes nothing for longer is gone. */
const ARRIVE_MS = 30_000
const SILENT_MS = 150_000

/** Of pages that are live or have forms. */
const SCRIPT = readFileSync(new URL('script/page.js', import.meta.url))

const problemPage = (p: Problem): string =>
  page(
    `${p.status}`,
    html`<a href="/">Datasets</a>`,
    html`<div class="card">
      <p>${p.message}</p>
      <p class="soft">What to do: ${p.todo}</p>
      ${p.status === 401 ? html`<p><a class="button" href="/login">Sign in</a></p>` : null}
    </div>`,
  )

/** The application, not yet listening: tests call it through `inject`. */
export function createServer({
  store,
  viewerDir,
  temporalUi,
  namespace,
  slo,
  connected,
  tables,
  names,
  access = OPEN,
  hot = new HotSpots(),
  onChange,
  onError,
}: ServerOptions): FastifyInstance {
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const problem = asProblem(error)
    if (problem.status >= 500) onError?.(error)
    for (const h of ['etag', 'accept-ranges', 'content-type']) reply.removeHeader(h)
    headers(request, reply, access.origins)
    reply.code(problem.status).headers({ ...problem.headers, 'cache-control': 'no-store' })
    if (request.url.startsWith(`${API}/`))
      return reply.type(PROBLEM).send(Buffer.from(JSON.stringify(problemJson(problem))))
    // Browsers get a page, programs (and the viewer's own requests) get JSON.
    if (isBrowser(request)) return reply.type('text/html; charset=utf-8').send(problemPage(problem))
    return reply.send({ error: problem.message, todo: problem.todo })
  }
  // An address that cannot be decoded is refused before any hook.
  const frameworkErrors = (...refused: Parameters<typeof refuse>): void => void refuse(...refused)
  const app = Fastify({
    logger: false,
    rewriteUrl: request => urlOfTable(request.url!),
    routerOptions: { maxParamLength: 512 },
    frameworkErrors,
    trustProxy: access.proxies.length > 0 ? [...access.proxies] : false,
    requestTimeout: ARRIVE_MS,
    connectionTimeout: SILENT_MS,
  })
  const catalogue = releases(store)
  guard(app, { store, settings: access, names })
  app.options('/*', anyone, async (_request, reply) => reply.code(204).headers(PREFLIGHT).send())

  app.setErrorHandler(async (...refused) => refuse(...refused))
  app.setNotFoundHandler(async request => {
    throw notFound(`there is nothing at ${request.url}`, 'start at / : it lists datasets, releases and their addresses')
  })

  const folder = resolve(viewerDir)
  if (existsSync(join(folder, 'index.html'))) {
    app.register(fastifyStatic, { root: folder, prefix: '/viewer/', redirect: true, cacheControl: false, etag: true })
  } else {
    app.get('/viewer/*', anyone, async () => {
      throw notFound(
        `the viewer is not built: ${folder} has no index.html`,
        'run `make setup` and start the server again',
      )
    })
  }
  app.register(healthRoutes, { store, hot })
  app.get('/page.js', anyone, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').header('cache-control', 'no-cache').send(SCRIPT),
  )
  app.register(sessionRoutes)
  app.register(operateRoutes, { store, connected, onChange })
  if (keyIds().length > 0) app.register(codecRoutes, { store, namespace, temporalUi })
  const reads = readCounter((name, bytes) => hot.count('shard', name, bytes))
  app.register(layerRoutes, { catalogue, reads })
  const levels = sloLevels(slo)
  app.register(api, { store, catalogue, levels, tables, hot })
  app.register(sloRoutes, { levels })
  app.register(dashboardRoutes, { catalogue, levels, reads, hot })
  app.register(pageRoutes, { catalogue, temporalUi })
  app.register(runRoutes, { runs: runsOf(store, connected, levels), catalogue, objects: store, temporalUi })
  return app
}
