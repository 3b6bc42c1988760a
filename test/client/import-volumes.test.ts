// The ways in for volumes of docs/import.md, one by one: what each command finds, and that a run could start from what it writes.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openSource } from '../../activities/sources/source.ts'
import { importVolume } from '../../client/commands/import.ts'
import { readRunFile } from '../../client/run-file.ts'
import { decodeTile } from '../../storage/formats/image.ts'
import { freshFolder } from '../storage/fixtures.ts'
import { greyIn, n5, precomputed, put, serve, zarr2 } from '../storage/foreign/fixtures.ts'

const made = { size: [24, 16, 8], chunk: [16, 16, 8] } as const
const half = { size: [12, 8, 8], chunk: [12, 8, 8] } as const

/** What the page speaks of, in a folder. */
async function volumes(): Promise<string> {
  const root = await freshFolder()
  for (const name of ['precomputed', 'private']) await precomputed(join(root, 'volumes', name), made)
  const at = join(root, 'volumes')
  const axes = ['z', 'y', 'x'].map(name => ({ name, type: 'space', unit: 'micrometer' }))
  const level = (path: string, ...scale: number[]): object => ({
    path,
    coordinateTransformations: [{ type: 'scale', scale }],
  })
  const image = {
    multiscales: [{ version: '0.4', axes, datasets: [level('0', 0.04, 0.004, 0.004), level('1', 0.04, 0.008, 0.008)] }],
  }
  for (const group of ['image.zarr/', 'container.zarr/0/']) {
    await put(at, `${group}.zgroup`, { zarr_format: 2 })
    await put(at, `${group}.zattrs`, image)
    await zarr2(at, `${group}0/`, made)
    await zarr2(at, `${group}1/`, half)
  }
  await put(at, 'container.zarr/.zgroup', { zarr_format: 2 })
  await put(at, 'container.zarr/.zattrs', { 'bioformats2raw.layout': 3 })
  const wide = (b: Uint8Array): Uint8Array => new Uint8Array(Uint16Array.from(b, v => 1000 + 16 * v).buffer)
  await zarr2(at, 'deep.zarr/', { ...made, coded: wide }, { dtype: '<u2' })
  const nm = { resolution: [4, 4, 40] }
  await put(at, 'image.n5/attributes.json', nm)
  await n5(at, 'image.n5/s0/', made)
  await put(at, 'paintera.n5/raw/data/attributes.json', nm)
  await n5(at, 'paintera.n5/raw/data/s0/', made)
  await put(at, 'bdv.n5/setup0/timepoint0/attributes.json', nm)
  await n5(at, 'bdv.n5/setup0/timepoint0/s0/', made)
  await n5(at, 'webknossos/color/1/', made)
  return root
}

const page = readFileSync('docs/import.md', 'utf8')
const section = page.slice(page.indexOf('\n## Volumes\n')).split('\n## ')[1]!
const commands = [...section.matchAll(/^\.\/hillock import (?:'([^']+)'|(\S+)) (.*)$/gm)].map(
  ([line, quoted, plain, options]) => ({ line, where: quoted ?? plain!, options: options! }),
)

/** Options as the command line has them. */
function optionsOf(text: string): Record<string, string | boolean> & { dataset: string } {
  const out: Record<string, string | boolean> & { dataset: string } = { dataset: '' }
  for (const [, name, value] of text.matchAll(/--(\S+)(?: ([^-\s]\S*))?/g))
    out[name!.replace(/-(.)/g, (_, c: string) => c.toUpperCase())] = value ?? true
  return out
}

test('the page has a command for each format', () => {
  expect(commands).toHaveLength(17)
})

test.each(commands)('$line', async ({ where, options }) => {
  const root = await volumes()
  const host = await serve(join(root, 'volumes'), (request, path) =>
    path.startsWith('/private/') && !request.url!.endsWith('?token=abc') ? { status: 401 } : undefined,
  )
  const o = optionsOf(options)
  const file = join(root, `${o.dataset}.yaml`)
  const said: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation(line => said.push(String(line)))
  onTestFinished(() => log.mockRestore())
  const address = where.includes('https://host') ? where.replace('https://host', host.url) : join(root, where)
  await importVolume(address, { ...o, out: file })
  expect(said.join('\n')).not.toMatch(/CANNOT|missing|damaged/)

  const run = readRunFile(file)
  const coarse = o['mip'] === '1'
  const max = coarse ? [12, 8, 8] : o['box'] ? [16, 16, 8] : made.size
  const expected = coarse ? [8, 8, 40] : /precomputed|private|deep/.test(where) ? [8, 8, 8] : [4, 4, 40]
  expect(run.voxelSizeNm).toEqual(expected)
  const source = openSource(run)!
  const { bounds } = await source.survey()
  expect(bounds.max).toEqual(max)
  const tile = { section: 3, name: 'slice', file: '', x: 0, y: 0, width: max[0]!, height: max[1]! }
  const { data } = await decodeTile(await source.bytes(tile), 'slice', run.stages.ingest)
  const slice = greyIn({ min: [0, 0, 3], max: [max[0]!, max[1]!, 4] })
  if (!where.includes('deep')) expect(Buffer.compare(data, slice)).toBe(0)
  else expect(run.stages.ingest.window).toEqual([1032, 4984])
  expect(await source.lacks!(tile)).toEqual([])
})

test('a token is kept only where that is asked for', async () => {
  const root = await freshFolder()
  mkdirSync(join(root, 'out'))
  await expect(importVolume('https://h/v?token=abc', { dataset: 'd', out: join(root, 'out/d.yaml') })).rejects.toThrow(
    /has a query \(\?to\.\.\.\).*--keep-query/,
  )
})

test('a volume is cut into several regions, and a large one into large ones', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  onTestFinished(() => log.mockRestore())
  for (const [size, region] of [
    [
      [256, 256, 64],
      [128, 128, 64],
    ],
    [
      [300, 64, 64],
      [256, 64, 64],
    ],
  ] as const) {
    const root = await freshFolder()
    await precomputed(join(root, 'volume'), { size, chunk: [64, 64, 64] })
    await importVolume(join(root, 'volume'), { dataset: 'd', out: join(root, 'd.yaml') })
    expect(readRunFile(join(root, 'd.yaml')).grid.region).toEqual(region)
  }
})
