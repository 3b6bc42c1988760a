// Manifests of multi-resolution meshes, as Neuroglancer's own code reads them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
// @ts-expect-error: the package has no types for its workers
import * as backend from 'neuroglancer/unstable/datasource/precomputed/backend.js'
import { validateOctree } from 'neuroglancer/unstable/mesh/multiscale.js'
import { describe, expect, it } from 'vitest'
import { meshLevels } from '../../../kernels/mesh/levels.ts'
import { decodeDraco, decodeManifest } from '../../../storage/formats/meshes/read-multilod.ts'
import { encodeManifest, type MultilodManifest } from '../../../storage/formats/meshes/multilod.ts'
import { dataFolder, hasData } from '../fixtures.ts'

const f32 = fc.float({ noNaN: true, noDefaultInfinity: true })
const three = fc.tuple(f32, f32, f32)
const u32 = fc.nat({ max: 2 ** 32 - 1 })

interface Theirs {
  offsets: Float64Array
  manifest: { octree: Uint32Array; lodScales: Float32Array; chunkShape: Float32Array; vertexOffsets: Float32Array }
}

async function asNeuroglancer(bytes: Uint8Array<ArrayBuffer>): Promise<Theirs> {
  const source = Object.create(backend.PrecomputedMultiscaleMeshSource.prototype)
  source.parameters = { metadata: { lodScaleMultiplier: 1 } }
  source.shardedKvStore = {
    readWithShardInfo: async () => ({ response: { response: new Response(bytes) }, shardInfo: {} }),
  }
  const chunk = { source, objectId: 1n } as unknown as Theirs
  await source.download(chunk)
  return chunk
}

describe('manifests', () => {
  it('come back', () => {
    const lod = fc.array(fc.tuple(u32, u32, u32, u32), { maxLength: 5 }).chain(fragments =>
      fc.record({
        scale: f32,
        offset: three,
        nodes: fc.constant(Uint32Array.from(fragments.flatMap(f => f.slice(0, 3)))),
        sizes: fc.constant(Uint32Array.from(fragments, f => f[3])),
      }),
    )
    fc.assert(
      fc.property(fc.record({ chunkShape: three, gridOrigin: three, lods: fc.array(lod, { maxLength: 4 }) }), m => {
        const bytes = encodeManifest(m as MultilodManifest)
        expect(decodeManifest(bytes)).toEqual(m)
        expect(decodeManifest(Buffer.concat([Buffer.from('x'), bytes]).subarray(1))).toEqual(m)
        expect(() => decodeManifest(bytes.subarray(0, bytes.length - 4))).toThrow(RangeError)
      }),
    )
  })

  it('are octrees without orphans to Neuroglancer, which finds every fragment by its size', async () => {
    // A bent sheet over many nodes.
    const side = 40
    const at = (x: number, y: number): number[] => [30 * x, 30 * y, 200 + 150 * ((((x * y) % 7) + x) % 5)]
    const positions: number[] = []
    const triangles: number[] = []
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) positions.push(...at(x, y))
    for (let y = 0; y + 1 < side; y++)
      for (let x = 0; x + 1 < side; x++) {
        const v = x + side * y
        triangles.push(v, v + 1, v + side, v + 1, v + side + 1, v + side)
      }
    const piece = { positions: Float32Array.from(positions), triangles: Uint32Array.from(triangles) }
    const { origin, levels } = await meshLevels([piece], { cellNm: 150, ratio: 0.1, errorNm: 100 }, 10)
    expect(levels.length).toBeGreaterThan(2)
    const manifest: MultilodManifest = {
      chunkShape: [150, 150, 150],
      gridOrigin: origin,
      lods: levels.map((l, i) => ({ scale: 100 * 2 ** i, offset: [0, 0, 0], nodes: l.nodes, sizes: l.sizes })),
    }
    const { manifest: read, offsets } = await asNeuroglancer(encodeManifest(manifest))
    validateOctree(Uint32Array.from(read.octree, (v, i) => (i % 5 === 4 ? v & 0x7fffffff : v)))
    expect([...read.lodScales].slice(0, levels.length)).toEqual(levels.map((_, i) => 100 * 2 ** i))
    let end = 0
    const ends = levels.flatMap(l => Array.from(l.sizes, s => (end += s)))
    expect(Array.from(offsets.subarray(0, ends.length + 1))).toEqual([0, ...ends])
    const empty = levels.flatMap(l => [...l.sizes]).filter(s => s === 0).length
    expect(empty).toBeGreaterThan(0)
    const marked = Array.from({ length: ends.length }, (_, i) => read.octree[5 * i + 4]! >>> 31)
    expect(marked).toEqual(levels.flatMap(l => Array.from(l.sizes, s => Number(s === 0))))
  })
})

it.skipIf(!hasData)("peers' Draco fragments decode", async () => {
  const folder = join(dataFolder, 'format-fixtures/cloud-volume/test_cv/mesh_mip_2_draco_sv16')
  const files = readdirSync(folder).filter(f => /:0:\d/.test(f))
  expect(files.length).toBeGreaterThan(5)
  for (const file of files) {
    const { positions, triangles } = await decodeDraco(readFileSync(join(folder, file)))
    expect(triangles.length).toBeGreaterThan(0)
    for (const v of triangles) if (v >= positions.length / 3) throw new Error(`${file} names vertex ${v}`)
  }
})
