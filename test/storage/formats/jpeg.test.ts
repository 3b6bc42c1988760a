// A JPEG where the decoder in WebAssembly does not load: it is no damage of the chunk.
import sharp from 'sharp'
import { expect, test, vi } from 'vitest'
import { decodeImage } from '../../../storage/formats/precomputed/encoding.ts'

vi.mock('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs', () => ({
  default: () => Promise.reject(new Error('no memory for WebAssembly')),
}))

test('a grey JPEG is read by sharp where the faster decoder does not load', async () => {
  const data = new Uint8Array(64).fill(90)
  const jpeg = await sharp(data, { raw: { width: 8, height: 8, channels: 1 } })
    .toColourspace('b-w')
    .jpeg()
    .toBuffer()
  expect(await decodeImage(new Uint8Array(jpeg), [8, 8, 1], 1, 'uint8', 'jpeg')).toEqual(data)
})
