// Run files to change key by key, one for each kind of source, with their small inputs; and what of the inputs can change below them.
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sha256 } from '../../domain/recipe.ts'
import { encodePng } from '../../storage/formats/image.ts'
import { writeNpy } from '../../storage/formats/npy.ts'
import { checkout } from '../../worker/home.ts'
import { modelFolder, onnx } from '../onnx.ts'

export interface Base {
  readonly tree: object
  /** Values that the schema cannot know, by path. */
  readonly known?: Readonly<Record<string, readonly unknown[]>>
  /** Changes of bytes under the same names, by the class of input that they stand for. */
  readonly bytes: Readonly<Record<string, () => void | Promise<void>>>
}

/** Grey 60 to 199, in cells of 4 x 4 pixels; another picture for each `salt`. */
const grey = (x: number, y: number, salt: number): number =>
  60 + (((((x >> 2) * 73856093) ^ ((y >> 2) * 19349663) ^ (salt * 83492791)) >>> 0) % 140)

const picture = (x0: number, w: number, h: number, salt: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: w * h }, (_, i) => grey(x0 + (i % w), Math.floor(i / w), salt))
const cube = (n: number, salt: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: n ** 3 }, (_, i) => grey(i % n, Math.floor(i / n) % n, salt))

function put(file: string, bytes: Uint8Array | string | object): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof bytes === 'string' || bytes instanceof Uint8Array ? bytes : JSON.stringify(bytes))
}

/** Writes other bytes under the name, and puts the time of the file back to what it was. */
function behindItsBack(file: string, bytes: Uint8Array | string | object): void {
  const { atime, mtime } = statSync(file)
  put(file, bytes)
  utimesSync(file, atime, mtime)
}

const asItIs = { align: { method: 'none' }, render: { normalise: 'none' } }
const small = { block: [64, 64, 32], region: [64, 64, 64] }
const plain = (source: object): object => ({
  dataset: 'meta',
  voxelSizeNm: [10, 10, 10],
  source,
  grid: small,
  through: 'render',
  stages: asItIs,
})

/** The whole path on a specimen of one region, with every list of the run file filled. */
export function specimen(folder: string, of = ''): Base {
  const model = join(folder, 'model')
  cpSync(join(checkout, 'models/fib-affinity'), model, { recursive: true })
  const card = (change: (c: Record<string, never>) => void): void => {
    const c = JSON.parse(readFileSync(join(model, 'card.json'), 'utf8')) as Record<string, never>
    change(c)
    behindItsBack(join(model, 'card.json'), c)
  }
  const box = { min: [0, 0, 0], max: [64, 64, 16] }
  const truth = join(folder, 'truth.npy')
  const labels = (salt: number): Uint8Array => writeNpy(cube(64, salt).subarray(0, 64 * 64 * 24), [24, 64, 64])
  return {
    tree: {
      dataset: 'meta',
      voxelSizeNm: [10, 10, 10],
      source: {
        phantom: {
          size: [64, 64, 24],
          seed: 3,
          tiles: { shape: [48, 48], overlap: 24 },
          defects: [{ kind: 'missing', section: 5, tile: 'r0c0' }],
        },
      },
      grid: small,
      model,
      overrides: [{ regions: ['0_0_0'], stages: { agglomerate: { threshold: 0.45 } } }],
      exclude: {
        sections: [{ section: 9, reason: 'knife mark' }],
        boxes: [{ box: { min: [0, 0, 2], max: [16, 16, 4] }, reason: 'dirt' }],
      },
      evaluate: { truth: of === 'truth of others' ? truth : 'phantom', box, sentinels: [box] },
      gates: [{ name: 'look', before: 'maps', canary: ['0_0_0'] }],
    },
    known: {
      dataset: ['other'],
      // Within what the model is for.
      voxelSizeNm: [[9, 9, 9]],
      'source.phantom.voxelSizeNm': [9],
      model: [join(checkout, 'models/fib-affinity')],
      'models.synapse': [
        modelFolder(join(folder, 'synapse'), onnx.twoChannels(), c => {
          c['output'].channels = 2
          delete c['offsetsZYX']
        }),
      ],
      'source.phantom.defects.0.tile': ['r0c1'],
      'overrides.0.stages': [{ agglomerate: { threshold: 0.55 } }],
      'evaluate.truth': [truth],
      'stages.ingest.window': [[30, 220]],
    },
    bytes: {
      'made before': () => put(truth, labels(1)),
      truth: () => put(truth, labels(2)),
      'card of the model': () =>
        card(c => Object.assign(c['input']!, { spatialMultipleOf: 2 * Number(c['input']!['spatialMultipleOf']) })),
      'bytes of the model': () => {
        const file = join(model, 'model.onnx')
        const bytes = readFileSync(file)
        // In the middle lie weights: the lowest bits of some of them.
        for (let i = bytes.length >> 1, n = 0; n < 64; n++, i += 4) bytes[i]! ^= 1
        behindItsBack(file, bytes)
        card(c => Object.assign(c, { sha256: sha256(bytes) }))
      },
    },
  }
}

export function tiles(folder: string, asLayout: boolean): Base {
  const entries = [0, 1, 2].flatMap(section =>
    [0, 1].map(column => {
      const file = join(folder, `z${section}c${column}.png`)
      return { section, name: `c${column}`, file, x: column * 48, y: 0, width: 64, height: 64 }
    }),
  )
  const write = async (t: (typeof entries)[number], salt: number): Promise<void> =>
    put(t.file, await encodePng(picture(t.x, t.width, t.height, salt), t.width, t.height))
  const layout = join(folder, 'layout.json')
  const other = join(folder, 'other.json')
  return {
    tree: plain(asLayout ? { layout } : { tiles: entries }),
    known: { 'source.layout': [other], 'source.tiles.0.file': [entries[5]!.file] },
    bytes: {
      'made before': async () => {
        for (const t of entries) await write(t, t.section)
        put(layout, entries)
        put(
          other,
          entries.map(t => ({ ...t, y: t.section })),
        )
      },
      tile: async () => {
        const [t] = entries
        const { atime, mtime } = statSync(t!.file)
        await write(t!, 77)
        utimesSync(t!.file, atime, mtime)
      },
      'tile put in place of another': async () => {
        const t = entries[1]!
        await write({ ...t, file: `${t.file}.new` }, 78)
        renameSync(`${t.file}.new`, t.file)
      },
      'tile that goes': () => rmSync(entries[2]!.file),
      ...(asLayout && {
        layout: () =>
          behindItsBack(
            layout,
            entries.map(t => ({ ...t, x: t.x + 1 })),
          ),
      }),
    },
  }
}

export function stack(folder: string): Base {
  const [file, other] = [join(folder, 'em.npy'), join(folder, 'other.npy')]
  const npy = (salt: number, n = 64): Uint8Array => writeNpy(cube(n, salt), [n, n, n])
  return {
    tree: plain({ stack: file }),
    known: { 'source.stack': [other] },
    bytes: {
      'made before': () => {
        put(file, npy(1))
        put(other, npy(2))
      },
      stack: () => behindItsBack(file, npy(3)),
      'stack of another shape': () => put(file, npy(4, 48)),
    },
  }
}

/** A folder that can be read as precomputed (two mips of one shape) and as Zarr v2, all of other voxels. */
export function volume(folder: string, url: string): Base {
  const at = (name: string, path: string): string => join(folder, name, path)
  const scale = (key: string, n: number): object => ({
    key,
    size: [64, 64, 64 * n],
    voxel_offset: [0, 0, 0],
    resolution: [10, 10, 10],
    chunk_sizes: [[64, 64, 64]],
    encoding: 'raw',
  })
  const info = {
    '@type': 'neuroglancer_multiscale_volume',
    type: 'image',
    data_type: 'uint8',
    num_channels: 1,
    scales: [scale('a', 2), scale('b', 2)],
  }
  const zarray = {
    zarr_format: 2,
    shape: [128, 64, 64],
    chunks: [64, 64, 64],
    dtype: '|u1',
    compressor: null,
    fill_value: 7,
    order: 'C',
    filters: null,
    dimension_separator: '/',
  }
  const chunk = (z: number): string => `0-64_0-64_${64 * z}-${64 * z + 64}`
  return {
    tree: plain({ volume: { url: `${url}/v`, mip: 0, box: { min: [0, 0, 0], max: [64, 64, 128] } } }),
    known: {
      'source.volume.url': [`${url}/w`],
      'source.volume.format': ['zarr'],
      'source.volume.mip': [1],
      'source.volume.box.min': [[0, 0, 64]],
      'source.volume.box.max': [[64, 64, 64]],
    },
    bytes: {
      'made before': () => {
        for (const [i, name] of ['v', 'w'].entries()) {
          put(at(name, 'info'), info)
          put(at(name, '.zarray'), zarray)
          for (const z of [0, 1]) {
            put(at(name, `a/${chunk(z)}`), cube(64, 10 * i + z))
            put(at(name, `b/${chunk(z)}`), cube(64, 10 * i + 2 + z))
            put(at(name, `${z}/0/0`), cube(64, 10 * i + 4 + z))
          }
        }
      },
      chunk: () => behindItsBack(at('v', `a/${chunk(0)}`), cube(64, 50)),
      'chunk that goes': () => rmSync(at('v', `a/${chunk(0)}`)),
      'metadata of a volume': () => behindItsBack(at('v', 'info'), { ...info, scales: [scale('b', 2), scale('a', 2)] }),
    },
  }
}
