// A cut across a stack: sections as they were stitched do not fit, sections as they were aligned do.
import { expect, test } from 'vitest'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { indexNodeOf, type IndexEntry } from '../../domain/index/index-node.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import { stackCuts } from '../../serving/pages/stack-cut.ts'
import type { Problem } from '../../serving/problem.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { encodeArrays } from '../../storage/formats/arrays.ts'
import { decodeTile, encodePng } from '../../storage/formats/image.ts'
import { putRaw } from '../../storage/raw.ts'
import { tile, tissue } from '../kernels/sections/texture.ts'
import { memoryStore } from '../storage/fixtures.ts'

/** How far the tissue of each section lies from where it should; the middle one is not shown, the first stands in for it. */
const MOVED = [0, 5, -4] as const
const SOURCE = [0, 0, 2] as const

test('before and after', async () => {
  const objects = memoryStore()
  const files = new Map<string, Uint8Array>()
  const entry = (stage: string, cell: string, outputs: Record<string, Uint8Array>): IndexEntry => {
    const recipe = sha256(`${stage} ${cell}`)
    for (const [path, bytes] of Object.entries(outputs)) files.set(`${recipe} ${path}`, bytes)
    return { stage, cell, ref: { stage, recipe, content: recipe } }
  }
  const json = (v: unknown): Uint8Array => Buffer.from(JSON.stringify(v))
  const entries: IndexEntry[] = []
  for (const [z, moved] of MOVED.entries()) {
    const tiles = []
    const transforms = []
    for (const x of [0, 64]) {
      const t = tile(`t${x}`, x, 0, 80, 40, (u, v) => tissue(u + moved, v))
      tiles.push({ name: t.name, sha256: await putRaw(objects, await encodePng(t.data, t.width, t.height)) })
      transforms.push({ name: t.name, width: 80, height: 40, affine: [1, 0, x, 0, 1, 0], gain: 1 })
    }
    const stitch = { transforms, intensity: { mean: 128, std: 40 } }
    entries.push(
      entry('ingest', String(z), { 'manifest.json': json({ tiles }) }),
      entry('stitch', String(z), { 'stitch.json': json(stitch) }),
    )
  }
  const field = (z: 0 | 1 | 2): Uint8Array =>
    encodeArrays({
      dx: new Float32Array(4).fill(-MOVED[SOURCE[z]]),
      dy: new Float32Array(4),
      lattice: Float64Array.of(32, 2, 2, 0, 0),
    })
  const sections = SOURCE.map((source, z) => ({ z, source, excluded: source === z ? null : 'torn' }))
  const fields = { 'fields/0.bin': field(0), 'fields/1.bin': field(1), 'fields/2.bin': field(2) }
  const root = (of: IndexEntry[]): Promise<string> =>
    putRaw(objects, Buffer.from(canonicalJson(indexNodeOf(of, []) as unknown as Json)))
  const release = {
    dataset: 'stack',
    release: 'r1',
    bounds: { min: [0, 0, 0], max: [144, 40, 3] },
    layers: {},
    pages: {
      sections: await root(entries.sort((a, b) => (`${a.stage} ${a.cell}` < `${b.stage} ${b.cell}` ? -1 : 1))),
      alignment: await root([entry('align', 'all', { 'alignment.json': json({ sections }), ...fields })]),
    },
  } as unknown as Release
  const asked: string[] = []
  const artifacts = {
    objects,
    get: async ({ recipe }: { recipe: string }, path: string) => {
      asked.push(path)
      return files.get(`${recipe} ${path}`)!
    },
  } as unknown as ArtifactStore
  const cut = stackCuts(artifacts)
  const rows = async (aligned: boolean): Promise<number[][]> => {
    const { data, width, height } = await decodeTile(await cut(release, [72, 20, 1], aligned), 'cut')
    expect([width, height]).toEqual([144, 3])
    return [0, 1, 2].map(z => [...data.subarray(z * width, (z + 1) * width)])
  }
  const shows = (moved: number) => Array.from({ length: 144 }, (_, x) => Math.round(tissue(x + moved, 20)))
  expect(await rows(false)).toEqual(MOVED.map(shows))
  const inside = (row: number[]): number[] => row.slice(5, -5)
  expect((await rows(true)).map(inside)).toEqual([0, 0, 0].map(shows).map(inside))
  // Each is drawn once, however many look at it, and one after the other.
  asked.length = 0
  await Promise.all([1, 2, 3].map(() => cut(release, [72, 20, 1], true)))
  expect(asked).toEqual([])
  const many = await Promise.allSettled(Array.from({ length: 40 }, (_, x) => cut(release, [x, 20, 0], false)))
  expect(new Set(asked.filter(path => path.startsWith('fields/')))).toEqual(new Set())
  const refused = many.flatMap(m => (m.status === 'rejected' ? [m.reason as Problem] : []))
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThan(40)
  expect(new Set(refused.map(p => p.status))).toEqual(new Set([503]))

  await expect(cut(release, [72, 40, 1], true)).rejects.toMatchObject({
    status: 400,
    message: expect.stringMatching(/^voxel 72, 40, 1 lies outside/),
  })
  await expect(cut({ ...release, release: 'r2', pages: {} }, [72, 20, 1], true)).rejects.toMatchObject({ status: 404 })
})
