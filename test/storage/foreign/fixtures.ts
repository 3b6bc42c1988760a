// Small volumes as others write them, in folders and behind a web server with the habits of a test's choice.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { boxName, cellBox, cellsIn, multiply, shapeOf, voxels, type Box, type Vec3 } from '../../../domain/geometry.ts'

export async function put(root: string, path: string, content: Uint8Array | object | string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  const plain = typeof content === 'string' || content instanceof Uint8Array
  await writeFile(join(root, path), plain ? content : JSON.stringify(content))
}

/** Grey of a voxel of any volume made here. */
export const grey = (x: number, y: number, z: number): number => 1 + ((x + 7 * y + 31 * z) % 250)

export function greyIn(box: Box): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(voxels(box))
  let i = 0
  for (let z = box.min[2]; z < box.max[2]; z++)
    for (let y = box.min[1]; y < box.max[1]; y++) for (let x = box.min[0]; x < box.max[0]; x++) out[i++] = grey(x, y, z)
  return out
}

interface Made {
  readonly size: Vec3
  readonly chunk: Vec3
  /** Bytes of a chunk as it is stored; null leaves it out. */
  readonly coded?: (bytes: Uint8Array<ArrayBuffer>, at: Vec3) => Uint8Array | null
}

async function eachChunk(
  { size, chunk, coded }: Made,
  write: (at: Vec3, box: Box, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const bounds: Box = { min: [0, 0, 0], max: size }
  for (const at of cellsIn(bounds, chunk)) {
    const box = cellBox(at, chunk, bounds)
    const plain = greyIn(box)
    const bytes = coded ? coded(plain, at) : plain
    if (bytes) await write(at, box, bytes)
  }
}

/** Precomputed, raw, one scale; `name` makes the file name of a chunk. */
export async function precomputed(
  root: string,
  made: Made & { name?: (n: string) => string; info?: object },
): Promise<void> {
  const { size, chunk, info, name = (n: string) => n } = made
  const scale = { key: 's', size, resolution: [8, 8, 8], chunk_sizes: [chunk], encoding: 'raw' }
  await put(root, 'info', { type: 'image', data_type: 'uint8', num_channels: 1, scales: [scale], ...info })
  await eachChunk(made, (_, box, bytes) => put(root, `s/${name(boxName(box))}`, bytes))
}

/** A Zarr v2 array of uint8 in C order, axes z, y, x; whole chunks at the edges, as Zarr has them. */
export async function zarr2(root: string, at: string, { size, chunk, coded }: Made, more: object = {}): Promise<void> {
  const array = { zarr_format: 2, shape: size.toReversed(), chunks: chunk.toReversed(), dtype: '|u1', order: 'C' }
  const rest = { compressor: null, fill_value: 0, filters: null, dimension_separator: '/', ...more }
  await put(root, `${at}.zarray`, { ...array, ...rest })
  for (const cell of cellsIn({ min: [0, 0, 0], max: size }, chunk)) {
    const min = multiply(cell, chunk)
    const plain = greyIn({ min, max: [min[0] + chunk[0], min[1] + chunk[1], min[2] + chunk[2]] })
    const bytes = coded ? coded(plain, cell) : plain
    if (bytes) await put(root, at + cell.toReversed().join('/'), bytes)
  }
}

/** An N5 array of uint8. */
export async function n5(root: string, at: string, made: Made, attributes: object = {}): Promise<void> {
  const { size, chunk } = made
  const array = { dimensions: size, blockSize: chunk, dataType: 'uint8', compression: { type: 'raw' } }
  await put(root, `${at}attributes.json`, { ...array, ...attributes })
  await eachChunk(made, async (cell, box, bytes) => {
    const head = Buffer.alloc(16)
    head.writeUInt16BE(3, 2)
    for (const [i, v] of shapeOf(box).entries()) head.writeUInt32BE(v, 4 + 4 * i)
    await put(root, at + cell.join('/'), Buffer.concat([head, bytes]))
  })
}

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Uint8Array
}

export interface Host {
  readonly url: string
  readonly asked: { readonly method: string; readonly url: string; readonly range: string | undefined }[]
}

/** Serves a folder with ranges; `answer` may answer otherwise. */
export async function serve(
  root: string,
  answer: (request: IncomingMessage, path: string, body: Uint8Array | undefined) => Answer | undefined = () =>
    undefined,
): Promise<Host> {
  const asked: Host['asked'] = []
  const server = createServer((request, response) => {
    void (async () => {
      const { method = '', url = '' } = request
      const { range } = request.headers
      asked.push({ method, url, range })
      const path = decodeURIComponent(url.split('?')[0]!)
      const body = await readFile(join(root, path)).catch(() => undefined)
      const given = answer(request, path, body)
      const m = /^bytes=(\d*)-(\d*)$/.exec(range ?? '')
      if (given) response.writeHead(given.status, given.headers).end(given.body)
      else if (!body) response.writeHead(404).end()
      else if (m) {
        const from = m[1] === '' ? body.length - Number(m[2]) : Number(m[1])
        response.writeHead(206).end(body.subarray(from, m[1] === '' || m[2] === '' ? body.length : Number(m[2]) + 1))
      } else response.writeHead(200, { 'content-length': body.length }).end(body)
    })()
  })
  await new Promise<void>(r => server.listen(0, '127.0.0.1', r))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}
