// Multi-resolution meshes: every level closed over its nodes, nothing across a plane of the octree, readable by Neuroglancer's decoder.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutAtPlanes } from '../../../kernels/mesh/cut.ts'
import { decodeDraco } from '../../../storage/formats/meshes/read-multilod.ts'
import { meshLevels, type MeshLevels } from '../../../kernels/mesh/levels.ts'
import { fragmentAt, meshRegion } from '../../../kernels/mesh.ts'
import type { Mesh } from '../../../kernels/mesh/simplify.ts'
import type { Vec3 } from '../../../kernels/types.ts'
import { blobs, cut, noise, type Volume } from './mesh-volumes.ts'
import { neuroglancerDecoder, type Partitioned } from './neuroglancer-draco.ts'

const NM: Vec3 = [8, 10, 35]

async function pieces(volume: Volume, cuts: readonly (readonly number[])[]): Promise<Mesh[][]> {
  const byId = new Map<bigint, Mesh[]>()
  for (const region of cut(volume, cuts, NM)) {
    const made = await meshRegion({ ...region, params: { step: 1, ratio: 0.6, errorNm: 10 } })
    made.ids.forEach((id, i) => byId.set(id, [...(byId.get(id) ?? []), fragmentAt(made, i)]))
  }
  return [...byId.values()]
}

interface Fragment extends Partitioned {
  readonly node: Vec3
  readonly empty: boolean
}

const decode = await neuroglancerDecoder()

function fragments({ levels, data }: MeshLevels, bits: number): Fragment[][] {
  let at = 0
  return levels.map(({ nodes, sizes }, lod) =>
    Array.from(sizes, (size, i) => {
      const bytes = data.subarray(at, (at += size))
      const node = [...nodes.subarray(3 * i, 3 * i + 3)] as unknown as Vec3
      const none = { positions: new Uint32Array(), triangles: new Uint32Array(), parts: new Uint32Array(9) }
      return { node, empty: size === 0, ...(size === 0 ? none : decode(bytes, bits, lod)) }
    }),
  )
}

/** Corners of every triangle of a level in whole steps over the octree. */
const triangles = (level: readonly Fragment[], bits: number): Vec3[][] =>
  level.flatMap(f =>
    Array.from({ length: f.triangles.length / 3 }, (_, t) =>
      [0, 1, 2].map(k => {
        const v = f.triangles[3 * t + k]!
        return f.node.map((n, a) => n * (2 ** bits - 1) + f.positions[3 * v + a]!) as unknown as Vec3
      }),
    ),
  )

/** Directed sides without a partner in the other direction. */
function open(list: readonly (readonly (readonly number[])[])[]): string[] {
  const sides = new Map<string, number>()
  const add = (a: readonly number[], b: readonly number[], n: number): void => {
    const [p, q] = [a.join(), b.join()]
    if (p === q) return
    const [name, sign] = p < q ? [`${p} ${q}`, n] : [`${q} ${p}`, -n]
    sides.set(name, (sides.get(name) ?? 0) + sign)
  }
  for (const [a, b, c] of list) {
    add(a!, b!, 1)
    add(b!, c!, 1)
    add(c!, a!, 1)
  }
  return [...sides].filter(([, n]) => n !== 0).map(([name]) => name)
}

const volumeOf = (list: readonly Vec3[][]): number =>
  list.reduce((sum, [a, b, c]) => {
    const [p, q, r] = [a!, b!, c!]
    const cross = [q[1] * r[2] - q[2] * r[1], q[2] * r[0] - q[0] * r[2], q[0] * r[1] - q[1] * r[0]]
    return sum + (p[0] * cross[0]! + p[1] * cross[1]! + p[2] * cross[2]!) / 6
  }, 0)

/** Interleaved bits, x lowest. */
function morton(node: Vec3): bigint {
  let code = 0n
  for (let bit = 0; bit < 20; bit++) node.forEach((c, a) => (code |= BigInt((c >> bit) & 1) << BigInt(3 * bit + a)))
  return code
}

describe('meshLevels', () => {
  for (const bits of [10, 16] as const)
    it(`makes an octree that Neuroglancer reads, closed at every level, ${bits} bits`, async () => {
      let deepest = 0
      let empties = 0
      await fc.assert(
        fc.asyncProperty(
          fc.integer(),
          fc.constantFrom(50, 100, 333),
          fc.boolean(),
          fc.boolean(),
          async (seed, cellNm, rough, coarse) => {
            const shape: Vec3 = rough ? [13, 11, 6] : [30, 25, 9]
            const volume = rough ? noise(shape, seed, 3) : blobs(shape, seed, 6)
            for (const list of await pieces(volume, [[12], [8], []])) {
              const made = await meshLevels(
                list,
                { cellNm, ratio: coarse ? 0.05 : 0.4, errorNm: coarse ? 150 : 8 },
                bits,
              )
              const levels = fragments(made, bits)
              deepest = Math.max(deepest, levels.length)
              expect(levels.length).toBeGreaterThan(0)
              for (const [lod, level] of levels.entries()) {
                const codes = level.map(f => morton(f.node))
                expect(codes).toEqual([...new Set(codes)].sort((a, b) => (a < b ? -1 : 1)))
                const all = triangles(level, bits)
                expect(open(all)).toEqual([])
                const names = new Set(level.map(f => f.node.join()))
                empties += level.filter(f => f.empty).length
                for (const child of levels[lod - 1] ?? []) expect(names).toContain(child.node.map(c => c >> 1).join())
                const below = new Set((levels[lod - 1] ?? []).map(f => f.node.join()))
                for (const { node, positions, triangles, parts } of level) {
                  for (const p of positions) if (p >= 2 ** bits) throw new Error(`position ${p}`)
                  if (lod === 0) continue
                  for (let octant = 0; octant < 8; octant++) {
                    const inside = triangles.subarray(parts[octant], parts[octant + 1])
                    for (const v of inside)
                      for (let a = 0; a < 3; a++) {
                        const p = positions[3 * v + a]!
                        const upper = (octant >> a) & 1
                        if (upper ? p < 2 ** (bits - 1) : p > 2 ** (bits - 1)) throw new Error(`${p} lies across`)
                      }
                    if (inside.length) expect(below).toContain(node.map((c, a) => 2 * c + ((octant >> a) & 1)).join())
                  }
                }
              }
            }
          },
        ),
        // The finest cells always: a draw without them has no three levels, and shows nothing of nodes left empty.
        {
          numRuns: 8,
          examples: [
            [5, 50, false, false],
            [-11, 50, true, true],
          ],
        },
      )
      expect(deepest).toBeGreaterThan(2)
      expect(empties).toBeGreaterThan(0)
    })

  it('keeps the place and the volume of the surface, and takes triangles away level by level', async () => {
    const [list] = await pieces(blobs([40, 32, 12], 5, 3), [[20], [16], [6]])
    const made = await meshLevels(list!, { cellNm: 60, ratio: 0.25, errorNm: 4 }, 16)
    const levels = fragments(made, 16)
    const whole = list!.flatMap(({ positions, triangles }) =>
      Array.from({ length: triangles.length / 3 }, (_, t) =>
        [0, 1, 2].map(k => [0, 1, 2].map(a => positions[3 * triangles[3 * t + k]! + a]!) as unknown as Vec3),
      ),
    )
    const volume = volumeOf(whole)
    for (const [lod, level] of levels.entries()) {
      const step = (60 * 2 ** lod) / (2 ** 16 - 1)
      const placed = triangles(level, 16).map(t =>
        t.map(p => p.map((c, a) => made.origin[a]! + c * step) as unknown as Vec3),
      )
      expect(volumeOf(placed) / volume).toBeCloseTo(1, lod === 0 ? 3 : 0)
      for (let a = 0; a < 3; a++) {
        const [least, before] = [placed, whole].map(m => Math.min(...m.flat().map(p => p[a]!)))
        expect(Math.abs(least! - before!)).toBeLessThan(1 + (lod && 4 * 2 ** lod))
      }
    }
    const counts = made.levels.map(l => l.triangles)
    expect(counts[0]).toBe(whole.length)
    counts.forEach((n, i) => i > 0 && expect(n).toBeLessThan(counts[i - 1]!))
  })

  it('gives equal bytes again, nothing for nothing, and integers that any Draco decoder returns', async () => {
    const [list] = await pieces(blobs([20, 16, 8], 9, 4), [[10], [], []])
    const params = { cellNm: 90, ratio: 0.4, errorNm: 8 }
    const made = await meshLevels(list!, params, 10)
    expect(await meshLevels(list!, params, 10)).toEqual(made)
    expect(await meshLevels([], params, 10)).toEqual({ origin: [0, 0, 0], levels: [], data: new Uint8Array() })
    const size = made.levels[0]!.sizes[0]!
    const plain = await decodeDraco(made.data.subarray(0, size))
    const [first] = fragments(made, 10)[0]!
    const corners = (m: { positions: Uint32Array; triangles: Uint32Array }): string[] =>
      Array.from(m.triangles, v => m.positions.subarray(3 * v, 3 * v + 3).join())
    expect(corners(plain)).toEqual(corners(first!))
    await expect(decodeDraco(Uint8Array.of(1, 2, 3))).rejects.toThrow(/not a Draco mesh/)
  })
})

describe('cutAtPlanes', () => {
  it('leaves no triangle across a plane, opens no side and keeps the area', () => {
    const corner = fc.tuple(
      ...[0, 1, 2].map(() => fc.oneof(fc.integer({ min: 0, max: 6 }), fc.double({ min: 0, max: 6, noNaN: true }))),
    )
    fc.assert(
      fc.property(fc.array(corner, { minLength: 4, maxLength: 4 }), fc.constantFrom(1, 2), (tetrahedron, spacing) => {
        const mesh = { positions: tetrahedron.flat(), triangles: [0, 1, 2, 0, 2, 3, 0, 3, 1, 1, 3, 2] }
        const made = cutAtPlanes(mesh, spacing)
        const faces = Array.from({ length: made.triangles.length / 3 }, (_, t) =>
          [0, 1, 2].map(k => made.positions.slice(3 * made.triangles[3 * t + k]!, 3 * made.triangles[3 * t + k]! + 3)),
        )
        expect(open(faces)).toEqual([])
        for (const face of faces)
          for (let a = 0; a < 3; a++) {
            const along = face.map(p => p[a]! / spacing)
            expect(Math.max(...along)).toBeLessThanOrEqual(Math.floor(Math.min(...along)) + 1)
          }
        const before = volumeOf(
          [0, 1, 2, 3].map(f => mesh.triangles.slice(3 * f, 3 * f + 3).map(v => tetrahedron[v] as unknown as Vec3)),
        )
        expect(volumeOf(faces as unknown as Vec3[][])).toBeCloseTo(before, 6)
      }),
    )
  })
})
