// `node bench/layouts.ts`: bytes and requests of a proofreader's and of an analysis' reads, in each layout and several shapes of chunks.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import {
  boxAt,
  cellBox,
  cellsIn,
  intersect,
  map3,
  multiply,
  shapeOf,
  voxels,
  type Box,
  type Vec3,
} from '../domain/geometry.ts'
import { mipBounds, mipCell } from '../domain/index/tree.ts'
import { downsampleMean, downsampleMode } from '../kernels/downsample.ts'
import { dataTypeOf, newVolume, type VolumeArray } from '../storage/formats/chunk.ts'
import { layoutObjects } from '../storage/formats/layouts.ts'
import type { Encoding } from '../storage/formats/precomputed/encoding.ts'
import { volumeInfo } from '../storage/formats/precomputed/info.ts'
import { shardGrid, type MipLayout } from '../storage/formats/precomputed/shard-grid.ts'
import { copyOverlap } from '../storage/formats/volume.ts'
import { zarrMetadata } from '../storage/formats/zarr.ts'
import { decodeZarrShard, zarrShardShape } from '../storage/formats/zarr-shard.ts'
import { openFiles, type Files } from '../storage/foreign/files.ts'
import { openPrecomputed } from '../storage/foreign/precomputed.ts'
import type { Opened } from '../storage/foreign/volume.ts'
import { openZarr } from '../storage/foreign/zarr.ts'
import { dice } from '../test/system/harness.ts'
import { costOf, counted, type Cost } from './common/counted.ts'
import { fib25 } from './common/fib25.ts'
import { listing } from './common/print.ts'

const NM: Vec3 = [10, 10, 10]
const REGION: Vec3 = [256, 256, 256]
const MIPS = 3
const VIEWS = 8
/** Of a plane, in voxels: three of them through a point are what a viewer shows. */
const VIEW = 256
const CUTOUT: Vec3 = [128, 128, 128]

const { shape, em, ids } = fib25([2, 2, 1])
const bounds = boxAt([0, 0, 0], shape)
const folder = mkdtempSync(join(tmpdir(), 'hillock-layouts-'))
const put = (path: string, bytes: Uint8Array | string): number => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), bytes)
  return bytes.length
}

interface Mip {
  readonly em: VolumeArray
  readonly ids: VolumeArray
  readonly factor: Vec3
}
const mips: Mip[] = [{ em, ids, factor: [1, 1, 1] }]
for (let mip = 1; mip < MIPS; mip++) {
  const below = mips[mip - 1]!
  const from = shapeOf(mipBounds(bounds, below.factor))
  mips.push({
    em: downsampleMean(below.em as Uint8Array, from, [2, 2, 2]).data,
    ids: downsampleMode(below.ids as BigUint64Array, from, [2, 2, 2]).data,
    factor: multiply(below.factor, [2, 2, 2]),
  })
}

interface Layer {
  readonly layouts: readonly MipLayout[]
  readonly files: Files
  readonly volume: Opened
  readonly size: Cost
}

/** Writes a layer in both layouts; returns its readers. */
async function written(
  name: 'em' | 'ids',
  chunk: Vec3,
  encoding: Encoding,
): Promise<Record<'precomputed' | 'zarr', Layer>> {
  const root = `${name}-${chunk.join('-')}-${encoding}`
  const layouts = mips.map(({ factor }, mip): MipLayout => ({
    mip,
    bounds: mipBounds(bounds, factor),
    cell: mipCell(mip, REGION, factor),
    chunk,
    shard: [512, 512, 512],
    encoding,
  }))
  const size = { precomputed: { bytes: 0, requests: 0 }, zarr: { bytes: 0, requests: 0 } }
  for (const [mip, layout] of layouts.entries())
    for (const cell of cellsIn(layout.bounds, layout.cell)) {
      const own = cellBox(cell, layout.cell, layout.bounds)
      const data = newVolume(dataTypeOf(mips[mip]![name]), voxels(own))
      copyOverlap(mips[mip]![name], layout.bounds, data, own, 1)
      for await (const { path, bytes } of layoutObjects(data, own, layout)) {
        const s = size[path.startsWith('zarr/') ? 'zarr' : 'precomputed']
        s.bytes += put(`${root}/${path}`, bytes)
        s.requests++
      }
    }
  const common = { channels: 1, voxelSizeNm: NM, bounds, chunk, dataType: dataTypeOf(mips[0]![name]) } as const
  const scales = layouts.map((l, mip) => ({ factor: mips[mip]!.factor, sharding: shardGrid(l).spec }))
  const type = name === 'em' ? 'image' : 'segmentation'
  put(`${root}/info`, JSON.stringify(volumeInfo({ ...common, type, encoding, mips: scales })))
  const arrays = layouts.map((l, mip) => ({ factor: mips[mip]!.factor, shard: zarrShardShape(l) }))
  for (const [path, json] of zarrMetadata({ ...common, name, mips: arrays }))
    put(`${root}/zarr/${path}`, JSON.stringify(json))
  const [flat, zarr] = [root, `${root}/zarr`].map(path => counted(openFiles(join(folder, path))))
  return {
    precomputed: { layouts, files: flat!, volume: (await openPrecomputed(flat!))!, size: size.precomputed },
    zarr: { layouts, files: zarr!, volume: (await openZarr(zarr!))!, size: size.zarr },
  }
}

/** The three planes through a point, at a mip. */
async function view(layers: readonly Layer[], random: () => number, mip: number): Promise<void> {
  const all = mipBounds(bounds, mips[mip]!.factor)
  const at = map3(a => Math.floor(random() * all.max[a]))
  for (const normal of [0, 1, 2]) {
    const min = map3(a => (a === normal ? at[a] : at[a] - VIEW / 2))
    const plane = intersect(
      boxAt(
        min,
        map3(a => (a === normal ? 1 : VIEW)),
      ),
      all,
    )
    for (const { volume } of layers) await volume.read(mip, plane)
  }
}

async function same(read: Promise<VolumeArray>, name: 'em' | 'ids', box: Box): Promise<void> {
  const got = await read
  const want = newVolume(dataTypeOf(got), got.length)
  copyOverlap(mips[0]![name], bounds, want, box, 1)
  if (Buffer.compare(Buffer.from(got.buffer), Buffer.from(want.buffer)) !== 0) throw new Error(`${name} differs`)
}

/** All voxels of a layer, chunk by chunk. */
const byChunks = (layer: Layer): Promise<VolumeArray> => layer.volume.read(0, bounds)
/** The same of the analysis layout, shard by shard. */
async function byShards({ layouts, files, volume }: Layer): Promise<void> {
  const shape = zarrShardShape(layouts[0]!)
  const out = newVolume(volume.mips[0]!.dataType, voxels(bounds))
  for (const at of cellsIn(bounds, shape)) {
    const bytes = await files.get(`0/c/${at.toReversed().join('/')}`)
    decodeZarrShard(bytes!, multiply(at, shape), { shard: shape, chunk: layouts[0]!.chunk, channels: 1 }, out, bounds)
  }
}

/** Box of a segment: what an analysis of its voxels reads. */
function boxOf(id: bigint): Box {
  let [min, max]: [Vec3, Vec3] = [shape, [0, 0, 0]]
  for (let i = ids.indexOf(id); i >= 0; i = ids.indexOf(id, i + 1)) {
    const at: Vec3 = [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor(i / shape[0] / shape[1])]
    min = map3(a => Math.min(min[a], at[a]))
    max = map3(a => Math.max(max[a], at[a] + 1))
  }
  return { min, max }
}

/** The segment of most voxels. */
function largest(): bigint {
  const counts = new Map<bigint, number>()
  for (const id of ids) if (id !== 0n) counts.set(id, (counts.get(id) ?? 0) + 1)
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0]
}

try {
  const rows: Record<string, string>[] = []
  const object = boxOf(largest())
  for (const edge of [32, 64, 128]) {
    const chunk: Vec3 = [edge, edge, edge]
    const labels = await written('ids', chunk, 'compressed_segmentation')
    for (const encoding of ['raw', 'jpeg'] as const) {
      const grey = await written('em', chunk, encoding)
      for (const kind of ['precomputed', 'zarr'] as const) {
        // The analysis layout keeps every grey value, whatever the other does.
        if (kind === 'zarr' && encoding === 'jpeg') continue
        const layers = [grey[kind], labels[kind]] as const
        const random = dice(7)
        const cutout = async (): Promise<void> => {
          const box = boxAt(
            map3(a => Math.floor(random() * (shape[a] - CUTOUT[a]))),
            CUTOUT,
          )
          if (encoding === 'raw') await same(layers[0].volume.read(0, box), 'em', box)
          else await layers[0].volume.read(0, box)
          await same(layers[1].volume.read(0, box), 'ids', box)
        }
        const size = layers.map(l => l.size)
        rows.push({
          layout: kind === 'zarr' ? 'analysis' : 'proofreading',
          chunks: `${edge}³`,
          'EM as': kind === 'zarr' ? 'zstd' : encoding,
          objects: `${(size.reduce((n, c) => n + c.bytes, 0) / 2 ** 20).toFixed(0)} MiB, ${size.reduce((n, c) => n + c.requests, 0)}`,
          'a view': await costOf(VIEWS, () => view(layers, random, 0)),
          'zooming out': await costOf(VIEWS, async () => {
            for (let mip = 1; mip < MIPS; mip++) await view(layers, random, mip)
          }),
          object: await costOf(1, () => same(layers[1].volume.read(0, object), 'ids', object)),
          'a cutout': await costOf(VIEWS, cutout),
          'a scan': await costOf(1, async () => {
            for (const layer of layers) await (kind === 'zarr' ? byShards(layer) : byChunks(layer))
          }),
        })
      }
    }
  }
  console.log(
    `FIB-25, mirrored to ${shape.join(' x ')}, mips 0 to ${MIPS - 1}: bytes and requests, EM and ids together`,
  )
  console.log(listing(rows))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
