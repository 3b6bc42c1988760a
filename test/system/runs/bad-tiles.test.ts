// Bad tiles: each kind is set aside by name with its reason, the run goes on, and the counts are exact.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import { encodePng } from '../../../storage/formats/image.ts'
import type { RunReport } from '../../../client/commands/run.ts'
import type { TileEntry } from '../../../domain/run-file/source.ts'
import { openVolume } from '../../../storage/foreign/volume.ts'
import { greyIn, precomputed } from '../../storage/foreign/fixtures.ts'
import { Hillock } from '../harness.ts'

const hillock = new Hillock()
const folder = mkdtempSync(join(tmpdir(), 'hillock-tiles-'))
afterAll(async () => {
  await hillock.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const [W, H, OVERLAP] = [160, 160, 40]
const COLUMNS = 4
const SECTIONS = 3

/** A texture that is the same in every section: blobs of a fixed pattern. */
function texture(x: number, y: number): number {
  let v = 128
  for (const [a, b, c] of [
    [0.21, 0.13, 1],
    [0.07, 0.29, 2],
    [0.17, -0.11, 4],
    [0.31, 0.23, 6],
  ] as const)
    v += 20 * Math.sin(a * x + b * y + c)
  const h = Math.imul((x * 7919) ^ (y * 104729), 0x9e3779b1) >>> 24
  return Math.max(1, Math.min(254, Math.round(v + (h - 128) / 10)))
}

async function tile(section: number, column: number, width = W): Promise<string> {
  const data = new Uint8Array(width * H)
  for (let y = 0; y < H; y++)
    for (let x = 0; x < width; x++) data[y * width + x] = texture(x + column * (W - OVERLAP), y) + (section % 2)
  const file = join(folder, `z${section}c${column}.png`)
  writeFileSync(file, await encodePng(data, width, H))
  return file
}

test('corrupt, truncated, wrong shape, wrong depth, missing, the same bytes, blank, saturated; twice is no fault', async () => {
  mkdirSync(folder, { recursive: true })
  const layout: object[] = []
  const add = (section: number, name: string, file: string, column: number): void => {
    layout.push({ section, name, file, x: column * (W - OVERLAP), y: 0, width: W, height: H })
  }
  for (let z = 0; z < SECTIONS; z++) for (let c = 0; c < COLUMNS; c++) add(z, `c${c}`, await tile(z, c), c)
  // Section 1 has extra tiles beside the good ones, each with one fault.
  const spoiled = async (name: string, spoil: (file: string) => void | Promise<void>): Promise<void> => {
    const file = join(folder, `${name}.png`)
    copyFileSync(join(folder, 'z1c1.png'), file)
    await spoil(file)
    // Beside each other: at one place they would stand in for each other.
    add(1, name, file, COLUMNS + layout.length)
  }
  await spoiled('corrupt', file => {
    const bytes = readFileSync(file)
    bytes[Math.floor(bytes.length / 2)]! ^= 0xff
    writeFileSync(file, bytes)
  })
  await spoiled('truncated', file => truncateSync(file, 4000))
  await spoiled('shape', async file => writeFileSync(file, readFileSync(await tile(9, 1, W - 8))))
  await spoiled('depth', async file => {
    const deep = Buffer.alloc(W * H * 2, 7)
    await sharp(deep, { raw: { width: W, height: H, channels: 1, depth: 'ushort' } as never })
      .toColourspace('grey16')
      .png()
      .toFile(file)
  })
  await spoiled('missing', file => rmSync(file))
  await spoiled('same-bytes', () => {})
  await spoiled('blank', async file => writeFileSync(file, await encodePng(new Uint8Array(W * H).fill(90), W, H)))
  await spoiled('saturated', async file =>
    writeFileSync(
      file,
      await encodePng(
        new Uint8Array(W * H).map((_, i) => (i % 3 ? 255 : 0)),
        W,
        H,
      ),
    ),
  )
  await spoiled('notes', file => writeFileSync(file, 'this is no image'))
  add(2, 'c2', join(folder, 'z2c2.png'), 2)
  writeFileSync(join(folder, 'layout.json'), JSON.stringify(layout))
  const file = join(folder, 'run.yaml')
  writeFileSync(file, 'dataset: bad-tiles\nvoxelSizeNm: [8, 8, 8]\nsource: { layout: layout.json }\nthrough: render\n')

  const refused = await hillock.cli('run', file)
  expect(refused.code).toBe(1)
  expect(refused.stdout + refused.stderr).toContain('release.gate.tileHoles')
  const lenient = 'release.gate.tileHoles=0.5'
  const report = await hillock.run(file, lenient)
  const reason = Object.fromEntries(report.holes.filter(h => h.stage === 'ingest').map(h => [h.what, h.reason]))
  expect(reason).toEqual({
    'section 1 tile corrupt': expect.stringContaining('corrupt'),
    'section 1 tile truncated': expect.stringMatching(/truncated|corrupt/),
    'section 1 tile shape': expect.stringContaining('wrong shape'),
    'section 1 tile depth': expect.stringContaining('bit'),
    'section 1 tile missing': expect.stringContaining('missing'),
    'section 1 tile same-bytes': expect.stringContaining('duplicate'),
    'section 1 tile blank': expect.stringContaining('blank'),
    'section 1 tile saturated': expect.stringContaining('saturated'),
    'section 1 tile notes': expect.stringContaining('is not a PNG, TIFF or JPEG image'),
  })
  const ingest = report.stages.find(s => s.stage === 'ingest')!
  // The run whose release was refused has made them.
  expect([ingest.made, ingest.found, ingest.quarantined]).toEqual([0, SECTIONS, 9])
  const again = await hillock.run(file, lenient)
  expect(again.holes).toEqual(report.holes)
  expect(again.stages.find(s => s.stage === 'ingest')).toMatchObject({ made: 0, found: SECTIONS, quarantined: 9 })
  expect(again.release).toBe(report.release)
}, 200_000)

test('of an aligned volume what is missing or damaged is a hole by its box, and black is black', async () => {
  const size = [48, 32, 32] as const
  const [volume, out] = [join(folder, 'volume'), join(folder, 'volume-out')]
  const coded = (b: Uint8Array, at: readonly number[]): Uint8Array | null =>
    at.join() === '2,0,0' ? null : at.join() === '2,1,1' ? b.subarray(0, 99) : at[0] === 0 ? b.fill(0) : b
  await precomputed(volume, { size, chunk: [16, 16, 16], coded })
  const file = join(folder, 'volume.yaml')
  const aligned = 'stages: { align: { method: none }, render: { normalise: none } }'
  writeFileSync(
    file,
    `dataset: holes\nvoxelSizeNm: [8, 8, 8]\nsource: { volume: { url: ${volume} } }\nthrough: render\nrelease: { gate: { chunkHoles: 0.2 } }\n${aligned}\n`,
  )
  const report = await hillock.run(file)
  expect(report.holes).toEqual([
    { stage: 'ingest', what: 'box 32-48_0-16_0-16', reason: 'missing: s/32-48_0-16_0-16' },
    {
      stage: 'ingest',
      what: 'box 32-48_16-32_16-32',
      reason: expect.stringMatching(/^damaged: .*99 bytes.*: s\/32-48_16-32_16-32$/),
    },
  ])
  expect((await hillock.cli('export', `holes/${report.release}`, out)).code).toBe(0)
  const em = await openVolume(join(out, 'em'))
  const bounds = em.mips[0]!.bounds
  const expected = greyIn(bounds)
  for (let i = 0; i < expected.length; i++) {
    const [x, y, z] = [i % 48, Math.floor(i / 48) % 32, Math.floor(i / 48 / 32)]
    const hole = x >= 32 && ((y < 16 && z < 16) || (y >= 16 && z >= 16))
    if (x < 16 || hole) expected[i] = 0
  }
  expect(Buffer.compare((await em.read(0, bounds)) as Uint8Array, expected)).toBe(0)
}, 200_000)

test('a layout that is wrong is refused by its path before anything starts', async () => {
  const layout = join(folder, 'wrong.json')
  writeFileSync(
    layout,
    JSON.stringify([{ section: 0, name: 'a', file: 'a.png', x: 0, y: 0, width: 'wide', height: 10 }]),
  )
  const file = join(folder, 'wrong.yaml')
  writeFileSync(file, 'dataset: wrong\nvoxelSizeNm: [8, 8, 8]\nsource: { layout: wrong.json }\nthrough: render\n')
  const { code, stderr } = await hillock.cli('run', file)
  expect(code).toBe(1)
  expect(stderr).toContain('0.width')
})

test('deep, inverted and off the origin, imaged twice: the same voxels as plain tiles, and where they came from', async () => {
  const run = async (name: string, tiles: object[], stages: string): Promise<RunReport> => {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(tiles))
    const file = join(folder, `${name}.yaml`)
    writeFileSync(
      file,
      `dataset: ${name}\nvoxelSizeNm: [8, 8, 8]\nsource: { layout: ${name}.json }\nthrough: render\n` +
        `stages: { align: { method: none }, render: { normalise: none }, ${stages} }\n`,
    )
    return hillock.run(file)
  }
  const [size, sections] = [96, 2]
  const entries = async (data: (z: number) => Uint8Array | Uint16Array, kind: string): Promise<TileEntry[]> => {
    const made: TileEntry[] = []
    for (let z = 0; z < sections; z++) {
      const file = join(folder, `${kind}${z}.png`)
      writeFileSync(file, await encodePng(data(z), size, size))
      made.push({ section: z, name: 'Tile (1) µ', file, x: 0, y: 0, width: size, height: size })
    }
    return made
  }
  const grey = (z: number): Uint8Array =>
    Uint8Array.from({ length: size * size }, (_, i) => texture((i % size) + z, Math.floor(i / size)))
  const plain = await entries(grey, 'plain')
  const deep = await entries(z => Uint16Array.from(grey(z), v => 1000 + 10 * (255 - v)), 'deep')
  const bad = join(folder, 'half.png')
  writeFileSync(bad, readFileSync(deep[0]!.file).subarray(0, 900))
  const far = deep.map(t => ({ ...t, section: 2430 + t.section, x: -81, y: 5000 }))
  const a = await run('plain', plain, '')
  const b = await run(
    'far',
    [{ ...far[1]!, file: deep[0]!.file }, ...far, { ...far[0]!, file: bad }],
    'ingest: { window: [1000, 3550], invert: true }',
  )
  expect([a.holes, b.holes]).toEqual([[], []])
  expect(b.layerDigests['em']).toBe(a.layerDigests['em'])
  const release = await hillock.cli('release', 'show', `far/${b.release}`, '--json')
  expect((JSON.parse(release.stdout) as { offset: number[] }).offset).toEqual([-81, 5000, 2430])
  const shown = await hillock.cli('plan', join(folder, 'far.yaml'))
  expect(shown.stdout).toContain('voxel 0, 0, 0 lies at -81, 5000, 2430 of the source')
  expect(shown.stdout).toContain('1000 becomes black, 3550 white')
  const mark = (section: number) =>
    hillock.cli('invalidate', '--dataset', 'far', '--section', String(section), '--reason', 'knife mark')
  expect((await mark(1)).stderr).toContain('there is no section 1; they go from 2430 to 2431')
  expect((await mark(2431)).stdout).toContain('section 2431 of far')
  const refused = await hillock.cli('plan', join(folder, 'far.yaml'), '--set', 'stages.ingest.window=null')
  expect(refused.code).toBe(1)
}, 200_000)
