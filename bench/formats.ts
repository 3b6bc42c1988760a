// `node bench/formats.ts`: writing and reading of volumes and tables beside cloud-volume, tensorstore, zarr-python and pyarrow, in one run, as CPU rates.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { boxAt, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import type { Json } from '../domain/canonical.ts'
import { dataTypeOf, type VolumeArray } from '../storage/formats/chunk.ts'
import { precomputedShards, zarrShards, type LayoutObject } from '../storage/formats/layouts.ts'
import { writeNpy } from '../storage/formats/npy.ts'
import { volumeInfo } from '../storage/formats/precomputed/info.ts'
import { shardGrid } from '../storage/formats/precomputed/shard-grid.ts'
import { readParquet, writeParquet } from '../storage/formats/parquet.ts'
import { CHUNK, encodeChunks } from '../storage/formats/volume.ts'
import { zarrMetadata } from '../storage/formats/zarr.ts'
import { zarrShardShape } from '../storage/formats/zarr-shard.ts'
import { openVolume } from '../storage/foreign/volume.ts'
import { python } from '../test/conformance/venv.ts'
import { fib25 } from './fib25.ts'
import { table } from './print.ts'

const { shape, em, ids } = fib25()
const BOX: Box = boxAt([0, 0, 0], shape)
const REPEATS = 3

/** Mvoxel (or Mrow) per second of CPU time, of all threads; the best of a few. */
async function rate(f: () => Promise<unknown>, count = voxels(BOX)): Promise<number> {
  let best = Infinity
  for (let i = 0; i < REPEATS; i++) {
    const before = process.cpuUsage()
    await f()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1e6)
  }
  return count / best / 1e6
}

type Write = () => AsyncIterable<LayoutObject> | Iterable<LayoutObject>

async function ours(
  root: string,
  data: VolumeArray,
  metadata: ReadonlyMap<string, Json>,
  write: Write,
): Promise<number[]> {
  const put = (path: string, bytes: Uint8Array | string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), bytes)
  }
  for (const [path, json] of metadata) put(path, JSON.stringify(json))
  const written = await rate(async () => {
    for await (const { path, bytes } of write()) put(path, bytes)
  })
  const got = await (await openVolume(root)).read(0, BOX)
  const exact = !root.includes('jpeg')
  if (exact && Buffer.compare(Buffer.from(got.buffer), Buffer.from(data.buffer)) !== 0)
    throw new Error(`${root}: not what was written`)
  return [written, await rate(async () => (await openVolume(root)).read(0, BOX))]
}

const folder = mkdtempSync(join(tmpdir(), 'hillock-formats-'))
try {
  const rows: Record<string, Record<string, number[]>> = {}
  const factor: Vec3 = [1, 1, 1]
  for (const [what, data, encoding] of [
    ['precomputed raw, EM', em, 'raw'],
    ['precomputed sharded jpeg, EM', em, 'jpeg'],
    ['precomputed sharded png, EM', em, 'png'],
    ['precomputed sharded, ids', ids, 'compressed_segmentation'],
    ['Zarr sharded, EM', em, 'zarr'],
    ['Zarr sharded, ids', ids, 'zarr'],
  ] as const) {
    const shard: Vec3 = [256, 256, 256]
    const layout = {
      mip: 0,
      bounds: BOX,
      cell: shard,
      chunk: CHUNK,
      shard,
      encoding: encoding === 'zarr' ? 'raw' : encoding,
    } as const
    const common = {
      channels: 1,
      voxelSizeNm: [10, 10, 10],
      bounds: BOX,
      chunk: CHUNK,
      dataType: dataTypeOf(data),
    } as const
    const type = data === em ? 'image' : 'segmentation'
    const mips = [{ factor, ...(what.includes('sharded') && { sharding: shardGrid(layout).spec }) }]
    const metadata =
      encoding === 'zarr'
        ? zarrMetadata({ ...common, name: what, mips: [{ factor, shard: zarrShardShape(layout) }] })
        : new Map([['info', volumeInfo({ ...common, type, encoding, mips })]])
    const write = (): ReturnType<Write> => {
      if (encoding === 'zarr') return zarrShards(data, BOX, layout)
      return encoding === 'raw' ? encodeChunks(data, BOX, { mip: 0, encoding }) : precomputedShards(data, BOX, layout)
    }
    rows[what] = { Hillock: await ours(join(folder, what.replaceAll(/[ ,]+/g, '-')), data, metadata, write) }
  }
  const column = [{ name: 'id', data: BigUint64Array.from(ids.subarray(0, 1e6)) }]
  const parquet = join(folder, 'ids.parquet')
  const written = await rate(async () => writeFileSync(parquet, writeParquet(column)), 1e6)
  const back = (await readParquet(readFileSync(parquet)))[0]!.data
  if (column[0]!.data.some((v, i) => v !== back[i])) throw new Error(`${parquet}: not what was written`)
  rows['Parquet, ids as rows'] = { Hillock: [written, await rate(() => readParquet(readFileSync(parquet)), 1e6)] }
  for (const [name, data] of Object.entries({ em, ids }))
    writeFileSync(join(folder, `${name}.npy`), writeNpy(data, shape.toReversed()))
  const peers = spawnSync(
    python(),
    [join(import.meta.dirname, 'formats.py'), join(folder, 'em.npy'), join(folder, 'ids.npy'), folder],
    { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1', BLOSC_NTHREADS: '1' } },
  )
  if (peers.status !== 0) throw new Error(peers.stderr)
  for (const [what, of] of Object.entries(JSON.parse(peers.stdout) as typeof rows))
    Object.assign((rows[what] ??= {}), of)
  // Formats that Hillock only reads: of what tensorstore wrote.
  for (const what of ['Zarr v2, EM', 'N5 gzip, EM']) {
    const root = join(folder, `tensorstore-${what.replaceAll(/[ ,]+/g, '-')}`)
    const read = async (): Promise<VolumeArray> => (await openVolume(root)).read(0, BOX)
    if (Buffer.compare((await read()) as Uint8Array, em) !== 0) throw new Error(`${root}: not what was written`)
    rows[what] = { Hillock: [NaN, await rate(read)], ...rows[what] }
  }
  const lines = Object.entries(rows).flatMap(([what, of]) => {
    const best = [0, 1].map(i => Math.max(...Object.entries(of).flatMap(([p, r]) => (p === 'Hillock' ? [] : [r[i]!]))))
    return Object.entries(of).map(([program, r]) => [
      what,
      program,
      ...r.map(v => (isNaN(v) ? '' : v.toFixed(v < 10 ? 1 : 0))),
      ...(program === 'Hillock' ? r.map((v, i) => (isNaN(v) ? '' : (v / best[i]!).toFixed(2))) : ['', '']),
    ])
  })
  const head = ['program', 'write Mvoxel/s', 'read Mvoxel/s', 'write ÷ best peer', 'read ÷ best peer']
  console.log(table([`FIB-25, ${shape.join(' x ')}`, ...head], lines))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
