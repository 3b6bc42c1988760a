// The query API: its routes below /api/v1, their OpenAPI document, and what all of them share.
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, validatorCompiler } from 'fastify-type-provider-zod'
import { API } from '../../domain/api/endpoints.ts'
import { isHillockError } from '../../domain/errors.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { notFound, Problem } from '../problem.ts'
import { engine } from '../query/engine.ts'
import { sandbox } from '../query/sandbox.ts'
import { cave } from '../cave/index.ts'
import { neuprint } from '../neuprint/index.ts'
import { neuronRoutes } from '../neuron/index.ts'
import type { Releases } from '../releases.ts'
import { anyone, sendPage } from '../request.ts'
import type { HotSpots } from '../hot-spots.ts'
import type { SloLevels } from '../pages/slo-routes.ts'
import { documentPage } from './document-page.ts'
import { finder, knownSegments } from './find.ts'
import { releaseRoutes } from './releases.ts'
import { RELEASE_HEADER } from './route.ts'
import { segmentRoutes } from './segments.ts'
import { synapseRoutes } from './synapses.ts'
import { volumeRoutes, volumesOf } from './volumes.ts'

/** What the endpoints work with. */
export type Serving = ReturnType<typeof servingOf>

interface ApiOptions {
  readonly store: ObjectStore
  readonly catalogue: Releases
  readonly levels: SloLevels
  readonly tables: string | undefined
  readonly hot: HotSpots
}

/** Points that are asked for at a time take less. */
const BODY_BYTES = 1 << 20

/** What the documents of the API begin with. */
const ABOUT = `Coordinates are voxels of mip 0, counted from the dataset's origin. Ids are uint64: text in JSON. The header ${RELEASE_HEADER} says which release answered.`

/** Objects that are gone or damaged: who asks can't help it, and what is there is served. */
function problemOf(error: unknown): unknown {
  if (isHillockError(error, 'MissingArtifact') || isHillockError(error, 'BadTileError'))
    return new Problem(503, error.message, 'tell the operator: `hillock verify` and `hillock invalidate` mend it', {
      'retry-after': '60',
    })
  return error
}

function servingOf({ store, catalogue, levels, tables, hot }: ApiOptions) {
  const { artifacts } = catalogue
  const onRead = (name: string, bytes: number): void => hot.count('partition', name, bytes)
  const queries = engine({ artifacts, onRead, ...(tables !== undefined && { folder: tables }) })
  return {
    objects: store,
    catalogue,
    levels,
    engine: queries,
    volumes: volumesOf(artifacts),
    known: knownSegments(catalogue, queries),
    find: finder(store, catalogue),
    sql: sandbox(artifacts, queries),
  }
}

export async function api(app: FastifyInstance, options: ApiOptions): Promise<void> {
  const serving = servingOf(options)
  app.addHook('onClose', () => serving.engine.close())
  // What it throws is answered by the server.
  app.setErrorHandler(async error => {
    throw problemOf(error)
  })

  // Before the document begins: theirs are the documents of their clients.
  await app.register(cave, serving)
  await app.register(neuprint, serving)
  await app.register(neuronRoutes, serving)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hillock: query API',
        version: '1',
        description: ABOUT,
      },
    },
    transform: jsonSchemaTransform,
  })
  const open = { ...anyone, schema: { hide: true } } as const
  app.get('/openapi.json', open, async () => app.swagger())
  app.get('/api', open, async (_request, reply) => sendPage(reply, documentPage(ABOUT)))
  await app.register(
    async routes => {
      routes.setValidatorCompiler(validatorCompiler)
      routes.setSerializerCompiler(() => data => JSON.stringify(data))
      routes.setNotFoundHandler(async request => {
        throw notFound(`there is nothing at ${request.url}`, 'the page at /api lists what can be asked')
      })
      releaseRoutes(routes, serving)
      segmentRoutes(routes, serving)
      synapseRoutes(routes, serving)
      volumeRoutes(routes, serving)
    },
    { prefix: API, bodyLimit: BODY_BYTES },
  )
}
