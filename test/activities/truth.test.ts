// Truth of any integer type, wherever it lies in the dataset; what is no truth is refused by name.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { scoredBox, truthFile } from '../../activities/quality/truth.ts'
import type { Box, Vec3 } from '../../domain/geometry.ts'
import { contingency } from '../../kernels/metrics.ts'
import { sha256 } from '../../domain/recipe.ts'
import { encodePng } from '../../storage/formats/image.ts'
import { writeNpy, type NpyArray } from '../../storage/formats/npy.ts'
import { madeTiff } from '../storage/formats/tiff-maker.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-truth-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let n = 0
/** Axes z, y, x. */
function file(data: NpyArray, shape: number[] = [2, 2, data.length / 4]): string {
  const path = join(folder, `${n++}.npy`)
  writeFileSync(path, writeNpy(data, shape))
  return path
}
const box = (min: Vec3, max: Vec3): Box => ({ min, max })
const labels = async (data: NpyArray): Promise<bigint[]> =>
  Array.from((await truthFile(file(data))).labels(box([0, 0, 0], [2, 2, 2])) as ArrayLike<number | bigint>, BigInt)
const same = [7n, 7n, 9n, 0n, 7n, 9n, 9n, 9n]

test.each<[string, NpyArray]>([
  ['uint8', Uint8Array.from(same, Number)],
  ['int8', Int8Array.from(same, v => Number(v) || -1)],
  ['uint16', Uint16Array.from(same, Number)],
  ['int16', Int16Array.from(same, v => Number(v) || -3)],
  ['uint32', Uint32Array.from(same, Number)],
  ['int32', Int32Array.from(same, v => Number(v) || -1)],
  ['int64', BigInt64Array.from(same, v => v || -1n)],
  ['uint64', BigUint64Array.from(same)],
])('labels of %s; negative ones are ignored', async (_, data) => {
  expect(await labels(data)).toEqual(same)
})

test('ids above 2^32 and 2^53 stay apart', async () => {
  for (const high of [2n ** 32n, 2n ** 53n, 2n ** 64n - 10n]) {
    const ids = BigUint64Array.from(same, v => (v === 0n ? 0n : v + high))
    const truth = await truthFile(file(ids))
    const seg = BigUint64Array.from([1n, 1n, 2n, 2n, 1n, 2n, 2n, 2n])
    const { gt, count } = contingency(seg, truth.labels(truth.bounds))
    expect([...gt]).toEqual([7n + high, 9n + high])
    expect([...count]).toEqual([3, 4])
  }
})

test('labels of sections, as images of a folder and pages of a TIFF; what is ignored counts as 0', async () => {
  const planes = [Uint8Array.of(7, 7, 9, 0), Uint8Array.of(7, 9, 200, 9)]
  const images = mkdtempSync(join(folder, 'sections-'))
  for (const [z, plane] of planes.entries()) writeFileSync(join(images, `${z + 9}.png`), await encodePng(plane, 2, 2))
  const stack = join(folder, 'stack.tif')
  writeFileSync(stack, madeTiff(planes.map(pixels => ({ width: 2, height: 2, pixels }))))
  for (const where of [images, stack]) {
    const truth = await truthFile(where, [0, 0, 0], undefined, [200, 3])
    expect(Array.from(truth.labels(box([0, 0, 0], [2, 2, 2])), Number)).toEqual([7, 7, 9, 0, 7, 9, 0, 9])
    // What names it is what it would be as one file.
    expect(truth.digest).toBe(sha256(writeNpy(Int32Array.from(planes.flatMap(p => [...p])), [2, 2, 2])))
  }
  writeFileSync(join(images, '11.png'), await encodePng(new Uint8Array(6), 3, 2))
  await expect(truthFile(images)).rejects.toMatchObject({ type: 'ConfigError', message: /evaluate\.truth: .*3 x 2/ })
})

test('what holds no labels is refused', async () => {
  const refused = (path: string) => expect(truthFile(path)).rejects
  await refused(file(new Float32Array(8))).toMatchObject({
    type: 'ConfigError',
    message: expect.stringContaining('f4'),
  })
  await refused(file(new Uint8Array(8), [8])).toMatchObject({ message: expect.stringContaining('1 axes') })
  writeFileSync(join(folder, 'x.npy'), 'no array')
  await refused(join(folder, 'x.npy')).toMatchObject({ type: 'ConfigError', message: /evaluate\.truth: .*not a \.npy/ })
  await refused(join(folder, 'gone.npy')).toMatchObject({ type: 'ConfigError' })
})

test('a truth lies where its offset says, and is scored there', async () => {
  const truth = await truthFile(file(BigUint64Array.from(same)), [10, 20, 30])
  expect(truth.bounds).toEqual(box([10, 20, 30], [12, 22, 32]))
  expect([...(truth.labels(box([10, 21, 30], [12, 22, 32])) as BigUint64Array)]).toEqual([9n, 0n, 9n, 9n])
  const dataset = box([0, 0, 0], [64, 64, 64])
  expect(scoredBox(truth, dataset, { offset: [10, 20, 30] })).toEqual(truth.bounds)
  const inner = box([11, 20, 30], [12, 22, 31])
  expect(scoredBox(truth, dataset, { offset: [10, 20, 30], box: inner })).toBe(inner)
})

test('where a truth names no object nothing is scored: it would be perfect', async () => {
  for (const none of [new Uint8Array(8), new BigInt64Array(8).fill(-1n)]) {
    const truth = await truthFile(file(none))
    expect(() => scoredBox(truth, truth.bounds, {})).toThrow('names no object in 0-2_0-2_0-2')
  }
  const corner = await truthFile(file(Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0)))
  expect(scoredBox(corner, corner.bounds, {})).toBe(corner.bounds)
  expect(() => scoredBox(corner, corner.bounds, { box: box([1, 0, 0], [2, 2, 2]) })).toThrow('names no object in 1-2')
})

/** A truth of one object. */
const truthOf = (bounds: Box) => ({ bounds, labels: () => Uint32Array.of(1) })

test('a truth of another shape is refused with both shapes, unless it is said what to score', () => {
  const dataset = box([0, 0, 0], [128, 128, 64])
  expect(scoredBox(truthOf(dataset), dataset, {})).toBe(dataset)
  for (const max of [
    [64, 128, 128],
    [128, 128, 63],
    [256, 256, 64],
  ] as Vec3[])
    expect(() => scoredBox(truthOf(box([0, 0, 0], max)), dataset, {})).toThrow(
      new RegExp(`the truth has ${max.join(' x ')} voxels .* 0-128_0-128_0-64 .*evaluate\\.offset`),
    )
  expect(() => scoredBox(truthOf(box([100, 0, 0], [132, 9, 9])), dataset, { offset: [100, 0, 0] })).toThrow(
    'covers 0-128',
  )
  const part = box([0, 0, 0], [64, 64, 63])
  expect(scoredBox(truthOf(box([0, 0, 0], [128, 128, 63])), dataset, { box: part })).toBe(part)
})

const data = process.env['HILLOCK_DATA'] ?? '../shared/data'
test.skipIf(!existsSync(join(data, 'isbi2012-trakem2')))(
  'labels of serial sections as isbi2012-trakem2 has them (skipped where the data are absent)',
  async () => {
    const truth = await truthFile(join(data, 'isbi2012-trakem2/neurites'), [0, 0, 0], undefined, [249])
    expect(truth.bounds.max).toEqual([512, 512, 18])
    const ids = new Set(truth.labels(truth.bounds) as Uint32Array)
    expect([ids.has(0), ids.has(249), ids.size - 1]).toEqual([true, false, 129])
  },
)
