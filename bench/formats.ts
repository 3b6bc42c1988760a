// `node bench/formats.ts`: writing and reading of volumes and tables beside cloud-volume, tensorstore, zarr-python and pyarrow, in one run, as CPU rates.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { boxAt, voxels, type Box, type Vec3 } from '../domain/geometry.ts'
import type { Json } from '../domain/canonical.ts'
import { dataTypeOf, type VolumeArray } from '../storage/formats/chunk.ts'
import { precomputedShards, zarrShards, type LayoutObject } from '../storage/formats/layouts.ts'
import { writeNpy } from '../storage/formats/npy.ts'
import { volumeInfo } from '../storage/formats/precomputed/info.ts'
import { shardGrid } from '../storage/formats/precomputed/shard-grid.ts'
import { release } from '../storage/formats/pool.ts'
import { columnsOf, readParquet, writeParquet } from '../storage/formats/parquet.ts'
import { CHUNK, encodeChunks } from '../storage/formats/volume.ts'
import { zarrMetadata } from '../storage/formats/zarr.ts'
import { zarrShardShape } from '../storage/formats/zarr-shard.ts'
import { openVolume } from '../storage/foreign/volume.ts'
import { python } from '../test/conformance/venv.ts'
// V8's limits as every worker has them.
import '../worker/kernels/kernel-pool.ts'
import { fib25 } from './common/fib25.ts'
import { cpuRate, table } from './common/print.ts'

const { shape, em, ids } = fib25()
const BOX: Box = boxAt([0, 0, 0], shape)
/** What the ratio of writing and reading to that of a peer should be. */
const GOALS: Readonly<Record<string, Readonly<Record<string, readonly [write: number, read: number]>>>> = {
  'precomputed raw, EM': { 'cloud-volume': [NaN, 0.8] },
  'precomputed sharded, ids': { 'cloud-volume': [NaN, 0.8] },
  'Zarr sharded, EM': { tensorstore: [0.7, 0.5] },
  'Zarr sharded, ids': { tensorstore: [0.7, 0.5] },
  'Parquet, 8 columns': { pyarrow: [0.5, NaN] },
}
const rate = (f: () => Promise<unknown>): Promise<number> => cpuRate(voxels(BOX), f)

type Write = () => AsyncIterable<LayoutObject> | Iterable<LayoutObject>

/** Reading into memory of the pool, as workers do, and into fresh memory, as peers do. */
async function reading(root: string): Promise<[pooled: number, fresh: number]> {
  const read = async (): Promise<VolumeArray> => (await openVolume(root)).read(0, BOX)
  const fresh = await rate(read)
  return [await rate(async () => release((await read()).buffer)), fresh]
}

async function ours(
  root: string,
  data: VolumeArray,
  metadata: ReadonlyMap<string, Json>,
  write: Write,
): Promise<Record<string, number[]>> {
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
  const [pooled, fresh] = await reading(root)
  return { Hillock: [written, pooled], [FRESH]: [NaN, fresh] }
}
const FRESH = 'Hillock, fresh memory'

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
    rows[what] = await ours(join(folder, what.replaceAll(/[ ,]+/g, '-')), data, metadata, write)
  }
  const ROWS = 1e6
  const grey = (of: number): number[] => Array.from(em.subarray(of, of + ROWS))
  const columns = columnsOf({
    id: ids.slice(0, ROWS).sort(),
    other: ids.slice(ROWS, 2 * ROWS),
    x: Float64Array.from(grey(0), (v, i) => i * 8 + v / 7),
    y: Float64Array.from(grey(1), (v, i) => i * 8 + v / 3),
    z: Float32Array.from(grey(2), v => v / 7),
    size: Uint32Array.from(grey(3), (v, i) => v * (i % 1009)),
    score: Float32Array.from(grey(4), v => v / 255),
    kind: grey(5).map(v => ['axon', 'dendrite', 'glia'][v % 3]!),
  })
  const parquet = join(folder, 'table.parquet')
  const written = await cpuRate(ROWS, () => writeFileSync(parquet, writeParquet(columns)), 1)
  const back = await readParquet(readFileSync(parquet))
  if (!isDeepStrictEqual(back, columns)) throw new Error(`${parquet}: not what was written`)
  rows['Parquet, 8 columns'] = { Hillock: [written, await cpuRate(ROWS, () => readParquet(readFileSync(parquet)), 1)] }
  for (const [name, data] of Object.entries({ em, ids }))
    writeFileSync(join(folder, `${name}.npy`), writeNpy(data, shape.toReversed()))
  const peers = spawnSync(
    python(),
    [
      join(import.meta.dirname, 'peers', 'formats.py'),
      join(folder, 'em.npy'),
      join(folder, 'ids.npy'),
      folder,
      parquet,
    ],
    { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1', BLOSC_NTHREADS: '1' } },
  )
  if (peers.status !== 0) throw new Error(peers.stderr)
  for (const [what, of] of Object.entries(JSON.parse(peers.stdout) as typeof rows))
    Object.assign((rows[what] ??= {}), of)
  // Formats that Hillock only reads: of what tensorstore wrote.
  for (const what of ['Zarr v2, EM', 'N5 gzip, EM']) {
    const root = join(folder, `tensorstore-${what.replaceAll(/[ ,]+/g, '-')}`)
    if (Buffer.compare((await (await openVolume(root)).read(0, BOX)) as Uint8Array, em) !== 0)
      throw new Error(`${root}: not what was written`)
    const [pooled, fresh] = await reading(root)
    rows[what] = { Hillock: [NaN, pooled], [FRESH]: [NaN, fresh], ...rows[what] }
  }
  const plain = (v: number | undefined, digits: number): string =>
    v === undefined || isNaN(v) ? '' : v.toFixed(digits)
  const lines = Object.entries(rows).flatMap(([what, { Hillock: ours, ...peers }]) => [
    [what, 'Hillock', ...ours!.map(v => plain(v, 1)), '', '', ''],
    ...Object.entries(peers).map(([peer, theirs]) => {
      const goals = GOALS[what]?.[peer]?.map(g => plain(g, 1))
      return [
        what,
        peer,
        ...theirs.map(v => plain(v, 1)),
        ...theirs.map((v, i) => plain(ours![i]! / v, 2)),
        goals?.join(' ') ?? '',
      ]
    }),
  ])
  const head = ['program', 'write M/s', 'read M/s', 'Hillock ÷ it, write', 'read', 'goals']
  console.log(table([`FIB-25, ${shape.join(' x ')}`, ...head], lines))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
