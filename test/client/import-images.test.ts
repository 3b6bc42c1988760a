// The ways in of docs/import.md, one by one: what each command finds, and that a run could start from what it writes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openSource } from '../../activities/sources/source.ts'
import { importVolume } from '../../client/commands/import.ts'
import { imagesAt } from '../../client/import/images.ts'
import { readRunFile } from '../../client/run-file.ts'
import { decodeTile, encodePng } from '../../storage/formats/image.ts'
import { writeNpy } from '../../storage/formats/npy.ts'
import { madeTiff } from '../storage/formats/tiff-maker.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-import-'))
afterAll(() => rmSync(folder, { recursive: true }))

const [side, count] = [32, 3]
const pixels = (z: number): Uint8Array => Uint8Array.from({ length: side * side }, (_, i) => (i * 7 + z * 31) & 255)
const tiles = [0, 1].map(i => ({ name: `t${i}`, file: `t${i}.png`, x: i * 20 - 5, y: 3, section: 4 }))

beforeAll(async () => {
  for (const d of ['scope', 'slices', 'deep']) mkdirSync(join(folder, d))
  const put = (path: string, bytes: string | Uint8Array): void => writeFileSync(join(folder, path), bytes)
  for (const [i, t] of tiles.entries()) put(`scope/${t.file}`, await encodePng(pixels(i), side, side))
  for (let z = 0; z < count; z++) {
    put(`slices/s${z + 9}.png`, await encodePng(pixels(z), side, side))
    put(
      `deep/${z}.png`,
      await encodePng(
        Uint16Array.from(pixels(z), v => 1000 + 16 * v),
        side,
        side,
      ),
    )
  }
  const table = (cells: (t: (typeof tiles)[number]) => (string | number)[], sign: string): string =>
    tiles.map(t => `${cells(t).join(sign)}\n`).join('')
  put(
    'scope/layout.tsv',
    `file\tsection\tnominal_x_px\tnominal_y_px\n${table(t => [t.file, t.section, t.x, t.y], '\t')}`,
  )
  put('scope/TileConfiguration.txt', `dim = 3\n${table(t => [t.file, ` ; (${t.x}, ${t.y}, ${t.section})`], ';')}`)
  put('scope/layout.json', JSON.stringify(tiles.map(t => ({ ...t, width: side, height: side }))))
  const specs = tiles.map(t => ({
    tileId: t.name,
    z: t.section,
    width: side,
    height: side,
    mipmapLevels: { 0: { imageUrl: `file:/scope/of/others/${t.file}` } },
    transforms: {
      specList: [{ className: 'mpicbg.trakem2.transform.AffineModel2D', dataString: `1 0 0 1 ${t.x} ${t.y}` }],
    },
  }))
  put('scope/tilespecs.json', specs.map(s => JSON.stringify(s)).join('\n'))
  const patch = ({ file, x, y }: (typeof tiles)[number]): string =>
    `<t2_patch title="${file}" file_path="${file}" width="${side}" height="${side}" transform="matrix(1,0,0,1,${x},${y})" />`
  put('scope/project.xml', `<trakem2><t2_layer z="40" thickness="10">${tiles.map(patch).join('')}</t2_layer></trakem2>`)
  const slices = [0, 1, 2].map(pixels)
  put('stack.tif', madeTiff(slices.map(p => ({ width: side, height: side, pixels: p }))))
  put('stack.npy.gz', gzipSync(writeNpy(Uint8Array.from(slices.flatMap(s => [...s])), [count, side, side])))
})

const page = readFileSync('docs/import.md', 'utf8')
const half = page.slice(page.indexOf('\n## Tiles and stacks'))
const commands = [
  ...half.split('\n## ')[1]!.matchAll(/^\.\/hillock import '?([^\s']+)'? --dataset (\S+) --voxel-size (\S+)$/gm),
]

async function imported(where: string, dataset: string, voxelSize = '8,8,8'): Promise<{ file: string; said: string }> {
  const said: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation(line => said.push(String(line)))
  const file = join(folder, `${dataset}.yaml`)
  await importVolume(join(folder, where), { dataset, voxelSize, out: file }).finally(() => log.mockRestore())
  return { file, said: said.join('\n') }
}

test('the page names every way in', () => {
  expect(commands.map(c => c[2])).toEqual([
    'scope',
    'fiji',
    'render',
    'trakem2',
    'json',
    'folder',
    'pattern',
    'pages',
    'numpy',
    'deep',
  ])
})

test.each(commands.map(c => [c[0], c[1]!, c[2]!, c[3]!]))('%s', async (_, where, dataset, voxelSize) => {
  const { file, said } = await imported(where, dataset, voxelSize)
  const { bounds, offset } = await openSource(readRunFile(file))!.survey()
  const of = where.startsWith('scope')
    ? [
        [side + 20, side + 3, 1],
        [-5, 0, 4],
      ]
    : [
        [side, side, count],
        [0, 0, where.startsWith('slices') ? 9 : 0],
      ]
  expect([bounds.max, offset]).toEqual(of)
  expect(said).toContain(`${bounds.max.join(' x ')} voxels`)
  if (where === 'deep') expect(readRunFile(file).stages.ingest.window).toEqual([1016, 5064])
})

test('what is no layout and no stack, by name', async () => {
  for (const [where, why] of [
    ['scope', /has 5 layouts: name one/],
    ['scope/t0.png', /is one image/],
    ['stack.npy.gz/x', /./],
  ] as const)
    await expect(imported(where, 'odd')).rejects.toThrow(why)
  writeFileSync(join(folder, 'flat.npy'), writeNpy(new Uint16Array(8), [2, 2, 2]))
  await expect(imported('flat.npy', 'odd')).rejects.toThrow('flat.npy shows nothing where it was looked at')
  mkdirSync(join(folder, 'camera'))
  for (const file of ['camera/s1.dm3', 'em.mrc', 'em.hdf5']) writeFileSync(join(folder, file), 'x')
  await expect(imported('camera', 'odd')).rejects.toThrow(/camera holds s1.dm3, and files of that kind are not read/)
  for (const file of ['em.mrc', 'em.hdf5'])
    await expect(imported(file, 'odd')).rejects.toThrow(`${file}: files of that kind are not read`)
  mkdirSync(join(folder, 'grid'))
  for (const n of ['col60_row140', 'col61_row140'])
    writeFileSync(join(folder, 'grid', `${n}.png`), await encodePng(pixels(0), side, side))
  await expect(imported('grid', 'odd')).rejects.toThrow(/rows and columns of tiles, not sections/)
  await expect(importVolume(join(folder, 'slices'), { dataset: 'x' })).rejects.toThrow('give --voxel-size')
})

test('pages that are no sections: a thumbnail is left out, and what a run would refuse is refused', async () => {
  const page = (edge: number) => ({ width: edge, height: edge, pixels: pixels(0).subarray(0, edge * edge) })
  const put = (file: string, edges: readonly number[]): void =>
    writeFileSync(join(folder, file), madeTiff(edges.map(page)))
  put('thumbnail.tif', [8, side, side])
  const { file, said } = await imported('thumbnail.tif', 'thumbnail')
  expect(said).toContain('a smaller page is taken for a thumbnail')
  const source = openSource(readRunFile(file))!
  const { bounds, tiles: sections } = await source.survey()
  expect(bounds.max).toEqual([side, side, 2])
  expect((await decodeTile(await source.bytes(sections![0]!), 'page')).width).toBe(side)
  put('uneven.tif', [side, side - 1])
  await expect(imported('uneven.tif', 'odd')).rejects.toThrow(/pages of different sizes: page 1 of 31 x 31/)
})

test('a layout with sections left out says so; a folder may be named as file://', async () => {
  mkdirSync(join(folder, 'gaps'))
  for (const z of [4, 7]) writeFileSync(join(folder, 'gaps', `z${z}.png`), await encodePng(pixels(z), side, side))
  const { said } = await imported('gaps', 'gaps')
  expect(said).toContain('counted 0 to 1')
  const layout = 'file,section,x,y\nz4.png,4,0,0\nz7.png,7,0,0\n'
  writeFileSync(join(folder, 'gaps', 'layout.csv'), layout)
  expect((await imported('gaps', 'gaps2')).said).toContain('no tile of sections 5, 6: gaps of the dataset')
  expect(await imagesAt(pathToFileURL(join(folder, 'slices')).href)).toEqual({ stack: join(folder, 'slices') })
})
