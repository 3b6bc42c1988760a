// A volume as a source: what it lacks counts from the corner of the box that is taken, and what cannot be read is said at once.
import { expect, test } from 'vitest'
import { openSource } from '../../activities/sources/source.ts'
import { parseRunConfig, type RunConfig } from '../../domain/config.ts'
import { decodeTile } from '../../storage/formats/image.ts'
import { freshFolder } from '../storage/fixtures.ts'
import { greyIn, precomputed, serve, zarr2 } from '../storage/foreign/fixtures.ts'

const size = [32, 16, 16] as const
const made = { size, chunk: [16, 8, 8] } as const
const box = { min: [4, 4, 4], max: [32, 16, 16] } as const
const slice = { name: 'slice', file: '', x: 0, y: 0, width: 28, height: 12 }
const config = (volume: object, ingest: object = {}): RunConfig =>
  parseRunConfig(
    {
      dataset: 'd',
      voxelSizeNm: [8, 8, 8],
      source: { volume },
      stages: { align: { method: 'none' }, render: { normalise: 'none' }, ingest },
    },
    'run.yaml',
  )

test('slices of a box, and what it lacks', async () => {
  const url = await freshFolder()
  await precomputed(url, { ...made, coded: (b, at) => (at.join() === '1,0,0' || at.join() === '1,0,1' ? null : b) })
  const source = openSource(config({ url, box }))!
  expect(await source.survey()).toMatchObject({ bounds: { max: [28, 12, 12] }, offset: [4, 4, 4] })
  const reason = 'missing: s/16-32_0-8_0-8'
  // Slices are read by whole chunks in depth: the hole of a slab ends with it.
  expect(await source.lacks!({ ...slice, section: 2 })).toEqual([{ box: { min: [12, 0, 0], max: [28, 4, 4] }, reason }])
  expect(await source.lacks!({ ...slice, section: 5 })).toMatchObject([{ box: { min: [12, 0, 4], max: [28, 4, 12] } }])
  const expected = greyIn({ min: [4, 4, 6], max: [32, 16, 7] })
  for (let i = 0; i < expected.length; i++) if (i % 28 >= 12 && i < 28 * 4) expected[i] = 0
  const { data } = await decodeTile(await source.bytes({ ...slice, section: 2 }), 'slice')
  expect(Buffer.compare(data, expected)).toBe(0)
})

test('16 bits need a window; other types, several channels and refusals end the survey', async () => {
  const deep = await freshFolder()
  const wide = (b: Uint8Array): Uint8Array => new Uint8Array(Uint16Array.from(b, v => 200 * v).buffer)
  await zarr2(deep, '', { ...made, coded: wide }, { dtype: '<u2' })
  await expect(openSource(config({ url: deep }))!.survey()).rejects.toThrow(/uint16: say which values become black/)
  const windowed = openSource(config({ url: deep }, { window: [200, 50_000] }))!
  await windowed.survey()
  const { data } = await decodeTile(await windowed.bytes({ ...slice, width: 32, height: 16, section: 0 }), 'slice', {
    window: [200, 50_000],
    void: true,
  })
  // Grey values of 1 and, at 25, 7, of 75 of 250.
  expect([data[0], data[25 + 32 * 7]]).toEqual([1, 76])
  const float = await freshFolder()
  await zarr2(float, '', { ...made, coded: () => null }, { dtype: '<f4' })
  await expect(openSource(config({ url: float }))!.survey()).rejects.toThrow(/holds float32; EM is/)
  const shut = await freshFolder()
  await precomputed(shut, made)
  const { url } = await serve(shut, (_, path) => (path.startsWith('/s/') ? { status: 403 } : undefined))
  await expect(openSource(config({ url }))!.survey()).rejects.toMatchObject({
    type: 'StoreRefused',
    message: expect.stringContaining('the host answers 403'),
  })
})
