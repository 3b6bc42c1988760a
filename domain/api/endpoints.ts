// The endpoints of the query API, one row each: the server's routes, the OpenAPI document and the typed client are made of this table.
import { z } from 'zod'
import {
  BoxText,
  Columns,
  Count,
  Dataset,
  Hops,
  Id,
  Level,
  Limit,
  Mip,
  MOST_POINTS,
  MOST_ROWS,
  MOST_SQL_ROWS,
  Offset,
  Point,
  PointText,
  ReleaseName,
  Row,
  Rows,
  Score,
  SqlRows,
} from './schemas.ts'

/** Where the API lies on its server. */
export const API = '/api/v1'

const none = z.strictObject({})
const inDataset = z.strictObject({ dataset: Dataset })
const inRelease = inDataset.extend({ release: ReleaseName })
const ofSegment = inRelease.extend({ segment: Id })
const RELEASE = '/datasets/:dataset/releases/:release'
const SEGMENT = `${RELEASE}/segments/:segment`

export interface Endpoint {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly summary: string
  readonly params: z.ZodObject
  readonly query: z.ZodObject
  readonly body?: z.ZodObject
  readonly answer: z.ZodType
  /** Media types besides JSON: `rows` as Arrow and Parquet by `Accept`; others instead of JSON. */
  readonly media?: 'rows' | readonly string[]
}

const get = <const E extends Omit<Endpoint, 'method'>>(row: E): E & { readonly method: 'GET' } => ({
  method: 'GET',
  ...row,
})
const post = <const E extends Omit<Endpoint, 'method'>>(row: E): E & { readonly method: 'POST' } => ({
  method: 'POST',
  ...row,
})

const Channels = z.array(z.object({ channel: z.string(), release: z.string() }))
const Quality = z.record(z.string(), z.number())
const Hole = z.object({ stage: z.string(), what: z.string(), reason: z.string() })
const ReleaseLine = z.object({
  release: z.string(),
  channels: z.array(z.string()),
  parent: z.string().nullable(),
  quality: Quality,
  holes: z.number(),
  cost: z.number(),
})
const Size = z.number().nullable().meta({ description: 'null where the table lies in more than 4096 objects.' })
const bytes = z.string().meta({ description: 'Bytes.' })

export const endpoints = {
  datasets: get({
    path: '/datasets',
    summary: 'Datasets with the releases that their channels name',
    params: none,
    query: none,
    answer: z.object({
      datasets: z.array(z.object({ dataset: z.string(), channels: Channels, releases: z.number() })),
    }),
  }),
  releases: get({
    path: '/datasets/:dataset/releases',
    summary: 'Releases of a dataset, the one that was published last first',
    params: inDataset,
    query: none,
    answer: z.object({ dataset: z.string(), releases: z.array(ReleaseLine), damaged: z.array(z.string()) }),
  }),
  channel: get({
    path: '/datasets/:dataset/channels/:channel',
    summary: 'What a channel has named, and since when',
    params: inDataset.extend({ channel: z.enum(['candidate', 'published']) }),
    query: none,
    answer: z.object({
      channel: z.string(),
      moves: z.array(z.object({ at: z.string(), release: z.string().nullable(), by: z.string(), reason: z.string() })),
    }),
  }),
  release: get({
    path: RELEASE,
    summary: 'A release: what it covers, its layers, quality, holes, cost, and who decided about it',
    params: inRelease,
    query: none,
    answer: z.looseObject({
      dataset: z.string(),
      release: z.string(),
      digest: z.string(),
      voxelSizeNm: z.array(z.number()),
      bounds: z.object({ min: z.array(z.number()), max: z.array(z.number()) }),
      layers: z.record(z.string(), z.object({ digest: z.string().nullable(), precomputed: z.string() })),
      quality: Quality,
      holes: z.array(Hole),
    }),
  }),
  diff: get({
    path: `${RELEASE}/diff/:other`,
    summary: 'In what a release differs from another, by their manifests; `hillock release diff` compares voxels',
    params: inRelease.extend({ other: ReleaseName }),
    query: none,
    answer: z.object({
      release: z.string(),
      other: z.string(),
      layers: z.record(z.string(), z.enum(['equal', 'differs', 'only here', 'only there'])),
      quality: z.record(z.string(), z.object({ here: z.number().nullable(), there: z.number().nullable() })),
      holes: z.object({ here: z.array(Hole), there: z.array(Hole) }),
      cost: z.object({ here: z.number(), there: z.number() }),
    }),
  }),
  lineage: get({
    path: `${RELEASE}/lineage`,
    summary: 'How a release was made, stage by stage',
    params: inRelease,
    query: none,
    answer: z.looseObject({ release: z.string() }),
  }),
  slo: get({
    path: `${RELEASE}/slo`,
    summary: 'Service levels of the runs that made a release',
    params: inRelease,
    query: none,
    answer: z.looseObject({}),
  }),
  tables: get({
    path: `${RELEASE}/tables`,
    summary: 'Tables of a release with their columns and rows: what SQL can name',
    params: inRelease,
    query: none,
    answer: z.object({
      release: z.string(),
      tables: z.array(z.object({ table: z.string(), rows: Size, bytes: Size, columns: Columns })),
    }),
  }),
  segmentAt: get({
    path: `${RELEASE}/segment-at`,
    summary: 'The segment at a point; 0 is background',
    params: inRelease,
    query: z.strictObject({ point: PointText }),
    answer: z.object({ release: z.string(), point: Point, segment: Id }),
  }),
  segmentsAt: post({
    path: `${RELEASE}/segments-at`,
    summary: `The segments at up to ${MOST_POINTS} points, in their order`,
    params: inRelease,
    query: none,
    body: z.strictObject({
      points: z.array(Point).min(1).max(MOST_POINTS, `ask for at most ${MOST_POINTS} points at a time`),
    }),
    answer: z.object({ release: z.string(), segments: z.array(Id) }),
  }),
  segment: get({
    path: SEGMENT,
    summary: 'A segment: size, box, centre, counts, and where its mesh and skeleton are',
    params: ofSegment,
    query: none,
    answer: z.object({
      release: z.string(),
      segment: Row,
      links: z.record(z.string(), z.string()),
    }),
  }),
  skeleton: get({
    path: `${SEGMENT}/skeleton`,
    summary: 'The skeleton of a segment, in nanometres',
    params: ofSegment,
    query: z.strictObject({ format: z.enum(['swc', 'precomputed']).default('swc') }),
    answer: bytes,
    media: ['text/plain', 'application/octet-stream'],
  }),
  mesh: get({
    path: `${SEGMENT}/mesh`,
    summary: 'The mesh of a segment as OBJ, in nanometres',
    params: ofSegment,
    query: z.strictObject({ level: Level }),
    answer: bytes,
    media: ['model/obj'],
  }),
  contacts: get({
    path: `${SEGMENT}/contacts`,
    summary: 'Segments that touch a segment, those with the largest area first',
    params: ofSegment,
    query: z.strictObject({ limit: Limit, offset: Offset }),
    answer: Rows,
    media: 'rows',
  }),
  partners: get({
    path: `${SEGMENT}/partners`,
    summary: 'Segments that make synapses onto a segment (up) or that it makes synapses onto (down), with counts',
    params: ofSegment,
    query: z.strictObject({
      direction: z.enum(['up', 'down', 'both']).default('both'),
      min_count: Count.meta({ description: 'Synapses of a pair, at least.' }),
      limit: Limit,
      offset: Offset,
    }),
    answer: Rows,
    media: 'rows',
  }),
  synapses: get({
    path: `${RELEASE}/synapses`,
    summary: 'Synapses by partners, box and score, in the order of their ids',
    params: inRelease,
    query: z.strictObject({
      pre: Id.optional(),
      post: Id.optional(),
      box: BoxText.optional(),
      min_score: Score.optional(),
      columns: z.string().max(500).optional().meta({ description: 'Names of columns, separated by commas.' }),
      limit: Limit,
      after: Id.optional().meta({ description: 'The last id of the page before.' }),
    }),
    answer: Rows,
    media: 'rows',
  }),
  path: get({
    path: `${RELEASE}/path`,
    summary: 'A shortest way from one segment to another along synapses',
    params: inRelease,
    query: z.strictObject({ from: Id, to: Id, max_hops: Hops, min_count: Count }),
    answer: z.object({ release: z.string(), segments: z.array(Id), synapses: z.array(z.number()) }),
  }),
  cutout: get({
    path: `${RELEASE}/cutout/:layer`,
    summary: 'Voxels of a box as npy, x first; 0 where the release has a hole',
    params: inRelease.extend({ layer: z.string().max(64) }),
    query: z.strictObject({ box: BoxText, mip: Mip }),
    answer: bytes,
    media: ['application/octet-stream'],
  }),
  sql: post({
    path: `${RELEASE}/sql`,
    summary: 'One SELECT over the tables of a release, in the words of DuckDB',
    params: inRelease,
    query: none,
    body: z.strictObject({
      sql: z.string().min(1).max(100_000),
      limit: z.number().int().min(1).max(MOST_SQL_ROWS).default(MOST_ROWS),
    }),
    answer: SqlRows,
    media: 'rows',
  }),
} as const satisfies Record<string, Endpoint>
