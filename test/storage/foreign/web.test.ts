// Volumes behind web servers of many habits: what is told apart, what is read once, what a stamp is made of.
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Box } from '../../../domain/geometry.ts'
import { writeShard } from '../../../storage/formats/precomputed/sharding.ts'
import { openFiles } from '../../../storage/foreign/files.ts'
import type { VolumeHole } from '../../../storage/foreign/types.ts'
import { openVolume } from '../../../storage/foreign/volume.ts'
import { freshFolder } from '../fixtures.ts'
import { greyIn, precomputed, put, serve, zarr2 } from './fixtures.ts'

const box: Box = { min: [0, 0, 0], max: [8, 8, 16] }
const two = { size: box.max, chunk: [8, 8, 8] } as const
const read = async (url: string): Promise<{ same: boolean; holes: VolumeHole[] }> => {
  const holes: VolumeHole[] = []
  const data = await (await openVolume(url)).read(0, box, holes)
  return { same: Buffer.compare(data as Uint8Array, greyIn(box)) === 0, holes }
}

test.each([400, 401, 403, 416, 418])('a chunk that is answered with %i is an error with its address', async status => {
  const root = await freshFolder()
  await precomputed(root, two)
  const { url } = await serve(root, (_, path) => (path.endsWith('_8-16') ? { status } : undefined))
  await expect(read(url)).rejects.toMatchObject({
    type: 'StoreRefused',
    message: expect.stringMatching(new RegExp(`^${url}/s/0-8_0-8_8-16: the host answers ${status}`)),
  })
})

test('a chunk that is answered with 500 is tried again, then an error with its address', async () => {
  const root = await freshFolder()
  await precomputed(root, two)
  const { url, asked } = await serve(root, (_, path) => (path.endsWith('_8-16') ? { status: 500 } : undefined))
  await expect(read(url)).rejects.toMatchObject({
    type: 'StoreError',
    message: `${url}/s/0-8_0-8_8-16: the host answers 500`,
  })
  expect(asked.filter(a => a.url.endsWith('_8-16'))).toHaveLength(3)
})

test('a host that refuses all is no host without a volume; one that refuses what it lacks gives the volume it has', async () => {
  const root = await freshFolder()
  await put(root, 'nothing', 'here')
  const closed = await serve(root, () => ({ status: 403 }))
  await expect(openVolume(closed.url)).rejects.toMatchObject({ type: 'StoreRefused', message: /answers 403.*missing/ })
  await zarr2(root, '', two)
  const shy = await serve(root, (_, __, body) => (body ? undefined : { status: 403 }))
  expect(await read(shy.url)).toMatchObject({ same: true, holes: [] })
})

test('a host that has a page for whatever is asked gives the volume it has, or is told as that', async () => {
  const root = await freshFolder()
  await zarr2(root, '', two)
  const page = { status: 200, body: Buffer.from('<!doctype html><title>log in</title>') }
  expect(await read((await serve(root, (_, __, body) => (body ? undefined : page))).url)).toMatchObject({ same: true })
  await expect(openVolume((await serve(root, () => page)).url)).rejects.toThrow(
    /info: the host answers with a web page/,
  )
})

test('the query of an address goes with every request, and into no message', async () => {
  const root = await freshFolder()
  await precomputed(root, two)
  const host = await serve(root, (request, path) =>
    request.url!.endsWith('?token=a%2Fb') && !path.endsWith('_8-16') ? undefined : { status: 401 },
  )
  const why = await read(`${host.url}/?token=a%2Fb`).then(
    () => '',
    (e: Error) => e.message,
  )
  expect(why).toContain('/s/0-8_0-8_8-16: the host answers 401')
  expect(why).not.toContain('token')
  expect(host.asked.every(a => a.url.endsWith('?token=a%2Fb'))).toBe(true)
})

test.each([
  ['NAME.gz', '.gz', gzipSync, {}],
  ['NAME.br', '.br', brotliCompressSync, {}],
  ['NAME.gz that the server unpacks by its header', '.gz', gzipSync, { 'content-encoding': 'gzip' }],
  ['NAME.br that the server unpacks by its header', '.br', brotliCompressSync, { 'content-encoding': 'br' }],
  ['NAME with Content-Encoding gzip', '', gzipSync, { 'content-encoding': 'gzip' }],
  ['NAME with Content-Encoding br', '', brotliCompressSync, { 'content-encoding': 'br' }],
  ['NAME with Content-Encoding deflate', '', deflateSync, { 'content-encoding': 'deflate' }],
  ['NAME that is gzip and says nothing', '', gzipSync, {}],
  ['NAME packed twice', '', (b: Uint8Array) => gzipSync(gzipSync(b)), { 'content-encoding': 'gzip' }],
])('chunks as %s, in a folder and behind HTTP', async (_, suffix, pack, headers) => {
  const root = await freshFolder()
  await precomputed(root, { ...two, name: n => n + suffix, coded: b => pack(b) })
  const host = await serve(root, (request, path, body) =>
    path.startsWith('/s/') && body && Object.keys(headers).length ? { status: 200, headers, body } : undefined,
  )
  expect(await read(host.url)).toMatchObject({ same: true, holes: [] })
  if (!Object.keys(headers).length || suffix) expect(await read(root)).toMatchObject({ same: true, holes: [] })
})

const sharding = {
  '@type': 'neuroglancer_uint64_sharded_v1',
  preshift_bits: 0,
  hash: 'identity',
  minishard_bits: 1,
  shard_bits: 0,
  minishard_index_encoding: 'raw',
  data_encoding: 'raw',
} as const
const shardedInfo = {
  scales: [{ key: 's', size: box.max, resolution: [8, 8, 8], chunk_sizes: [[8, 8, 8]], encoding: 'raw', sharding }],
}

test('a host without ranges gives a shard once, not once a chunk', async () => {
  const root = await freshFolder()
  await precomputed(root, { ...two, coded: () => null, info: shardedInfo })
  const half = (z: number): Box => ({ min: [0, 0, z], max: [8, 8, z + 8] })
  const entries = [0, 1].map(i => ({ id: BigInt(i), bytes: greyIn(half(8 * i)) }))
  const [[file, shard]] = [...writeShard(sharding, entries)] as [[string, Uint8Array]]
  await put(root, `s/${file}`, shard)
  const plain = await serve(root)
  expect(await read(plain.url)).toMatchObject({ same: true, holes: [] })
  const whole = await serve(root, (_, __, body) => (body ? { status: 200, body } : undefined))
  expect(await read(whole.url)).toMatchObject({ same: true, holes: [] })
  expect(whole.asked.filter(a => a.url.endsWith('.shard'))).toHaveLength(1)
  // A shard that ends too early is a damaged chunk, not a chunk that is not there.
  await put(root, `s/${file}`, shard.subarray(0, shard.length - 40))
  const { holes } = await read(root)
  expect(holes).toEqual([expect.objectContaining({ file: `s/${file}`, reason: expect.stringContaining('damaged') })])
})

test('a host that packs on its way what is asked for whole: the end of a file is its end', async () => {
  const root = await freshFolder()
  await put(root, 'a', 'a'.repeat(1000) + 'end')
  const { url } = await serve(root, (request, _, body) => {
    if (!body || request.headers['accept-encoding'] === 'identity') return undefined
    return { status: 200, body: gzipSync(body), headers: { 'content-encoding': 'gzip' } }
  })
  expect(Buffer.from((await openFiles(url).range('a', -3, 3))!).toString()).toBe('end')
})

test('metadata that a copy of a bucket left in gzip are read; damaged they are named', async () => {
  const root = await freshFolder()
  await precomputed(root, two)
  const info = gzipSync((await openFiles(root).get('info'))!)
  await put(root, 'info', info)
  expect(await read(root)).toMatchObject({ same: true, holes: [] })
  await put(root, 'info', info.subarray(0, 40))
  await expect(openVolume(root)).rejects.toThrow(/info is a truncated or damaged gzip file/)
})

test('stamps: headers where there are some, else what is there; never equal for other bytes', async () => {
  const root = await freshFolder()
  await put(root, 'a', 'one')
  let etag: string | undefined = '"1"'
  let head = 200
  const { url } = await serve(root, (request, _, body) => {
    if (!body) return undefined
    if (request.method === 'HEAD' && head !== 200) return { status: head }
    return { status: 200, body, headers: etag ? { etag } : {} }
  })
  const stamp = (): Promise<string | undefined> => openFiles(url).stamp('a')
  const seen = [await stamp()]
  expect(await stamp()).toBe(seen[0])
  etag = '"2"'
  seen.push(await stamp())
  for (const status of [200, 404, 405, 501, 403]) {
    ;[etag, head] = [undefined, status]
    await put(root, 'a', 'two')
    const two = await stamp()
    await put(root, 'a', `three ${status}`)
    seen.push(await stamp())
    expect(seen.at(-1)).not.toBe(two)
  }
  expect(new Set(seen).size).toBe(seen.length)
  expect(await openFiles(url).stamp('none')).toBeUndefined()
})

test.each([
  ['http://no-such-host.invalid/vol', /getaddrinfo \w+ no-such-host.invalid/],
  ['http://127.0.0.1:1/vol', /127.0.0.1:1.*refused/],
])('%s: the cause is named', async (url, why) => {
  await expect(openVolume(url)).rejects.toMatchObject({ type: 'StoreError', message: expect.stringMatching(why) })
})
