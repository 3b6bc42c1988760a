// Tiles are looked at before a run starts: what would come to nothing is refused, a bad tile among many is not.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Deps } from '../../activities/context.ts'
import { checkTiles } from '../../activities/sources/check.ts'
import { openSource } from '../../activities/sources/source.ts'
import { parseRunConfig } from '../../domain/config.ts'
import type { TileEntry } from '../../domain/run-file/source.ts'
import { tileQuality } from '../../kernels/sections/tile-quality.ts'
import { encodePng } from '../../storage/formats/image.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-check-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const deps = {
  compute: async (kernel: unknown, args: [Uint8Array, number, number]) => {
    expect(kernel).toBe(tileQuality)
    return tileQuality(...args)
  },
} as unknown as Deps
const [W, H] = [32, 16]
const good = await encodePng(
  Uint8Array.from({ length: W * H }, (_, i) => 40 + ((i * 37) % 150)),
  W,
  H,
)
let n = 0

/** So many tiles; `spoil` writes those that it likes itself. */
async function check(count: number, spoil: (i: number, file: string) => unknown, gate: object = {}): Promise<unknown> {
  const at = join(folder, `s${n++}-`)
  const tiles = await Promise.all(
    Array.from({ length: count }, async (_, section): Promise<TileEntry> => {
      const file = `${at}${section}.png`
      if ((await spoil(section, file)) === undefined) writeFileSync(file, good)
      return { section, name: 't', file, x: 0, y: 0, width: W, height: H }
    }),
  )
  const config = parseRunConfig(
    { dataset: 'd', voxelSizeNm: [8, 8, 8], source: { tiles }, release: { gate } },
    'run.yaml',
  )
  return checkTiles(deps, config, openSource(config)!, tiles).then(
    () => 'taken',
    (e: { type: string; message: string }) => {
      expect(e.type).toBe('SourceError')
      return e.message
    },
  )
}
const gone = (wanted: (i: number) => boolean) => (i: number) => (wanted(i) ? 'gone' : undefined)
const text = (wanted: (i: number) => boolean) => (i: number, file: string) =>
  wanted(i) ? (writeFileSync(file, 'no image'), 'text') : undefined

test('tiles that are all away, or more than a release may lack', async () => {
  expect(
    await check(
      8,
      gone(() => true),
    ),
  ).toMatch(/8 of 8 tiles cannot be used.*section 0 tile t: .*is missing/)
  expect(
    await check(
      100,
      gone(i => i < 6),
    ),
  ).toMatch(/6 of 100 tiles .*tileHoles \(0\.05\)/)
  expect(
    await check(
      100,
      gone(i => i < 5),
    ),
  ).toBe('taken')
  expect(
    await check(
      100,
      gone(i => i < 40),
      { tileHoles: 0.4 },
    ),
  ).toBe('taken')
  expect(
    await check(
      3,
      gone(i => i === 1),
    ),
  ).toBe('taken')
})

test('pipes are not waited for', async () => {
  const pipe = (_: number, file: string) => execFileSync('mkfifo', [file])
  expect(await check(4, pipe)).toContain('named pipe')
})

test('what is there but of no use', async () => {
  expect(
    await check(
      40,
      text(() => true),
    ),
  ).toMatch(/8 of 8 tiles looked at cannot be used.*not a PNG/)
  expect(
    await check(
      40,
      text(i => i % 10 === 3),
    ),
  ).toBe('taken')
  expect(
    await check(
      6,
      text(i => i < 2),
    ),
  ).toMatch(/2 of 6 tiles cannot be used/)
  const small = await encodePng(
    new Uint8Array(64).map((_, i) => i),
    8,
    8,
  )
  expect(await check(5, (_, file) => (writeFileSync(file, small), 'small'))).toContain('wrong shape: 8 x 8')
  const blank = await encodePng(new Uint8Array(W * H).fill(90), W, H)
  expect(await check(5, (_, file) => (writeFileSync(file, blank), 'blank'))).toContain('blank')
})
