// The routes of the server on a synthetic release: bytes, headers, errors, pages.
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { artifactKey } from '../../storage/lineage-record.ts'
import { voxels } from '../../domain/geometry.ts'
import type { Reads } from '../../domain/releases/read-cost.ts'
import { openPrecomputed } from '../../storage/foreign/precomputed.ts'
import type { Opened } from '../../storage/foreign/volume.ts'
import { decodeDraco, decodeManifest, vertices } from '../../storage/formats/meshes/read-multilod.ts'
import { decodeList, decodeOne } from '../storage/formats/decoders.ts'
import { shardReader, ShardingSpec } from '../../storage/formats/precomputed/sharding.ts'
import { decodeSkeleton } from '../../storage/formats/skeleton.ts'
import { moveChannel, putRelease, readChannel } from '../../storage/releases.ts'
import { unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { artifactWith, HOLE, makeFixture, type Fixture } from './fixture.ts'
import { BOUNDS, fill, grey, IDS, label, NM, SYNAPSE } from './neurites.ts'

let fixture: Fixture
let app: FastifyInstance
beforeAll(async () => {
  fixture = await makeFixture()
  app = createServer({ store: fileStore(fixture.folder), viewerDir: '/nonexistent' })
})
afterAll(async () => {
  await app.close()
  await fixture.remove()
})

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })
const bytesOf = async (url: string): Promise<Uint8Array<ArrayBuffer>> => {
  const answer = await get(url)
  expect(answer.statusCode, `${url}: ${answer.body.slice(0, 200)}`).toBe(200)
  return new Uint8Array(answer.rawPayload)
}
const SEG = '/r/blobs/r1/segmentation'

it('counts what is read of the voxels', async () => {
  const { scales } = (await get(`${SEG}/info`)).json<{ scales: { key: string }[] }>()
  const shard = `${SEG}/${scales[0]!.key}/0.shard`
  const before = (await get('/reads/blobs/r1')).json<Reads[]>()
  expect((await get(shard, { range: 'bytes=0-15' })).statusCode).toBe(206)
  await get(`${SEG}/${scales[0]!.key}/ffff.shard`)
  const [was, is] = [before, (await get('/reads/blobs/r1')).json<Reads[]>()].map(all =>
    all.find(r => r.layer === 'segmentation' && r.mip === 0),
  )
  expect([is!.requests, is!.bytes]).toEqual([(was?.requests ?? 0) + 1, (was?.bytes ?? 0) + 16])
})

describe('volumes', () => {
  /** The layer as a reader sees it who knows the format and nothing of us. */
  const layer = (name: string): Promise<Opened | undefined> => {
    const read = async (path: string, range?: string): Promise<Uint8Array<ArrayBuffer> | undefined> => {
      const answer = await get(`/r/blobs/r1/${name}/${path}`, range ? { range } : {})
      expect([200, 206, 404]).toContain(answer.statusCode)
      return answer.statusCode === 404 ? undefined : new Uint8Array(answer.rawPayload)
    }
    const range = (path: string, from: number, n: number): ReturnType<typeof read> =>
      read(path, `bytes=${from}-${from + n - 1}`)
    return openPrecomputed({ url: name, get: read, range, stamp: async () => undefined })
  }

  it('hold in their shards the voxels that they should, at every mip and at the clipped end; a hole is empty', async () => {
    const segmentation = (await layer('segmentation'))!
    for (const mip of [0, 1]) {
      const box = segmentation.mips[mip]!.bounds
      expect(await segmentation.read(mip, box)).toEqual(fill(new BigUint64Array(voxels(box)), box, 2 ** mip, label))
    }
    const em = (await layer('em'))!
    const expected = fill(new Uint8Array(voxels(BOUNDS)), BOUNDS, 1, grey)
    for (let z = 64; z < 96; z++)
      for (let y = 64; y < 128; y++) expected.fill(0, 128 + 160 * (y + 128 * z), 160 * (1 + y + 128 * z))
    expect(HOLE).toBe('2_1_1')
    expect(await em.read(0, BOUNDS)).toEqual(expected)
  })

  it('serve the info of both layers, with mesh, skeletons and properties on the segmentation only', async () => {
    const em = (await get('/r/blobs/r1/em/info')).json()
    expect(em).toMatchObject({ type: 'image', data_type: 'uint8', num_channels: 1 })
    expect(em).not.toHaveProperty('mesh')
    const segmentation = (await get(`${SEG}/info`)).json()
    expect(segmentation).toMatchObject({
      mesh: 'mesh',
      skeletons: 'skeleton',
      segment_properties: 'segment_properties',
    })
    expect(segmentation.scales.map((s: { resolution: number[] }) => s.resolution)).toEqual([
      [8, 8, 8],
      [16, 16, 16],
    ])
  })

  it('have a provenance file that cloud-volume and igneous read', async () => {
    const file = (await get(`${SEG}/provenance`)).json()
    expect(Object.keys(file).sort()).toEqual(['description', 'owners', 'processing', 'sources'])
    expect(file.sources).toEqual(['../em'])
    const tasks = file.processing.map((p: { method: { task: string } }) => p.method.task)
    expect(tasks).toEqual(['render', 'segment', 'label-pyramid'])
    for (const entry of file.processing) {
      expect(Object.keys(entry).sort()).toEqual(['by', 'date', 'method'])
      expect(entry.date).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/)
      expect(entry.method).toMatchObject({ parameters: [{ threshold: 0.3 }], code: ['test'] })
    }
    expect((await get('/r/blobs/r1/synapses/provenance')).json().processing.at(-1).method.task).toBe('graph')
    expect((await get('/r/blobs/r1/zarr/provenance')).statusCode).toBe(404)
  })

  it('answer 404 with advice for a hole, and for what is not a chunk', async () => {
    const hole = await get('/r/blobs/r1/em/0/e.shard')
    expect(hole.statusCode).toBe(404)
    expect(hole.json().todo).toMatch(/fill_missing/)
    // A hole is no property of the name: it must not be cached for ever.
    expect(hole.headers['cache-control']).toBe('no-store')
    for (const path of [
      '0/0-64_0-64_0-64',
      '0/00.shard',
      '0/10.shard',
      '0/B.shard',
      '2/0.shard',
      '00/0.shard',
      '0/lineage.json',
      '0/../0/x',
      '__proto__/0.shard',
      '0/c/0/0/0',
    ])
      expect((await get(`/r/blobs/r1/em/${path}`)).statusCode, path).toBe(404)
  })

  it('never serve a whole object that differs from the lineage record', async () => {
    const ref = fixture.release.layers.em.mips[0]!.artifacts!['1_0_0']!
    const file = join(fixture.folder, artifactKey(ref.stage, ref.recipe, '0/1.shard'))
    const whole = await bytesOf('/r/blobs/r1/em/0/1.shard')
    const damaged = Buffer.from(whole)
    damaged[1000] = damaged[1000]! ^ 1
    await unlink(file)
    await writeFile(file, damaged)
    // What was read before is sent from memory, as it was; a server that has not read it says what is wrong.
    expect(await bytesOf('/r/blobs/r1/em/0/1.shard')).toEqual(whole)
    const fresh = createServer({ store: fileStore(fixture.folder), viewerDir: '/nonexistent' })
    for (const headers of [{}, { range: 'bytes=0-15' }]) {
      const answer = await fresh.inject({ url: '/r/blobs/r1/em/0/1.shard', headers })
      expect(answer.statusCode).toBe(500)
      expect(answer.json()).toMatchObject({
        error: expect.stringMatching(/damaged/),
        todo: expect.stringMatching(/made again/),
      })
    }
    await fresh.close()
    await unlink(file)
    await writeFile(file, whole)
  })
})

describe('HTTP', () => {
  const url = '/r/blobs/r1/em/0/0.shard'
  it('marks releases immutable, lets every origin read, answers HEAD and If-None-Match', async () => {
    const whole = await get(url)
    const size = String(whole.rawPayload.length)
    expect(Number(size)).toBeGreaterThan(64 ** 3)
    expect(whole.headers).toMatchObject({
      'cache-control': expect.stringMatching(/immutable/),
      'access-control-allow-origin': '*',
      'accept-ranges': 'bytes',
      'content-length': size,
    })
    const head = await app.inject({ method: 'HEAD', url })
    expect(head.headers).toMatchObject({ etag: whole.headers.etag, 'content-length': size })
    expect(head.rawPayload).toHaveLength(0)
    const again = await get(url, { 'if-none-match': String(whole.headers.etag) })
    expect([again.statusCode, again.rawPayload.length]).toEqual([304, 0])
    const preflight = await app.inject({
      method: 'OPTIONS',
      url,
      headers: { origin: 'http://elsewhere', 'access-control-request-headers': 'range' },
    })
    expect(preflight.headers['access-control-allow-headers']).toMatch(/range/)
  })

  it('serves byte ranges exactly, of shards of both layouts', async () => {
    for (const path of [url, '/r/blobs/r1/zarr/0/c/0/0/0', '/r/blobs/r1/zarr/labels/segmentation/1/c/0/0/1']) {
      const whole = await bytesOf(path)
      const n = whole.length
      for (const [range, from, to] of [
        ['bytes=10-19', 10, 20],
        [`bytes=${n - 144}-`, n - 144, n],
        ['bytes=-5', n - 5, n],
        ['bytes=0-999999999', 0, n],
      ] as const) {
        const part = await get(path, { range })
        expect(part.statusCode, range).toBe(206)
        expect(part.headers['content-range']).toBe(`bytes ${from}-${to - 1}/${n}`)
        expect(Buffer.compare(part.rawPayload, whole.subarray(from, to))).toBe(0)
      }
      expect((await get(path, { range: `bytes=${n}-` })).statusCode).toBe(416)
      expect((await get(path, { range: 'lines=1-2' })).statusCode).toBe(200)
      const stale = await get(path, { range: 'bytes=0-9', 'if-range': '"another"' })
      expect(stale.rawPayload).toHaveLength(n)
    }
  })
})

describe('objects', () => {
  const range = async (url: string, from: number, to: number): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const answer = await get(url, { range: `bytes=${from}-${to - 1}` })
    if (answer.statusCode === 404) return undefined
    expect(answer.statusCode).toBe(206)
    return new Uint8Array(answer.rawPayload)
  }
  const shards = (folder: string, sharding: unknown) =>
    shardReader(ShardingSpec.parse(sharding), (file, offset, length) =>
      range(`${folder}/${file}`, offset, offset + length),
    )

  it('serve meshes at several levels, each the surface of the neurite, by byte ranges', async () => {
    const info = (await get(`${SEG}/mesh/info`)).json()
    expect(info).toMatchObject({ '@type': 'neuroglancer_multilod_draco', vertex_quantization_bits: 10 })
    const reader = shards(`${SEG}/mesh`, info.sharding)
    for (const id of IDS) {
      const stored = (await reader.find(id))!
      const manifest = decodeManifest((await reader.get(id))!)
      expect(manifest.lods.length).toBeGreaterThan(1)
      let at = stored.offset - manifest.lods.flatMap(l => [...l.sizes]).reduce((a, b) => a + b, 0)
      for (const [lod, { sizes }] of manifest.lods.entries())
        for (const [f, size] of sizes.entries()) {
          if (size === 0) continue
          const mesh = await decodeDraco((await range(`${SEG}/mesh/${stored.file}`, at, at + size))!)
          at += size
          const places = vertices(manifest, lod, f, mesh.positions, 10)
          expect(mesh.triangles.length).toBeGreaterThan(0)
          const corners = places.map(p => p / NM)
          for (let v = 0; v < corners.length; v += 3) {
            const [x, y, z] = [...corners.subarray(v, v + 3)] as [number, number, number]
            if (![x, y, z].every((c, a) => c >= 0 && c <= BOUNDS.max[a]! + 0.05 * 2 ** lod))
              throw new Error(`${x} ${y} ${z} is outside`)
            if (lod > 0) continue
            // The corner of a voxel of the neurite and of one that is not.
            const own = [0, 1, 2, 3, 4, 5, 6, 7].filter(
              k => label(Math.round(x) - (k & 1), Math.round(y) - ((k >> 1) & 1), Math.round(z) - (k >> 2)) === id,
            )
            expect(own.length % 8, `${x} ${y} ${z}`).not.toBe(0)
          }
        }
      expect(at).toBe(stored.offset)
    }
    expect(await reader.get(77n)).toBeUndefined()
    expect((await get(`${SEG}/mesh/f.shard`)).statusCode).toBe(404)
    expect((await get(`${SEG}/mesh/lineage.json`)).statusCode).toBe(404)
  })

  it('serve skeletons, and properties with ids beyond 2^53 exact and largest first', async () => {
    const info = (await get(`${SEG}/skeleton/info`)).json()
    const reader = shards(`${SEG}/skeleton`, info.sharding)
    expect(decodeSkeleton((await reader.get(IDS[1]))!).radii).toHaveLength(20)
    expect(await reader.get(77n)).toBeUndefined()
    const { inline } = (await get(`${SEG}/segment_properties/info`)).json()
    expect(inline.ids).toEqual(IDS.map(String))
    expect(inline.properties.find((p: { id: string }) => p.id === 'voxels').values).toEqual([90_000, 70_000, 30_000])
  })

  it('serve synapses by id, by segment and in space', async () => {
    const folder = '/r/blobs/r1/synapses'
    const info = (await get(`${folder}/info`)).json()
    const list = async (index: { key: string; sharding: unknown }, id: bigint) => {
      const bytes = await shards(`${folder}/${index.key}`, index.sharding).get(id)
      return bytes && decodeList(info, bytes)
    }
    const expected = [{ id: SYNAPSE.id, geometry: [...SYNAPSE.prePoint, ...SYNAPSE.postPoint], properties: [0.875] }]
    const [pre, post] = info.relationships
    expect(await list(pre, SYNAPSE.pre)).toEqual(expected)
    expect(await list(post, SYNAPSE.post)).toEqual(expected)
    expect(await list(post, SYNAPSE.pre)).toBeUndefined()
    expect(await list(info.spatial[0], 0n)).toEqual(expected)
    const one = await shards(`${folder}/${info.by_id.key}`, info.by_id.sharding).get(SYNAPSE.id)
    expect(decodeOne(info, SYNAPSE.id, one!)).toEqual({ ...expected[0], related: [[SYNAPSE.pre], [SYNAPSE.post]] })
  })

  it('are files of the release: ranges of them are read as such, and conditions hold', async () => {
    const url = `${SEG}/mesh/0.shard`
    const whole = await get(url)
    expect(whole.headers).toMatchObject({
      'accept-ranges': 'bytes',
      'cache-control': expect.stringMatching(/immutable/),
    })
    for (const [header, from, to] of [
      ['bytes=10-19', 10, 20],
      ['bytes=-5', -5, undefined],
      ['bytes=100-', 100, undefined],
    ] as const) {
      const part = await get(url, { range: header })
      expect([part.statusCode, Buffer.compare(part.rawPayload, whole.rawPayload.subarray(from, to))]).toEqual([206, 0])
      expect(part.headers.etag).toBe(whole.headers.etag)
    }
    expect((await get(url, { range: `bytes=${whole.rawPayload.length}-` })).statusCode).toBe(416)
    expect((await get(url, { 'if-none-match': String(whole.headers.etag) })).statusCode).toBe(304)
    expect((await get(url, { range: 'bytes=0-9', 'if-range': '"another"' })).statusCode).toBe(200)
  })
})

describe('releases and channels', () => {
  it('refuse to serve layers through a channel, which could move between two chunks', async () => {
    const answer = await get('/r/blobs/published/em/info')
    expect(answer.statusCode).toBe(404)
    expect(answer.json().todo).toContain('/release/blobs/published')
    expect((await get('/release/blobs/published')).json().release).toBe('r1')
  })

  it('follow a channel at once when it moves', async () => {
    const objects = fileStore(fixture.folder)
    const before = await readChannel(objects, 'blobs', 'published')
    const gone = { release: 'gone', earlier: ['r1'], by: 'test', reason: 'test' }
    await moveChannel(objects, 'blobs', 'published', before!.version, gone)
    const answer = await get('/release/blobs/published')
    expect(answer.statusCode).toBe(404)
    expect(answer.json().error).toContain('gone')
    const now = await readChannel(objects, 'blobs', 'published')
    await moveChannel(objects, 'blobs', 'published', now!.version, before!.value)
    expect((await get('/release/blobs/published')).statusCode).toBe(200)
  })

  it('name what is missing and say where to look', async () => {
    for (const url of [
      '/r/none/r1/em/info',
      '/r/blobs/r2/em/info',
      '/r/blobs/r1/none/info',
      '/view/none',
      '/view/blobs/candidate',
      '/nothing',
      '/lineage/blobs/r9',
      '/viewer/',
      '/r/%2e%2e/r1/em/info',
      '/release/blobs/..%2f..%2frefs',
    ]) {
      let answer = await get(url)
      if (answer.statusCode === 302) answer = await get(String(answer.headers.location))
      expect(answer.statusCode, url).toBe(404)
      expect(answer.json()).toEqual({ error: expect.any(String), todo: expect.stringMatching(/\w{3}/) })
      expect((await get(url, { accept: 'text/html' })).headers['content-type'] ?? '').toMatch(/html|^$/)
    }
  })

  it('open the viewer on the release, with the largest segments selected', async () => {
    const answer = await app.inject({ url: '/view/blobs/published', headers: { host: '127.0.0.1:4000' } })
    expect(answer.statusCode).toBe(302)
    const [page, state] = String(answer.headers.location).split('#!') as [string, string]
    expect(page).toBe('/viewer/')
    const parsed = JSON.parse(decodeURIComponent(state)) as {
      layers: { name: string; source: string; segments?: string[] }[]
    }
    expect(parsed.layers.map(l => [l.name, l.source])).toEqual(
      ['em', 'segmentation', 'synapses'].map(l => [l, `precomputed://http://127.0.0.1:4000/r/blobs/r1/${l}`]),
    )
    expect(parsed.layers[1]!.segments).toEqual(IDS.map(String))
  })

  it('find the largest of any number of segments, those that fill the dataset last', async () => {
    const many = 200_000
    const sizes = Float64Array.from({ length: many }, (_, i) => (i === 7 ? voxels(BOUNDS) : i % 1000))
    const objects = fileStore(fixture.folder)
    const graph = await artifactWith(objects, {
      'segments.parquet': [
        { name: 'segment', data: BigUint64Array.from(sizes.keys(), i => BigInt(i + 1)) },
        { name: 'voxels', data: sizes },
      ],
    })
    const layers = { ...fixture.release.layers, synapses: graph, graph }
    await putRelease(objects, { ...fixture.release, release: 'r2', layers })
    const answer = await get('/view/blobs/r2')
    const selected = Array.from({ length: 14 }, (_, i) => `${1000 * (i + 1)}`)
    expect(decodeURIComponent(String(answer.headers.location))).toContain(JSON.stringify(selected).slice(1, -1))
  })
})
