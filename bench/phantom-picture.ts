// Draws the phantom beside a real FIB-SEM volume (docs/images/phantom-beside-fib25.png): real left, phantom right; xy above, xz below.
import { join } from 'node:path'
import sharp from 'sharp'
import { cleanPhantom } from './common/clean-phantom.ts'
import { fib25 } from './common/fib25.ts'

const { shape, em } = fib25()
const [sx, sy, sz] = shape
const out = join(import.meta.dirname, '../docs/images/phantom-beside-fib25.png')

const gutter = 6
const scale = 2
const width = 2 * sx + gutter
const height = sy + gutter + sz
const picture = new Uint8Array(width * height).fill(255)
for (const [side, volume] of [em, cleanPhantom(shape, 3, 5).em].entries()) {
  const left = side * (sx + gutter)
  const z = 70
  const row = 125
  for (let y = 0; y < sy; y++) picture.set(volume.subarray(sx * (y + sy * z), sx * (y + 1 + sy * z)), left + width * y)
  for (let k = 0; k < sz; k++)
    picture.set(volume.subarray(sx * (row + sy * k), sx * (row + 1 + sy * k)), left + width * (sy + gutter + k))
}
await sharp(picture, { raw: { width, height, channels: 1 } })
  .resize(width * scale, height * scale, { kernel: 'cubic' })
  .png({ compressionLevel: 9 })
  .toFile(out)
