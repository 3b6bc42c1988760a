// `node bench/alignment.ts`: stitching and alignment on real tiles and a phantom, each figure with its goal, beside FEABAS and OpenCV in the same run.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PhantomSpec } from '../domain/run-file/phantom.ts'
import { StagesConfig } from '../domain/stages.ts'
import { planAlignment, solveSlab } from '../kernels/sections/align.ts'
import { renderSection } from '../kernels/sections/draw-section.ts'
import { latticeAt } from '../kernels/sections/lattice.ts'
import { layImage } from '../kernels/sections/lay.ts'
import { matchSections } from '../kernels/sections/match-sections.ts'
import { correlation } from '../kernels/sections/patch.ts'
import { flatten } from '../kernels/sections/plane.ts'
import { sampleTile } from '../kernels/sections/sample-tile.ts'
import type { Lattice, SectionImage, SectionStitch, SectionTile } from '../kernels/sections/section-types.ts'
import { phantomScene } from '../specimen/scene.ts'
import { phantomSection } from '../specimen/section.ts'
import { phantomSpecimen } from '../specimen/specimen.ts'
import { sectionTransform } from '../specimen/transform.ts'
import { decodeTile } from '../storage/formats/image.ts'
import { pythonWith } from '../test/conformance/venv.ts'
import { fafbTiles, fibSize, fibSlices } from '../test/kernels/sections/real-sections.ts'
import { renderSlab, stitchSection } from '../test/kernels/sections/section-kernels.ts'
import { shownAt } from '../test/kernels/sections/true-places.ts'
import { dataRoot } from '../worker/home.ts'
import { table } from './common/print.ts'

const usual = StagesConfig.parse({})
const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))]!
const rms = (values: readonly number[]): number => Math.sqrt(values.reduce((s, v) => s + v * v, 0) / values.length)

/** As the stages match and align, with each section matched to the two before it. */
function align(images: readonly (SectionImage | null)[], { match = {}, align = {} } = {}) {
  const [m, p] = [
    { ...usual.match, ...match },
    { ...usual.align, ...align },
  ]
  const pairs = images.flatMap((b, z) =>
    [1, 2].flatMap(k => {
      const a = images[z - k]
      return a && b ? [{ a: z - k, b: z, match: matchSections(a, b, m) }] : []
    }),
  )
  const extents = images.map((s, z) => {
    if (!s) return { z, bounds: null }
    const max = [s.x0 + s.scale * s.width, s.y0 + s.scale * s.height] as const
    return { z, bounds: { min: [s.x0, s.y0] as const, max } }
  })
  const plan = planAlignment(pairs, extents, p)
  const fields = new Map(plan.slabs.flatMap(slab => [...solveSlab(pairs, slab, plan.grid, p).fields]))
  return { fields, pairs, excluded: plan.sections.filter(s => s.excluded).map(s => s.z) }
}

const tilesFolder = join(dataRoot(), 'array-tomography-tiles')
async function opticalTiles(section: string): Promise<(SectionTile & { file: string })[]> {
  const lines = readFileSync(join(tilesFolder, 'layout.tsv'), 'utf8').trim().split('\n').slice(1)
  const listed = lines
    .map(line => line.split('\t') as [string, string, string, string])
    .filter(([, s]) => s === section)
  return Promise.all(
    listed.map(async ([name, , x, y]) => {
      const file = join(tilesFolder, name)
      const { width, height, data } = await decodeTile(readFileSync(file), name)
      return { name, file, x: Number(x), y: Number(y), width, height, data }
    }),
  )
}

/** The picture of a section through its field, from the nominal origin on. */
function shown(s: SectionImage, field: Lattice<Float32Array>): Uint8Array {
  const out = new Uint8Array(s.data.length)
  const d = new Float64Array(2)
  for (let y = 0, o = 0; y < s.height; y++)
    for (let x = 0; x < s.width; x++, o++) {
      latticeAt(field, s.scale * x, s.scale * y, d)
      const [u, v] = [x + (d[0]! - s.x0) / s.scale, y + (d[1]! - s.y0) / s.scale]
      if (u < 0 || v < 0 || u > s.width - 1 || v > s.height - 1) continue
      out[o] = Math.max(1, Math.min(255, Math.round(sampleTile(s.data, s.width, s.height, u, v))))
    }
  return out
}

/** Correlation of what two tiles show of their overlap, with the local mean and contrast taken out. */
function overlaps(tiles: readonly SectionTile[], stitch: SectionStitch): number[] {
  const field = { spacing: 1, nx: 1, ny: 1, x0: 0, y0: 0, dx: new Float32Array(1), dy: new Float32Array(1) }
  const pairs = [...new Set(stitch.matches.map(m => `${m.a} ${m.b}`))].map(pair => pair.split(' '))
  return pairs.map(pair => {
    const two = pair.map(name => stitch.transforms.find(t => t.name === name)!)
    const [left, top] = [2, 5].map(i => Math.ceil(Math.max(...two.map(t => t.affine[i]!)))) as [number, number]
    const right = Math.floor(Math.min(...two.map(t => t.affine[2] + t.width)))
    const bottom = Math.floor(Math.min(...two.map(t => t.affine[5] + t.height)))
    const [a, b] = two.map(t => {
      const section = { z: 0, tiles: tiles.filter(({ name }) => name === t.name), stitch, field }
      const data = renderSlab([section], { min: [left, top, 0], max: [right, bottom, 1] }, { normalise: 'none' })
      return flatten(data, right - left, bottom - top)
    })
    return correlation(a!, b!, 0, 0, 1, 1)
  })
}

/** Distances of aligned places from their tissue, and of each section as a whole: 200 sections, one in 50 missing, one turned by 4 degrees. */
function phantom() {
  const [width, height, depth, turned] = [256, 192, 200, 100]
  const spec = PhantomSpec.parse({ size: [width, height, depth], seed: 3 })
  const scene = phantomScene(spec)
  const stitches: SectionStitch[] = []
  const images = Array.from({ length: depth }, (_, z): SectionImage | null => {
    if (z % 50 === 25) return null
    const box = { min: [-48, -48, z], max: [width + 48, height + 48, z + 1] } as const
    const photographed = phantomSection(spec, z, { ...phantomSpecimen(spec, scene, box), box })
    const tiles = photographed.map(({ row, col, ...t }) => ({ ...t, name: `r${row}c${col}` }))
    const stitch = (stitches[z] = stitchSection(tiles))
    const image = renderSection(tiles, stitch, stitch.bounds, usual.match.scale)
    if (z !== turned) return image
    const [c, s] = [Math.cos(Math.PI / 45), Math.sin(Math.PI / 45)]
    return layImage(image, image, [c, -s, (1 - c) * 128 + s * 96, s, c, (1 - c) * 96 - s * 128])
  })
  const { fields, excluded } = align(images)
  const [errors, drift]: [number[], number[]] = [[], []]
  const d = new Float64Array(2)
  for (const [z, field] of fields) {
    if (z === turned) continue
    const truth = sectionTransform(spec, z)
    const { transforms } = stitches[z]!
    const apart: [number, number][] = []
    for (let y = 24; y < height - 20; y += 12)
      for (let x = 24; x < width - 20; x += 12) {
        latticeAt(field, x, y, d)
        const inside = transforms.map(t => {
          const [u, v] = [x + d[0]! - t.affine[2], y + d[1]! - t.affine[5]]
          return { u, v, edge: Math.min(u, v, t.width - 1 - u, t.height - 1 - v) }
        })
        const k = inside.reduce((best, t, i) => (t.edge > inside[best]!.edge ? i : best), 0)
        const { x: nominalX, y: nominalY } = truth.tiles[k]!
        const [px, py] = shownAt(spec, truth, k, nominalX + inside[k]!.u, nominalY + inside[k]!.v)
        apart.push([px - x, py - y])
      }
    errors.push(...apart.map(([dx, dy]) => Math.hypot(dx, dy)))
    drift.push(Math.hypot(...[0, 1].map(a => apart.reduce((s, e) => s + e[a]!, 0) / apart.length)))
  }
  return { median: quantile(errors, 0.5), drift: Math.max(...drift), excluded }
}

const moved = ({ fields }: ReturnType<typeof align>): number =>
  Math.max(...[...fields.values()].flatMap(f => Array.from(f.dx, (dx, k) => Math.hypot(dx, f.dy[k]!))))
const fib = fibSlices(0, 60).map(data => ({ data, width: fibSize, height: fibSize, x0: 0, y0: 0, scale: 1 }))
const sections = { A: await opticalTiles('A'), B: await opticalTiles('B') }
const stitched = { A: stitchSection(sections.A), B: stitchSection(sections.B) }
const residual = (s: SectionStitch): number => rms(s.matches.map(m => m.residual))
// What 200 nm apart is alike is large.
const optical = {
  match: { maxShiftPx: 320, spacingPx: 256, searchPx: 40, minScore: 0.25 },
  align: { spacingPx: 256, bending: 0.02 },
}
const drawnAt = (scale: number): SectionImage[] =>
  (['A', 'B'] as const).map(s => renderSection(sections[s], stitched[s], stitched[s].bounds, scale))
const { fields, pairs } = align(drawnAt(4), optical)
const em = await fafbTiles()
const lens = stitchSection(em, { maxShiftPx: 100 })

const folder = mkdtempSync(join(tmpdir(), 'hillock-alignment-'))
try {
  const pictures = (name: string, data: (s: SectionImage, z: number) => Uint8Array) => {
    const drawn = drawnAt(2)
    const [width, height] = [Math.min(...drawn.map(s => s.width)), Math.min(...drawn.map(s => s.height))]
    return drawn.map((s, z) => {
      const file = join(folder, `${name}-${z}`)
      const pixels = data(s, z)
      const rows = Array.from({ length: height }, (_, y) => pixels.subarray(y * s.width, y * s.width + width))
      writeFileSync(file, Buffer.concat(rows))
      return { file, width, height }
    })
  }
  const [a, b, tx, c, e, ty] = pairs[0]!.match.affine
  const fafbFile = (name: string): string => join(dataRoot(), 'fafb-tiles/raw-2x2', `${name}.png`)
  const job = {
    sections: {
      A: sections.A.map(({ data: _data, ...t }) => t),
      B: sections.B.map(({ data: _data, ...t }) => t),
      fafb: em.map(({ data: _data, ...t }) => ({ ...t, file: fafbFile(t.name) })),
    },
    pictures: {
      aligned: pictures('aligned', (s, z) => shown(s, fields.get(z)!)),
      drawn: pictures('drawn', s => s.data),
    },
    scale: 2,
    start: [a, b, tx / 2, c, e, ty / 2],
  }
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job))
  const python = pythonWith(join(import.meta.dirname, 'peers', 'requirements.txt'))
  const out = execFileSync(python, [join(import.meta.dirname, 'peers', 'alignment.py'), join(folder, 'job.json')], {
    encoding: 'utf8',
  })
  const peers = JSON.parse(out) as {
    stitched: Record<string, { feabas: number; opencv: number }>
    between: { ours: number; opencv: number }
  }
  const { median, drift, excluded } = phantom()
  const row = (what: string, ours: number, goal: number, feabas?: number, opencv?: number, atLeast = false) => {
    const ok = atLeast ? ours >= goal : ours <= goal
    const peer = [feabas, opencv].map(v => (v === undefined ? '' : v.toFixed(2)))
    return [what, ours.toFixed(2), `${atLeast ? 'at least' : 'at most'} ${goal}`, ok ? 'ok' : 'missed', ...peer]
  }
  const within = (name: string): [number, number] => [peers.stitched[name]!.feabas, peers.stitched[name]!.opencv]
  const rows = [
    row('array tomography A, residual of overlaps, px rms', residual(stitched.A), 0.47, ...within('A')),
    row('array tomography B, residual of overlaps, px rms', residual(stitched.B), 0.43, ...within('B')),
    row('array tomography A-B, left between, px rms', peers.between.ours, 1.04, undefined, peers.between.opencv),
    row('FAFB 2 x 2, residual of overlaps, px rms', residual(lens), 0.5, ...within('fafb')),
    row(
      'FAFB 2 x 2, least correlation of an overlap',
      Math.min(...overlaps(em, lens)),
      0.92,
      undefined,
      undefined,
      true,
    ),
    row('phantom, error, px median', median, 0.5),
    row('phantom, largest drift of a section, px', drift, 2),
    row('phantom, sections left out beside the missing', excluded.length - 4, 0),
    row('FIB-25, aligned already, moved by at most, px', moved(align(fib)), 0.1),
  ]
  console.log(table(['', 'Hillock', 'goal', '', 'FEABAS', 'OpenCV'], rows))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
