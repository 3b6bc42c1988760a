// The clients that labs use, from the Python package index, against a release that our server serves to them over TLS.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer as createTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { findRelease } from '../../client/catalogue.ts'
import { exportRelease } from '../../client/export.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { recordChannelMove } from '../../storage/provenance/channel-moves.ts'
import { makeToken } from '../../storage/tokens.ts'
import { makeFixture } from '../serving/fixture.ts'
import type { Check } from './check.ts'

const SCRIPTS = {
  'neuprint_client.py': {
    datasets: 'neuprint-python: Client, fetch_datasets, meta',
    fetch_neurons: 'neuprint-python: fetch_neurons, fetch_custom',
    arrow: 'neuprint-python: answers as Arrow',
    fetch_adjacencies: 'neuprint-python: fetch_adjacencies',
    fetch_simple_connections: 'neuprint-python: fetch_simple_connections, fetch_common_connectivity',
    fetch_synapses: 'neuprint-python: fetch_synapses, fetch_mean_synapses',
    fetch_synapse_connections: 'neuprint-python: fetch_synapse_connections',
    fetch_shortest_paths: 'neuprint-python: fetch_shortest_paths, fetch_paths',
    fetch_skeleton: 'neuprint-python: fetch_skeleton',
    unknown_queries: 'neuprint-python: other Cypher is refused in words',
    navis_skeletons: 'navis: fetch_skeletons of neuPrint, with synapses',
    navis_meshes: 'navis: fetch_mesh_neuron of neuPrint',
  },
  'cave_client.py': {
    info: 'caveclient: info, its layers by cloud-volume',
    versions: 'caveclient: versions, tables, metadata, counts',
    synapse_query: 'caveclient: synapse_query',
    query_table: 'caveclient: query_table with every filter, columns, pages',
    join_query: 'caveclient: join_query',
    version_two: 'caveclient: the same by api version 2',
    chunkedgraph: 'caveclient: chunkedgraph: roots at a time, leaves, is_latest_roots',
    wrong_questions: 'caveclient: what is not there is refused in words',
    navis_neurons: 'navis: fetch_neurons of CAVE, with synapses',
    analysis: 'the example of docs/analysis.md',
  },
  'openapi.py': {
    document: 'schemathesis: what the OpenAPI document allows, and what it does not',
  },
  'files_client.py': {
    every_file: 'requests: every file of the export',
    cloud_volume: 'cloud-volume: layers, mesh, skeleton',
    tensor_store: 'tensorstore: precomputed and Zarr',
    tables: 'pandas, pyarrow, DuckDB: tables, and as Arrow and Parquet',
    truth: 'numpy: scores beside the truth',
    neuroglancer: 'Neuroglancer: link, layers, segment properties, annotations',
  },
} as const

/** `theirs`, but what begins with a prefix is in `ours`: a token is made for the clients, and nothing is written into the bucket. */
const over = (theirs: ObjectStore, ours: ObjectStore, prefix: string): ObjectStore =>
  new Proxy(theirs, {
    get: (_, name: keyof ObjectStore) =>
      typeof theirs[name] === 'function'
        ? (key: string, ...rest: never[]) =>
            ((key.startsWith(prefix) ? ours : theirs)[name] as (...args: unknown[]) => unknown)(key, ...rest)
        : theirs[name],
  })

/** Clients of neuPrint insist on https. */
function certificate(folder: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const made = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'
  const more = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert]
  execFileSync('openssl', [...made.split(' '), ...more], { stdio: 'ignore' })
  return { key, cert }
}

interface Clients {
  readonly checks: Check[]
  readonly close: () => Promise<void>
}

/** Serves the fixture until `close`, and exports it for comparison. */
export async function serveFixture(folder: string): Promise<Clients> {
  const fixture = await makeFixture()
  const bucket = fileStore(fixture.folder)
  await recordChannelMove(bucket, 'blobs', 'published', { release: 'r1', by: 'test', reason: 'test' }, Date.now())
  const served = await serveRelease(folder, bucket, 'blobs')
  return { checks: served.checks, close: () => served.close().then(() => fixture.remove()) }
}

/** Serves a bucket until `close`; the release that a dataset publishes is asked for, and exported for comparison. @param truth its true objects, as `.npy.gz` */
export async function serveRelease(
  folder: string,
  bucket: ObjectStore,
  dataset: string,
  truth?: string,
): Promise<Clients> {
  const release = await findRelease(bucket, `${dataset}/published`)
  const files = join(folder, 'files')
  mkdirSync(folder, { recursive: true })
  await exportRelease(bucket, release, fileStore(files), () => {})
  const store = over(bucket, fileStore(join(folder, 'tokens')), 'tokens/')
  const given = { name: 'reader', role: 'viewer', datasets: [dataset], by: 'test', expires: null } as const
  const token = (await makeToken(store, { ...given, datasets: [dataset] })).text
  const app = createServer({ store, viewerDir: '/nonexistent', onError: e => console.error(e) })
  const plain = await app.listen({ host: '127.0.0.1', port: 0 })
  const { key, cert } = certificate(folder)
  const tls = createTls({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    app.server.emit('request', request, response)
  })
  await new Promise<void>(done => tls.listen(0, '127.0.0.1', done))
  const server = `https://localhost:${(tls.address() as AddressInfo).port}`
  const args = { server, certificate: cert, plain, token, dataset, files, truth }
  const checks = Object.entries(SCRIPTS).flatMap(([script, calls]) =>
    Object.entries(calls)
      .filter(([call]) => call !== 'truth' || truth !== undefined)
      .map(([call, name]) => ({ name: `${dataset}: ${name}`, script, call, args })),
  )
  return {
    checks,
    close: async () => {
      tls.close()
      tls.closeAllConnections()
      await app.close()
    },
  }
}
