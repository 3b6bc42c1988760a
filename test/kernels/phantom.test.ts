// The synthetic specimen: one answer for any box, exact owners, and organelles where the ground truth says.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PhantomSpec } from '../../domain/run-file/phantom.ts'
import { bentSpheres } from '../../specimen/field.ts'
import { noiseTables, tableIndex } from '../../specimen/noise.ts'
import { phantomScene } from '../../specimen/scene.ts'
import { phantomSpecimen } from '../../specimen/specimen.ts'
import { phantomTruth } from '../../specimen/truth.ts'
import type { Box, Vec3 } from '../../kernels/types.ts'

const spec = PhantomSpec.parse({ size: [112, 96, 48], seed: 7, tiles: { shape: [64, 56], overlap: 16 } })
const scene = phantomScene(spec)
const whole: Box = { min: [-20, -20, -6], max: [132, 116, 54] }
const volume = phantomSpecimen(spec, scene, whole)
const shape = [0, 1, 2].map(a => whole.max[a]! - whole.min[a]!) as unknown as Vec3
const index = (x: number, y: number, z: number) =>
  x - whole.min[0] + shape[0] * (y - whole.min[1] + shape[1] * (z - whole.min[2]))
const inWhole = (p: readonly number[]) => p.every((v, a) => v >= whole.min[a]! && v < whole.max[a]!)

describe('specimen', () => {
  test('any box gives the same voxels as the same place in another box', () => {
    const span = (a: 0 | 1 | 2) =>
      fc
        .tuple(fc.integer({ min: whole.min[a], max: whole.max[a] - 1 }), fc.integer({ min: 1, max: 40 }))
        .map(([low, n]) => [low, Math.min(whole.max[a], low + n)] as const)
    fc.assert(
      fc.property(span(0), span(1), span(2), ([x0, x1], [y0, y1], [z0, z1]) => {
        const part = phantomSpecimen(spec, scene, { min: [x0, y0, z0], max: [x1, y1, z1] })
        let at = 0
        for (let z = z0; z < z1; z++)
          for (let y = y0; y < y1; y++)
            for (let x = x0; x < x1; x++, at++)
              if (part.em[at] !== volume.em[index(x, y, z)] || part.labels[at] !== volume.labels[index(x, y, z)])
                throw new Error(`voxel ${x},${y},${z} differs`)
      }),
      { numRuns: 12, seed: 1 },
    )
  })

  test('the owner of a voxel is the owner of the sphere of least power distance, of all spheres', () => {
    const tables = noiseTables(spec.seed)
    const spheres = bentSpheres(tables, scene.lines)
    let compared = 0
    for (let i = 0; i < volume.labels.length; i += 1009) {
      const x = whole.min[0] + (i % shape[0])
      const y = whole.min[1] + (Math.floor(i / shape[0]) % shape[1])
      const z = whole.min[2] + Math.floor(i / (shape[0] * shape[1]))
      if (volume.labels[i] === 0) continue
      const t = tableIndex(x, y, z)
      const q = [x + tables.warpX[t]! / 256, y + tables.warpY[t]! / 256, z + tables.warpZ[t]! / 256]
      let best = Infinity
      let owner = 0
      for (let s = 0; s < scene.lines.x.length; s++) {
        const p =
          (spheres[4 * s]! - q[0]!) ** 2 +
          (spheres[4 * s + 1]! - q[1]!) ** 2 +
          (spheres[4 * s + 2]! - q[2]!) ** 2 -
          spheres[4 * s + 3]!
        if (p < best) [best, owner] = [p, scene.lines.owner[s]!]
      }
      expect(volume.labels[i]).toBe(owner)
      compared++
    }
    expect(compared).toBeGreaterThan(400)
  })

  test('a scene follows from its spec alone, and from its seed', () => {
    expect(phantomScene(spec)).toEqual(scene)
    expect(phantomScene({ ...spec, seed: 8 }).lines.x).not.toEqual(scene.lines.x)
  })

  test('neurites are packed densely: the unlabelled gap is thin and many neurites meet', () => {
    let gap = 0
    for (const l of volume.labels) if (l === 0) gap++
    expect(gap / volume.labels.length).toBeGreaterThan(0.05)
    expect(gap / volume.labels.length).toBeLessThan(0.22)
    expect(new Set(volume.labels).size).toBeGreaterThan(15)
  })

  test('a neurite owns its own centre line, is whole along it, branches and tapers', () => {
    let own = 0
    let foreign = 0
    let membrane = 0
    const { lines } = scene
    for (let i = 0; i < lines.x.length; i++) {
      const p = [lines.x[i]!, lines.y[i]!, lines.z[i]!].map(Math.round)
      if (!inWhole(p)) continue
      const label = volume.labels[index(p[0]!, p[1]!, p[2]!)]
      if (label === lines.owner[i]) own++
      else if (label === 0) membrane++
      else foreign++
    }
    const all = own + foreign + membrane
    expect(all).toBeGreaterThan(100)
    // Straightened lines may graze a neighbour where space is tight.
    expect(foreign / all).toBeLessThan(0.03)
    expect(membrane / all).toBeLessThan(0.03)
    const branching = Array.from(lines.previous).filter((from, i) => from >= 0 && from !== i - 1)
    expect(branching.length).toBeGreaterThan(20)
    const [thin, thick] = [0.1, 0.95].map(q => lines.r.toSorted()[Math.floor(q * lines.r.length)]!)
    expect(thick! / thin!).toBeGreaterThan(2)
  })
})

describe('organelles', () => {
  const truth = phantomTruth(spec, scene)

  test('grey of membranes, cytoplasm and mitochondria is that of FIB-SEM', () => {
    const mean = (pick: (i: number) => boolean) => {
      let [sum, n] = [0, 0]
      for (let i = 0; i < volume.em.length; i++) if (pick(i)) [sum, n] = [sum + volume.em[i]!, n + 1]
      return sum / n
    }
    const membrane = mean(i => volume.labels[i] === 0)
    expect(membrane).toBeGreaterThan(80)
    expect(membrane).toBeLessThan(105)
    expect(mean(i => volume.labels[i] !== 0) - membrane).toBeGreaterThan(25)
    const { x, y, z, r, owner } = scene.mitochondria
    let [sum, n, outside] = [0, 0, 0]
    for (let i = 0; i < x.length; i++) {
      const p = [x[i]!, y[i]!, z[i]!].map(Math.round)
      if (!inWhole(p) || r[i]! < 5) continue
      const at = index(p[0]!, p[1]!, p[2]!)
      if (volume.labels[at] !== owner[i]) outside++
      sum += volume.em[at]!
      n++
    }
    expect(n).toBeGreaterThan(20)
    expect(outside / n).toBeLessThan(0.05)
    expect(sum / n).toBeLessThan(100)
  })

  test('a synapse is a dark disc between its partners, and its vesicles lie in pre only', () => {
    expect(truth.synapses.length).toBeGreaterThan(2)
    for (const s of truth.synapses) {
      expect(s.pre).not.toBe(s.post)
      expect(volume.labels[index(...s.prePoint)]).toBe(s.pre)
      expect(volume.labels[index(...s.postPoint)]).toBe(s.post)
      expect(volume.em[index(s.x, s.y, s.z)]).toBeLessThan(66)
      expect(s.size).toBeGreaterThanOrEqual(7)
      expect(s.size).toBeLessThanOrEqual(12)
    }
    const { synapses, vesicles } = scene
    const counts = new Map<number, number>()
    for (let v = 0; v < vesicles.x.length; v++) {
      let best = Infinity
      let nearest = -1
      for (let k = 0; k < synapses.x.length; k++) {
        const d =
          (synapses.x[k]! - vesicles.x[v]!) ** 2 +
          (synapses.y[k]! - vesicles.y[v]!) ** 2 +
          (synapses.z[k]! - vesicles.z[v]!) ** 2
        if (synapses.pre[k] === vesicles.owner[v] && d < best) [best, nearest] = [d, k]
      }
      expect(Math.sqrt(best)).toBeLessThanOrEqual(25)
      counts.set(nearest, (counts.get(nearest) ?? 0) + 1)
      const p = [vesicles.x[v]!, vesicles.y[v]!, vesicles.z[v]!].map(Math.round)
      if (inWhole(p)) expect(volume.labels[index(p[0]!, p[1]!, p[2]!)]).toBe(vesicles.owner[v])
    }
    expect(vesicles.x.length / synapses.x.length).toBeGreaterThanOrEqual(15)
    expect(vesicles.x.length / synapses.x.length).toBeLessThanOrEqual(40)
    expect(counts.size).toBeGreaterThan(0.7 * synapses.x.length)
  })

  test('the truth survives JSON and lists lengths of the neurites inside', () => {
    expect(JSON.parse(JSON.stringify(truth))).toEqual(truth)
    const ids = new Set(volume.labels)
    expect(truth.neurites.length).toBeGreaterThan(8)
    for (const { id, length } of truth.neurites) {
      expect(ids.has(id)).toBe(true)
      expect(length).toBeGreaterThan(0)
    }
  })
})
