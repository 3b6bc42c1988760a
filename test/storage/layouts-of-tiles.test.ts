// Lists of tiles as others write them: tables, Fiji, Render, TrakEM2, JSON; and folders of images; each to the same tiles, what is odd by name.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { TileEntry } from '../../domain/run-file/source.ts'
import { atOrigin, places } from '../../domain/run-file/layout.ts'
import { encodePng } from '../../storage/formats/image.ts'
import { parseLayout } from '../../storage/layouts/parse.ts'
import { readImages, readLayout } from '../../storage/layouts/read.ts'
import { dataFolder, hasData } from './fixtures.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-layouts-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The same two tiles whatever the form. */
const two = [
  { section: 3, name: 'a', file: 'a.tif', x: -80, y: 0 },
  { section: 3, name: 'b c', file: 'b c.tif', x: 20.5, y: 7 },
]

test.each<[string, string]>([
  ['CSV with a header', 'x,y,z,filename\n-80,0,3,a.tif\n20.5,7,3,"b c.tif"\n'],
  [
    'TSV with units and another order',
    'image\tsection\tnominal_x_px\tnominal_y_px\r\na.tif\t3\t-80\t0\r\nb c.tif\t3\t20.5\t7\r\n',
  ],
  ['semicolons and decimal commas', 'File;Stage X;Stage Y;Slice\na.tif;-80;0;3\nb c.tif;20,5;7;3\n'],
  ['no header, as TrakEM2 imports', 'a.tif -80 0 3\nb c.tif 20.5 7 3\n'],
  ['no header, tabs, a comment', '# stage\na.tif\t-80\t0\t3\nb c.tif\t20.5\t7\t3\n'],
  ['TileConfiguration.txt of Fiji', 'dim = 3\n# Define\na.tif; ; (-80.0, 0.0, 3.0)\nb c.tif; ; (20.5, 7.0, 3)\n'],
  ['JSON', JSON.stringify(two.map(t => ({ ...t, width: 9, height: 9 })))],
])('%s', (_, text) => {
  const { tiles } = parseLayout(text, 'layout')
  expect(tiles.map(({ section, name, file, x, y }) => ({ section, name, file, x, y }))).toEqual(two)
})

const spec = (tileId: string, x: number, more: object = {}): object => ({
  tileId,
  z: 2430,
  width: 100,
  height: 80,
  layout: { sectionId: '2430.0', stageX: 1e6, stageY: 1e6 },
  mipmapLevels: { 0: { imageUrl: `file:/data/${tileId}.png` } },
  transforms: {
    type: 'list',
    specList: [{ type: 'leaf', className: 'mpicbg.trakem2.transform.AffineModel2D', dataString: `1 0 0 1 ${x} -5` }],
  },
  ...more,
})

test('Render: an array, one a line, a collection; transforms one after the other', () => {
  const list = [spec('t1', 10), spec('t2', 90)]
  const collection = { tileIdToSpecMap: { t1: list[0], t2: list[1] }, transformIdToSpecMap: {} }
  for (const text of [JSON.stringify(list), list.map(t => JSON.stringify(t)).join('\n'), JSON.stringify(collection)])
    expect(parseLayout(text, 'l').tiles).toEqual([
      { section: 2430, name: 't1', file: 'file:/data/t1.png', x: 10, y: -5, width: 100, height: 80 },
      { section: 2430, name: 't2', file: 'file:/data/t2.png', x: 90, y: -5, width: 100, height: 80 },
    ])
  const chain = {
    transforms: {
      type: 'list',
      specList: [
        { type: 'leaf', className: 'mpicbg.trakem2.transform.nonLinear.LensCorrection', dataString: 'a b' },
        { type: 'leaf', className: 'mpicbg.trakem2.transform.SimilarityModel2D', dataString: '1.02 0 0 0' },
        { type: 'leaf', className: 'mpicbg.trakem2.transform.TranslationModel2D', dataString: '30 40' },
      ],
    },
  }
  const { tiles, notes } = parseLayout(JSON.stringify([spec('t', 0, chain)]), 'l')
  // The centre (50, 40) goes to (51 + 30, 40.8 + 40).
  expect([tiles[0]!.x, tiles[0]!.y].map(v => +v.toFixed(9))).toEqual([31, 40.8])
  expect(notes.join()).toMatch(/LensCorrection.*1 tiles.*2\.0 %/)
  const bare = JSON.stringify([spec('t', 0, { transforms: undefined, layout: { stageX: 7, stageY: 8 } })])
  expect(parseLayout(bare, 'l').tiles[0]).toMatchObject({ x: 7, y: 8 })
  const leaf = { transforms: { className: 'x.TranslationModel2D', dataString: '3 4' } }
  expect(parseLayout(JSON.stringify([spec('t', 0, leaf)]), 'l').tiles[0]).toMatchObject({ x: 3, y: 4 })
  const turned = { transforms: { specList: [{ className: 'x.RigidModel2D', dataString: '1.57 0 0' }] } }
  expect(() => parseLayout(JSON.stringify([spec('odd', 0, turned)]), 'l')).toThrow(/tile odd: .*turns/)
})

test('TrakEM2: patches of layers, entities, sizes; layers by thickness', () => {
  const patch = (title: string, x: number, y: number): string =>
    `<t2_patch oid="7" width="100.0" height="80.0" transform="matrix(1.0,0.0,0.0,1.0,${x},${y})" title="${title}" file_path="img/${title}" visible="true" ></t2_patch>`
  const xml = `<?xml version="1.0"?><!DOCTYPE trakem2 [<!ELEMENT t2_patch (ict_transform)><!ATTLIST t2_patch oid NMTOKEN #REQUIRED >]>
    <trakem2><t2_layer_set oid="1"><t2_layer oid="2" thickness="12.5" z="25.0">${patch('r&amp;1.tif', -4, 2.5)}</t2_layer>
    <t2_layer oid="3" thickness="12.5" z="50.0" title="">${patch('2.tif', 8, 9)}</t2_layer></t2_layer_set></trakem2>`
  expect(parseLayout(xml, 'p.xml').tiles).toEqual([
    { section: 2, name: 'r&1', file: 'img/r&1.tif', x: -4, y: 2.5, width: 100, height: 80 },
    { section: 4, name: '2', file: 'img/2.tif', x: 8, y: 9, width: 100, height: 80 },
  ])
  const single = `<trakem2><t2_layer z='0' thickness='1'><t2_patch title='a > "b"' file_path='c.tif' o_width='9' o_height='8' transform='matrix(1,0,0,1,5,6)'/></t2_layer></trakem2>`
  expect(parseLayout(single, 'p.xml').tiles[0]).toMatchObject({ name: 'a > "b"', file: 'c.tif', x: 5, y: 6 })
  expect(() => parseLayout('<html></html>', 'p.xml')).toThrow('not of TrakEM2')
})

test.each<[string, string, RegExp]>([
  ['empty', '', /is empty/],
  ['a header alone', 'file,x,y\n', /lists no tile/],
  ['a word for a number', 'file,x,y,z\na.tif,1,two,3\n', /line 2: y is "two"/],
  ['positions in microns', 'file\tx_um\ty_um\na.tif\t1\t2\n', /column x_um: positions are in um/],
  ['depths in microns', 'file,z_um,x,y\na.tif,0.05,1,2\n', /column z_um: depths are in um/],
  ['no file', 'x,y,z\n1,2,3\n', /no column for the file/],
  ['a section left out', 'file,x,y,z\na.tif,1,2,\n', /line 2: the section is left out/],
  ['JSON cut short', '[{"section": 0,', /is not JSON/],
  ['JSON of something else', '{"a": 1}', /neither a list of tiles nor tile specs/],
  ['a key of the wrong type', '[{"section":0,"name":"a","file":"f","x":0,"y":0,"width":"wide"}]', /0\.width/],
])('refused by name: %s', (_, text, why) => {
  expect(() => parseLayout(text, 'layout')).toThrow(why)
})

test('labels of sections are counted in their natural order', () => {
  const { tiles, notes } = parseLayout('file,section,x,y\na,S10,0,0\nb,S9,0,0\n', 'l')
  expect(tiles.map(t => t.section)).toEqual([1, 0])
  expect(notes).toEqual(['sections S9, S10 are counted 0 to 1 in this order'])
})

const image = async (path: string, side = 8): Promise<void> =>
  writeFileSync(join(folder, path), await encodePng(new Uint8Array(side * side).fill(9), side, side))

test('sizes come from the images, names from the folders that tell them apart, files from where the layout was moved to', async () => {
  for (const d of ['p', 'q']) {
    mkdirSync(join(folder, d), { recursive: true })
    await image(`${d}/t.png`, d === 'p' ? 8 : 12)
  }
  const file = join(folder, 'l.csv')
  writeFileSync(file, 'file,x,y,z\np/t.png,0,0,0\nq/t.png,9,0,0\nq/gone.png,18,0,0\n')
  const { tiles } = await readLayout(file)
  expect(tiles.map(t => [t.name, t.width, t.file])).toEqual([
    ['p/t', 8, join(folder, 'p/t.png')],
    ['q/t', 12, join(folder, 'q/t.png')],
    ['gone', 8, join(folder, 'q/gone.png')],
  ])
  writeFileSync(file, 'file,x,y,z\n/mnt/scope/run7/p/t.png,0,0,0\n/mnt/scope/run7/q/t.png,9,0,0\n')
  const moved = await readLayout(file)
  expect(moved.tiles.map(t => t.file)).toEqual([join(folder, 'p/t.png'), join(folder, 'q/t.png')])
  expect(moved.notes.join()).toContain('/mnt/scope/run7/ is not here')
  writeFileSync(file, 'file,x,y,z\nnone.png,0,0,0\n')
  await expect(readLayout(file)).rejects.toThrow(/none of its 1 images can be read: .*none\.png is missing/)
})

test('images of a folder or pattern: natural order, numbers kept, gaps and steps said', async () => {
  const at = join(folder, 'stack')
  const stack = async (...names: string[]) => {
    rmSync(at, { recursive: true, force: true })
    mkdirSync(at)
    for (const n of [...names, '.hidden.png', 'notes.txt']) await image(`stack/${n}`)
    const { tiles, notes } = await readImages(at)
    return [tiles.map(t => [t.section, t.name]), notes.join()]
  }
  expect(await stack('s10.png', 's9.png', 's8.png')).toEqual([
    [
      [8, 's8'],
      [9, 's9'],
      [10, 's10'],
    ],
    '',
  ])
  const gap = await stack('s1.png', 's2.png', 's3.png', 's4.png', 's6.png')
  expect(gap[0]!.at(-1)).toEqual([6, 's6'])
  expect(gap[1]).toContain('image 5 of the numbering missing')
  expect(await stack('z000.png', 'z050.png', 'z100.png')).toEqual([
    [
      [0, 'z000'],
      [1, 'z050'],
      [2, 'z100'],
    ],
    'the numbers go in steps of 50: they are counted 0 to 2',
  ])
  expect((await stack('b.png', 'a2_3.png', 'a1_4.png'))[0]).toEqual([
    [0, 'a1_4'],
    [1, 'a2_3'],
    [2, 'b'],
  ])
  expect((await readImages(join(at, 'a*.png'))).tiles).toHaveLength(2)
  await expect(readImages(join(at, '*.tif'))).rejects.toThrow('there is no PNG')
  await image('stack/c.png', 9)
  await expect(readImages(at)).rejects.toThrow(/c\.png has 9 x 9 pixels, .*a1_4\.png has 8 x 8/)
})

const tile = (section: number, x: number, y: number, name = `${section} ${x} ${y}`): TileEntry => ({
  section,
  name,
  file: 'f',
  x,
  y,
  width: 100,
  height: 50,
})

test('lists begin at the origin where they begin below it or a tile away from it', () => {
  const at = (...tiles: TileEntry[]) => {
    const { offset, bounds, tiles: moved } = atOrigin(tiles)
    return [offset, bounds.max, moved.map(t => [t.x, t.y, t.section])]
  }
  expect(at(tile(0, 3.5, 0), tile(1, 90, 20))).toEqual([
    [0, 0, 0],
    [190, 70, 2],
    [
      [3.5, 0, 0],
      [90, 20, 1],
    ],
  ])
  expect(at(tile(2430, -80.5, 1e6), tile(2431, 0, 1e6))).toEqual([
    [-81, 1e6, 2430],
    [181, 50, 2],
    [
      [0.5, 0, 0],
      [81, 0, 1],
    ],
  ])
  expect(at(tile(-1, 0, 0), tile(0, 0, 0))[0]).toEqual([0, 0, -1])
})

test('tiles that cannot belong together are named', () => {
  expect(() => atOrigin([tile(1, 0, 0), tile(1_000_000, 0, 0)])).toThrow('sections 1 and 1000000 lie far apart')
  expect(() => atOrigin([tile(0, 0, 0, 't'), tile(0, 90, 0, 't')])).toThrow(
    'section 0 lists two tiles t, at 0, 0 and at 90, 0',
  )
  expect(() => atOrigin([tile(0, 0, 0), tile(0, 1e7, 0, 'lost')])).toThrow(/lost \(section 0, x 10000000\).*misplaced/)
})

test('images of one place: the same name, or nearly the same position', () => {
  const [a, again, near, other] = [tile(0, 0, 0, 'a'), tile(0, 40, 0, 'a'), tile(0, 3, -2, 'b'), tile(0, 80, 0, 'c')]
  expect(places([a, other, again, near])).toEqual([[a, again, near], [other]])
})

test.skipIf(!hasData)('the layout of real tiles', async () => {
  const { tiles, notes } = await readLayout(join(dataFolder, 'array-tomography-tiles/layout.tsv'))
  expect(tiles).toHaveLength(16)
  expect(tiles[0]).toMatchObject({ section: 0, name: 'A00', x: 1142, y: 0, width: 1376, height: 1040 })
  expect(notes).toEqual(['sections A, B are counted 0 to 1 in this order'])
})
