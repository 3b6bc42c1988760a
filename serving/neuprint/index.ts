// What neuprint-python and navis send, answered from releases: DATASET is its published release, DATASET:RELEASE that one.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Release } from '../../domain/release.ts'
import { mustBeAllowed } from '../access/guard.ts'
import type { Serving } from '../api/index.ts'
import { nameOf, sendBytes } from '../api/route.ts'
import { skeletonOf, swc } from '../api/objects.ts'
import { badRequest, notFound } from '../problem.ts'
import { isId, isWrong, type Cell, type Rows } from '../query/duckdb.ts'
import { encode, MEDIA } from '../query/encode.ts'
import { notUnderstood, parseCypher, type Expression, type Statement } from './cypher.ts'
import { pathsOf } from './paths.ts'
import { compile, NEURON_PROPERTIES, type Compiled } from './sql.ts'
import { anyone, viewer } from '../request.ts'

declare global {
  interface JSON {
    rawJSON(text: string): unknown
  }
}

/** As of which neuPrintHTTP its clients take this for: 1.7.3 is the first with Arrow. */
const VERSION = '1.7.3'
const Body = z.object({ cypher: z.string().max(1 << 20), dataset: z.string().min(1) })
/** A query in another that ends it after some time. */
const TIMED =
  /^\s*CALL apoc\.cypher\.runTimeboxed\("((?:[^"\\]|\\.)*)",\s*\{\},\s*[\d.]+\s*\)\s*YIELD value\s*RETURN ([\s\S]*)$/i

interface OfDataset {
  Params: { named: string; body: string }
}

export async function neuprint(app: FastifyInstance, serving: Serving): Promise<void> {
  const { catalogue, engine, find, known } = serving
  const open = async (request: FastifyRequest, reply: FastifyReply, named: string): Promise<Release> => {
    const [dataset, ...rest] = named.split(':') as [string, ...string[]]
    // A time has colons too.
    const release = rest.length > 0 ? rest.join(':') : 'published'
    mustBeAllowed(request, 'viewer', dataset)
    return find(reply, dataset, release)
  }
  const layer = (request: FastifyRequest, release: Release): string =>
    `precomputed://${request.protocol}://${request.host}/r/${nameOf(release)}/segmentation`

  app.get('/api/version', anyone, async () => ({ Version: VERSION }))
  app.get('/api/serverinfo', anyone, async () => ({ IsPublic: true }))
  app.get('/api/dbmeta/datasets', viewer, async request => {
    const listed = await catalogue.datasetsFor(request)
    const names = listed.flatMap(d => [
      ...(d.channels.some(c => c.channel === 'published') ? [d.dataset] : []),
      ...d.releases.map(r => `${d.dataset}:${r.release}`),
    ])
    return Object.fromEntries(
      names.map(n => [n, { uuid: n, 'last-mod': '', ROIs: [], superLevelROIs: [], info: '', hidden: false }]),
    )
  })

  app.post('/api/custom/custom', viewer, (request, reply) => answer(request, reply, 'json'))
  app.post('/api/custom/arrow', viewer, (request, reply) => answer(request, reply, 'arrow'))
  async function answer(request: FastifyRequest, reply: FastifyReply, format: 'json' | 'arrow'): Promise<FastifyReply> {
    const asked = Body.safeParse(request.body)
    if (!asked.success) throw badRequest('the body needs `cypher` and `dataset`', 'send it as neuprint-python does')
    const { cypher, dataset } = asked.data
    const release = await open(request, reply, dataset)
    reply.header('cache-control', 'no-cache')
    const timed = TIMED.exec(cypher)
    const inner = timed ? timed[1]!.replaceAll('\\"', '"') : cypher
    const paths = await pathsOf(engine, release, inner)
    const statement = paths ? undefined : parseCypher(inner)
    const nested = paths ?? answerOfMeta(statement!, metaOf(release, layer(request, release)))
    const compiled = nested ? undefined : compile(statement!)
    if (format === 'arrow' && compiled?.json.size !== 0)
      throw badRequest(
        'whole nodes, maps and lists are not sent as Arrow, but as JSON (use_arrow=False)',
        'return properties by their names',
      )
    if (!compiled) return send(reply, nested!)
    const columns = timed ? renamed(compiled.columns, timed[2]!) : compiled.columns
    try {
      const rows = await engine.stream({ release, from: compiled.from, sql: compiled.sql })
      if (format === 'arrow') {
        const named = rows.columns.map((c, i) => ({ ...c, name: columns[i]! }))
        return await sendBytes(reply, MEDIA.arrow, encode('arrow', { ...rows, columns: named }, {}))
      }
      return await sendBytes(reply, MEDIA.json, json(rows, compiled, columns))
    } catch (error) {
      throw isWrong(error) ? notUnderstood((error as Error).message) : error
    }
  }

  app.get<OfDataset>('/api/skeletons/skeleton/:named/:body', viewer, async (request, reply) => {
    const { named, body } = request.params
    const release = await open(request, reply, named)
    if (!isId(body)) throw badRequest(`${body} is no id of a body`, 'give it as a number')
    const bytes = await skeletonOf(catalogue.artifacts, release, BigInt(body))
    if (!bytes) {
      await known.mustHave(release, body)
      // What navis takes for "it has none".
      throw badRequest(`body ${body} has no skeleton`, 'bodies that are small have none')
    }
    return reply.type('text/plain').send(swc(bytes, `body ${body} of ${nameOf(release)}`, release.voxelSizeNm))
  })

  app.get<OfDataset>('/api/npexplorer/nglayers/:named', viewer, async (request, reply) => {
    const release = await open(request, reply, request.params.named.replace(/\.json$/, ''))
    return { layers: [{ name: release.dataset, type: 'segmentation', source: layer(request, release) }] }
  })

  const nothing = { columns: [] as string[], data: [] as unknown[] }
  for (const [kind, answer] of [
    ['roicompleteness', { ...nothing, columns: ['roi', 'roipre', 'roipost', 'totalpre', 'totalpost'] }],
    ['roiconnectivity', { roi_names: [[]], weights: {} }],
  ] as const)
    app.get(`/api/cached/${kind}`, anyone, async () => answer)
  app.get('/api/roimeshes/mesh/*', anyone, async () => {
    throw notFound('releases know no regions of the brain (ROIs)', 'ask for the mesh of a body')
  })
}

/** The outer RETURN of a query in a query: `value.c as count`. */
function renamed(columns: readonly string[], text: string): string[] {
  const names = new Map(
    text.split(',').map(part => {
      const found = /^\s*value\.(\w+)(?:\s+as\s+(\w+))?\s*$/i.exec(part)
      if (!found) throw notUnderstood(`RETURN ${part.trim()}`)
      return [found[1]!, found[2] ?? found[1]!] as const
    }),
  )
  return columns.map(c => names.get(c) ?? c)
}

const raw = (value: unknown): unknown =>
  typeof value === 'bigint'
    ? JSON.rawJSON(String(value))
    : typeof value === 'number' && !Number.isFinite(value)
      ? null
      : value

const send = (reply: FastifyReply, answer: object): FastifyReply =>
  reply.type(MEDIA.json).send(Buffer.from(JSON.stringify(answer, (_, value: unknown) => raw(value))))

/** Numbers as numbers, ids too: that is how neuPrint's clients read them. */
async function* json(
  { columns: own, batches }: Rows,
  { json: maps }: Compiled,
  columns: readonly string[],
): AsyncGenerator<Uint8Array> {
  let text = `{"columns":${JSON.stringify(columns)},"data":[`
  let first = true
  const cell = (value: Cell, name: string): unknown =>
    maps.has(name) && typeof value === 'string' ? (JSON.parse(value) as unknown) : raw(value)
  for await (const batch of batches) {
    for (let i = 0; i < batch[0]!.length; i++) {
      const row = own.map((c, j) => cell(batch[j]![i]!, c.name))
      text += `${first ? '' : ','}${JSON.stringify(row)}`
      first = false
    }
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(`${text}]}`)
}

type Meta = Readonly<Record<string, unknown>>

/** What neuPrint's :Meta node says of a dataset. Regions of a brain (ROIs) are not known here. @param layer address of the segmentation */
const metaOf = ({ dataset, release, voxelSizeNm, digest, bounds }: Release, layer: string): Meta => ({
  dataset,
  tag: release,
  uuid: digest,
  info: `Release ${release} of ${dataset}`,
  voxelSize: voxelSizeNm,
  voxelUnits: 'nanometers',
  bounds: JSON.stringify(bounds),
  primaryRois: [],
  superLevelRois: [],
  roiInfo: '{}',
  roiHierarchy: JSON.stringify({ name: dataset, children: [] }),
  neuroglancerInfo: '{}',
  neuroglancerMeta: JSON.stringify([{ name: dataset, dataType: 'segmentation', source: layer }]),
  statusDefinitions: JSON.stringify({ Traced: 'made by the release' }),
  neuronProperties: JSON.stringify(Object.fromEntries(NEURON_PROPERTIES.map(p => [p, 'str']))),
  ntSynapseProperties: '{}',
  postHighAccuracyThreshold: 0,
  postHPThreshold: 0,
  preHPThreshold: 0,
})

/** Undefined for a query of something else. @throws Problem 400 */
function answerOfMeta(
  { patterns, items }: Statement,
  meta: Meta,
): { columns: string[]; data: unknown[][] } | undefined {
  const variable = /^\((\w+):Meta\)$/.exec(patterns.join(' '))?.[1]
  if (variable === undefined) return undefined
  const value = (e: Expression): unknown => {
    if (e.kind === 'name' && e.name === variable) return meta
    if (e.kind === 'property' && e.of === variable) return meta[e.path] ?? null
    if (e.kind === 'call' && /^apoc\.convert\.fromJson(Map|List)$/.test(e.name)) {
      const text = value(e.args[0]!)
      return typeof text === 'string' ? JSON.parse(text) : null
    }
    throw notUnderstood('of :Meta its properties can be asked for')
  }
  return { columns: items.map(i => i.name), data: [items.map(i => value(i.expression))] }
}
