// The clients that labs use, from the Python package index, against a release that our server serves to them over TLS.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer as createTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { makeToken } from '../../storage/tokens.ts'
import { EDGES, makeFixture, SYNAPSES, VOXELS } from '../serving/fixture.ts'
import { decodeSkeleton } from '../../storage/formats/skeleton.ts'
import { BOUNDS, IDS, NM, skeleton } from '../serving/neurites.ts'
import type { Check } from './check.ts'

/** A server of the fixture until `close`: clients of neuPrint insist on https. */
export async function serveClients(folder: string): Promise<{ checks: Check[]; close: () => Promise<void> }> {
  mkdirSync(folder, { recursive: true })
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'ignore' },
  )
  const fixture = await makeFixture()
  const store = fileStore(fixture.folder)
  const token = (
    await makeToken(store, { name: 'reader', role: 'viewer', datasets: ['blobs'], by: 'test', expires: null })
  ).text
  const app = createServer({ store, viewerDir: '/nonexistent', onError: e => console.error(e) })
  const plain = await app.listen({ host: '127.0.0.1', port: 0 })
  const tls = createTls({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    app.server.emit('request', request, response)
  })
  await new Promise<void>(done => tls.listen(0, '127.0.0.1', done))
  const server = `https://localhost:${(tls.address() as AddressInfo).port}`
  const at = (kind: 'pre' | 'post', i: number): number[] =>
    (['x', 'y', 'z'] as const).map(a => SYNAPSES[`${kind}_${a}`][i]!)
  const { positions } = decodeSkeleton(skeleton(0))
  const args = {
    server,
    certificate: cert,
    plain,
    layer: `precomputed://${plain}/r/blobs/r1/segmentation`,
    token,
    dataset: 'blobs',
    release: 'r1',
    voxelSize: [NM, NM, NM],
    ids: IDS.map(String),
    voxels: VOXELS,
    edges: EDGES.pre.map((pre, i) => [String(pre), String(EDGES.post[i]), EDGES.count[i]]),
    synapses: SYNAPSES.id.map((id, i) => ({
      id: String(id),
      pre: String(SYNAPSES.pre_segment[i]),
      post: String(SYNAPSES.post_segment[i]),
      prePoint: at('pre', i),
      postPoint: at('post', i),
      point: [SYNAPSES.x[i], SYNAPSES.y[i], SYNAPSES.z[i]],
      score: SYNAPSES.score[i],
      size: SYNAPSES.size[i],
    })),
    path: [IDS[0], IDS[2]].map(String),
    pathWeights: [1],
    nodes: 20,
    skeletonMin: [0, 1, 2].map(a => Math.min(...positions.filter((_, i) => i % 3 === a)) / NM),
    meshMin: BOUNDS.min.map(() => -1),
    meshMax: BOUNDS.max.map(v => v + 1),
  }
  const NEUPRINT = {
    datasets: 'Client, fetch_datasets, meta',
    fetch_neurons: 'fetch_neurons, fetch_custom',
    fetch_adjacencies: 'fetch_adjacencies',
    fetch_simple_connections: 'fetch_simple_connections, fetch_common_connectivity',
    fetch_synapses: 'fetch_synapses, fetch_mean_synapses',
    fetch_synapse_connections: 'fetch_synapse_connections',
    fetch_shortest_paths: 'fetch_shortest_paths, fetch_paths',
    fetch_skeleton: 'fetch_skeleton',
    unknown_queries: 'other Cypher is refused in words',
    navis_skeletons: 'navis: fetch_skeletons with synapses',
    navis_meshes: 'navis: fetch_mesh_neuron',
  }
  const CAVE = {
    info: 'info',
    versions: 'versions, tables, metadata, counts',
    synapse_query: 'synapse_query',
    query_table: 'query_table with every filter, columns, pages',
    join_query: 'join_query',
    version_two: 'the same by api version 2',
    wrong_questions: 'what is not there is refused in words',
    navis_neurons: 'navis: fetch_neurons with synapses',
    analysis: 'the example of docs/analysis.md',
  }
  const of = (client: string, script: string, calls: Readonly<Record<string, string>>): Check[] =>
    Object.entries(calls).map(([call, name]) => ({ name: `${client}: ${name}`, script, call, args }))
  const checks = [...of('neuprint-python', 'neuprint_client.py', NEUPRINT), ...of('caveclient', 'cave_client.py', CAVE)]
  return {
    checks,
    close: async () => {
      tls.close()
      tls.closeAllConnections()
      await app.close()
      await fixture.remove()
    },
  }
}
