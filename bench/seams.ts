// `node bench/seams.ts`: overlaps of tiles and the flow between sections beside OpenCV and FEABAS, in one run on one core: CPU rates, and how far off.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StagesConfig } from '../domain/stages.ts'
import { matchSections } from '../kernels/sections/match-sections.ts'
import { sampleTile } from '../kernels/sections/sample-tile.ts'
import { seamMatches } from '../kernels/sections/seams.ts'
import type { SectionTile, TileImage } from '../kernels/sections/section-types.ts'
import { pythonWith } from '../test/conformance/venv.ts'
import { fafbTiles } from '../test/kernels/sections/real-sections.ts'
import { grain } from '../test/kernels/sections/texture.ts'
import { cpuRate, quantile, table } from './common/print.ts'

execFileSync('taskset', ['-acp', '0', String(process.pid)])
const { stitch, match } = StagesConfig.parse({})
type Warp = (x: number, y: number) => readonly [number, number]
type Match = readonly number[]

/** A window of a picture from column x0 on, bent, `scale` times smaller, with noise of its own. */
function view(t: TileImage, x0: number, width: number, height: number, scale: number, warp: Warp, seed: number) {
  const data = new Uint8Array(width * height)
  for (let y = 0, o = 0; y < height; y++)
    for (let x = 0; x < width; x++, o++) {
      const [dx, dy] = warp(x, y)
      let sum = 0
      for (let k = 0; k < scale * scale; k++) {
        const [u, v] = [x0 + scale * (x + dx) + (k % scale), scale * (y + dy) + Math.floor(k / scale)]
        sum += sampleTile(t.data, t.width, t.height, u, v)
      }
      data[o] = Math.max(1, Math.min(255, Math.round(sum / scale ** 2 + 12 * grain(x, y, seed))))
    }
  return { data, width, height }
}

const still: Warp = () => [0, 0]
/** A shift and what a lens bends; what tissue does from section to section. */
const lens =
  (k: number): Warp =>
  (x, y) => [3.3 * k - 5 + ((y - 540) / 540) ** 2, 4.7 - 3.2 * k + ((x - 160) * (y - 540)) / 80_000]
const tissue =
  (k: number): Warp =>
  (x, y) => [
    2 * k + 4 * Math.sin(x / 90 + k) * Math.cos(y / 120),
    3 - 2 * k + 4 * Math.cos(x / 110) * Math.sin(y / 80 - k),
  ]
const tiles = await fafbTiles()
const [side, step, high] = [800, 480, 1080]
const seams = tiles.map((t, k) => {
  const [a, b] = [view(t, 0, side, high, 1, still, k), view(t, step, side, high, 1, lens(k), k + 10)]
  return [
    { ...a, name: 'a', x: 0, y: 0 },
    { ...b, name: 'b', x: step, y: 0 },
  ] as const satisfies SectionTile[]
})
const sections = tiles.map((t, k) => {
  const [a, b] = [view(t, 0, 640, 540, 2, still, k), view(t, 0, 640, 540, 2, tissue(k), k + 10)]
  return [a, b].map(s => ({ ...s, x0: 0, y0: 0, scale: 2 }))
})

const error = (matches: readonly (readonly Match[])[], warp: (k: number) => Warp, x0 = 0): number =>
  quantile(
    matches.flatMap((pair, k) =>
      pair.map(([ax, ay, bx, by]) => {
        const [dx, dy] = warp(k)(bx!, by!)
        return Math.hypot(x0 + bx! + dx - ax!, by! + dy - ay!)
      }),
    ),
    0.5,
  )
const seamsOf = () => seams.map(pair => seamMatches(pair, [[0, 1]], stitch))
const flowsOf = () => sections.map(([a, b]) => matchSections(a!, b!, match))

const folder = mkdtempSync(join(tmpdir(), 'hillock-seams-'))
try {
  const write = (name: string, { data, width, height }: Omit<TileImage, 'name'>) => {
    writeFileSync(join(folder, name), data)
    return { file: name, width, height }
  }
  const strip = ({ data, width, height }: TileImage, x0: number) => {
    const rows = Array.from({ length: height }, (_, y) => data.subarray(y * width + x0, y * width + x0 + side - step))
    return { data: Buffer.concat(rows), width: side - step, height }
  }
  const job = {
    seams: seams.map(([a, b], k) => [write(`a${k}`, strip(a, step)), write(`b${k}`, strip(b, 0))]),
    sections: sections.map((pair, k) => pair.map((s, i) => write(`s${k}-${i}`, s))),
  }
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job))
  const python = pythonWith(join(import.meta.dirname, 'peers', 'requirements.txt'))
  const out = execFileSync(python, [join(import.meta.dirname, 'peers', 'seams.py'), join(folder, 'job.json')], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  })
  type Peer = { rate: number; matches: Match[][] }
  const peers = JSON.parse(out) as Record<'seams', Record<'opencv' | 'feabas', Peer>> &
    Record<'sections', Record<'dis', Peer>>
  const ours = seamsOf().map(pair => pair.map(m => [m.ax, m.ay, m.bx, m.by]))
  const flows = flowsOf().map(m =>
    m.dx.flatMap((dx, i) => {
      const [x, y] = [m.x0 + m.spacing * (i % m.nx), m.y0 + m.spacing * Math.floor(i / m.nx)]
      const [px, py, u, v] = [x, y, dx, m.dy[i]!].map((c, j) => (j < 2 ? (c - 0.5) / 2 : c / 2)) as [
        number,
        number,
        number,
        number,
      ]
      return Math.min(px, py, 640 - px, 540 - py) > 16 ? [[px, py, px + u, py + v]] : []
    }),
  )
  const rate = async (f: () => unknown) => 1e6 * (await cpuRate(tiles.length, f))
  const pixels = 640 * 540 * 1e-6
  const { opencv, feabas } = peers.seams
  const { dis } = peers.sections
  const [seam, flow] = [await rate(seamsOf), await rate(flowsOf)]
  const row = (what: string, count: number, r: number, off: number, to: number) => [
    what,
    (r * count).toFixed(1),
    off.toFixed(2),
    (r / to).toFixed(2),
  ]
  console.log(
    table(
      ['pairs/s; sections: Mpixel/s', 'CPU rate', 'off by, px, median', 'of OpenCV'],
      [
        row('overlaps of 320 x 1080, Hillock (goal 0.7)', 1, seam, error(ours, lens, step), opencv.rate),
        row('OpenCV, one shift', 1, opencv.rate, error(opencv.matches, lens), opencv.rate),
        row('FEABAS', 1, feabas.rate, error(feabas.matches, lens), opencv.rate),
        row('sections, Hillock (goal 1.0 at 0.2 px)', pixels, flow, error(flows, tissue), dis.rate),
        row('OpenCV, DIS', pixels, dis.rate, error(dis.matches, tissue), dis.rate),
      ],
    ),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
