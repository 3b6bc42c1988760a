// The volumes of the conformance run: written here for others to read, and read here after others have written them.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cellBox, cellsIn, map3, multiply, shapeOf, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { downsampleMean, downsampleMode } from '../../kernels/downsample.ts'
import type { VolumeArray } from '../../storage/formats/chunk.ts'
import { layoutObjects } from '../../storage/formats/layouts.ts'
import { writeNpy } from '../../storage/formats/npy.ts'
import { encodePrecomputed, type Encoding } from '../../storage/formats/precomputed/encoding.ts'
import { volumeInfo } from '../../storage/formats/precomputed/info.ts'
import { shardGrid, type MipLayout } from '../../storage/formats/precomputed/shard-grid.ts'
import { copyOverlap, encodeChunks } from '../../storage/formats/volume.ts'
import { zarrMetadata, type ZarrVolume } from '../../storage/formats/zarr.ts'
import { zarrShardShape } from '../../storage/formats/zarr-shard.ts'
import { openVolume } from '../../storage/foreign/volume.ts'
import type { Check } from './check.ts'

const SIZE: Vec3 = [150, 101, 70]
const BOUNDS: Box = { min: [0, 0, 0], max: SIZE }
const CHUNK: Vec3 = [32, 32, 16]
const NM = [4, 4, 40] as const

/** Smooth grey values, for JPEG too; labels in blobs, beyond 2^53. */
function source(kind: 'em' | 'labels'): VolumeArray {
  const n = voxels(BOUNDS)
  const at = (i: number): Vec3 => [i % SIZE[0], Math.floor(i / SIZE[0]) % SIZE[1], Math.floor(i / SIZE[0] / SIZE[1])]
  if (kind === 'em')
    return Uint8Array.from({ length: n }, (_, i) => {
      const [x, y, z] = at(i)
      return 128 + 50 * Math.sin(x / 9) * Math.cos(y / 7) + 30 * Math.sin(z / 5) + (i % 7)
    })
  return BigUint64Array.from({ length: n }, (_, i) => {
    const [x, y, z] = at(i)
    const blob = Math.floor(x / 13) + 20 * Math.floor(y / 11) + 400 * Math.floor((z + x / 9) / 8)
    return blob % 5 === 0 ? 0n : 2n ** 64n - 1n - BigInt(blob) * 2n ** 44n
  })
}

const pyramid = (kind: 'em' | 'labels'): { factor: Vec3; data: VolumeArray; bounds: Box }[] => {
  const data = source(kind)
  const factor: Vec3 = [2, 2, 1]
  const small =
    kind === 'em'
      ? downsampleMean(data as Uint8Array, SIZE, factor)
      : downsampleMode(data as BigUint64Array, SIZE, factor)
  return [
    { factor: [1, 1, 1], data, bounds: BOUNDS },
    {
      factor,
      data: small.data as VolumeArray,
      bounds: { min: [0, 0, 0], max: map3(a => Math.ceil(SIZE[a] / factor[a])) },
    },
  ]
}

const put = (root: string, path: string, bytes: Uint8Array | string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), bytes)
}

/** Writes every encoding, sharded and not, and both layouts; the checks say who reads what. */
export async function writeOurs(folder: string): Promise<Check[]> {
  const checks: Check[] = []
  const add = (name: string, call: string, args: object): void => {
    checks.push({ name: `${name}: ${call}`, script: 'volumes.py', call, args })
  }
  const zarr: ZarrVolume[] = []
  for (const kind of ['em', 'labels'] as const) {
    const mips = pyramid(kind)
    const expected = mips.map(({ data, bounds }, mip) => {
      put(folder, `${kind}.${mip}.npy`, writeNpy(data, shapeOf(bounds).toReversed()))
      return join(folder, `${kind}.${mip}.npy`)
    })
    const encodings: Encoding[] = kind === 'em' ? ['raw', 'jpeg', 'png'] : ['compressed_segmentation', 'raw']
    for (const encoding of encodings)
      for (const sharded of [true, false]) {
        const name = `${kind}-${encoding}-${sharded ? 'sharded' : 'plain'}`
        const layouts = mips.map(({ bounds }, mip): MipLayout => {
          const cell = multiply(CHUNK, [2, 4, 2])
          return { mip, bounds, cell, chunk: CHUNK, shard: [64, 128, 32], encoding }
        })
        const info = volumeInfo({
          type: kind === 'em' ? 'image' : 'segmentation',
          dataType: kind === 'em' ? 'uint8' : 'uint64',
          channels: 1,
          encoding,
          voxelSizeNm: NM,
          bounds: BOUNDS,
          chunk: CHUNK,
          mips: layouts.map((l, i) => ({
            factor: mips[i]!.factor,
            ...(sharded && { sharding: shardGrid(l).spec }),
          })),
        })
        put(folder, `${name}/info`, JSON.stringify(info))
        for (const [mip, { data, bounds }] of mips.entries())
          for await (const { path, bytes } of sharded
            ? shards(data, layouts[mip]!)
            : plain(data, bounds, mip, encoding))
            if (!path.startsWith('zarr/')) put(folder, `${name}/${path}`, bytes)
            else if (encoding === encodings[0])
              put(folder, kind === 'em' ? path : `zarr/labels/labels/${path.slice(5)}`, bytes)
        const args = { url: `file://${join(folder, name)}`, expected, lossy: encoding === 'jpeg' }
        add(name, 'precomputed_by_cloud_volume', args)
        add(name, 'precomputed_by_tensorstore', args)
        if (!sharded || encoding !== encodings[0]) continue
        zarr.push({
          name: kind,
          dataType: kind === 'em' ? 'uint8' : 'uint64',
          channels: 1,
          voxelSizeNm: NM,
          bounds: BOUNDS,
          chunk: CHUNK,
          mips: layouts.map((l, i) => ({ factor: mips[i]!.factor, shard: zarrShardShape(l) })),
        })
      }
    const url = `file://${join(folder, 'zarr')}${kind === 'em' ? '' : '/labels/labels'}`
    add(`zarr ${kind}`, 'zarr_by_zarr_python', { url, expected })
    add(`zarr ${kind}`, 'zarr_by_tensorstore', { url, expected })
    add(`zarr ${kind}`, 'zarr_by_ome_zarr', { url, expected, name: kind })
  }
  for (const [path, json] of zarrMetadata(zarr[0]!, [zarr[1]!])) put(folder, `zarr/${path}`, JSON.stringify(json))
  return checks
}

/** As the nodes of a region tree write. */
async function* shards(data: VolumeArray, layout: MipLayout): AsyncGenerator<{ path: string; bytes: Uint8Array }> {
  for (const cell of cellsIn(layout.bounds, layout.cell)) {
    const box = cellBox(cell, layout.cell, layout.bounds)
    const part = data.slice(0, voxels(box)) as VolumeArray
    copyOverlap(data, layout.bounds, part, box, 1)
    yield* layoutObjects(part, box, layout)
  }
}

async function* plain(
  data: VolumeArray,
  bounds: Box,
  mip: number,
  encoding: Encoding,
): AsyncGenerator<{ path: string; bytes: Uint8Array }> {
  for (const { path, bytes } of encodeChunks(data, bounds, { mip, encoding: 'raw', chunk: CHUNK })) {
    const [x, y, z] = path.slice(2).split('_')
    const shape = [x!, y!, z!].map(r => r.split('-').map(Number)).map(([a, b]) => b! - a!) as unknown as Vec3
    const values = data instanceof Uint8Array ? new Uint8Array(bytes) : new BigUint64Array(new Uint8Array(bytes).buffer)
    yield { path, bytes: await encodePrecomputed(values, shape, 1, encoding) }
  }
}

/** What others are asked to write below `folder`, from the arrays of `writeOurs`. */
export const theirs = (folder: string, ours: string): Check[] =>
  ['write_cloud_volume', 'write_tensorstore', 'write_zarr'].map(call => ({
    name: call,
    script: 'volumes.py',
    call,
    args: { folder: join(folder, call), em: join(ours, 'em.0.npy'), labels: join(ours, 'labels.0.npy') },
  }))

/** All that others have written, and what reads one of it: says in which format, throws when a voxel differs. */
export const readTheirs = (folder: string): { name: string; read: () => Promise<{ text: string }> }[] =>
  readdirSync(folder).flatMap(writer =>
    readdirSync(join(folder, writer)).map(name => ({
      name: `${writer.replace('write_', '')} ${name}`,
      read: async () => {
        const volume = await openVolume(join(folder, writer, name))
        const { bounds } = volume.mips[0]!
        const got = await volume.read(0, bounds)
        const expected = source(volume.mips[0]!.dataType === 'uint8' ? 'em' : 'labels')
        if (shapeOf(bounds).join() !== SIZE.join()) throw new Error(`${shapeOf(bounds).join(' x ')} voxels`)
        let [wrong, error] = [0, 0]
        for (const [i, v] of got.entries()) {
          if (v !== expected[i]) wrong++
          error += Math.abs(Number(v) - Number(expected[i])) / got.length
        }
        if (name.includes('jpeg') ? error > 4 : wrong > 0)
          throw new Error(`${wrong} of ${got.length} voxels differ, on average by ${error}`)
        return { text: volume.format }
      },
    })),
  )
