// Any decomposition, the same bytes: shape of the regions and number of threads change nothing in the segmentation.
import { afterAll, expect, test } from 'vitest'
import { Hillock, TINY } from '../harness.ts'

const one = new Hillock({ HILLOCK_THREADS: '1', HILLOCK_ONNX_THREADS: '1' })
const four = new Hillock({ HILLOCK_THREADS: '4', HILLOCK_ONNX_THREADS: '2' })
afterAll(() => Promise.all([one.close(), four.close()]), 60_000)

test('regions of other shapes, one thread and four', async () => {
  const a = await one.fromTiny()
  const b = await one.run(TINY, 'grid.region=[128, 64, 64]')
  expect(b.layerDigests['segmentation']).toBe(a.layerDigests['segmentation'])
  expect(b.layerDigests['em']).toBe(a.layerDigests['em'])
  const c = await four.run(TINY)
  expect(c.digest).toBe(a.digest)
  expect(c.release).toBe(a.release)
}, 400_000)
