// Draws the phantom beside a real FIB-SEM volume (docs/images/phantom-beside-fib25.png): real left, phantom right; xy above, xz below.
import { join } from 'node:path'
import sharp from 'sharp'
import { PhantomSpec } from '../domain/run-file/phantom.ts'
import { phantomScene } from '../specimen/scene.ts'
import { phantomSection } from '../specimen/section.ts'
import { phantomSpecimen } from '../specimen/specimen.ts'
import { fib25 } from './common/fib25.ts'

const { shape, em } = fib25()
const [sx, sy, sz] = shape
const out = join(import.meta.dirname, '../docs/images/phantom-beside-fib25.png')

/** The phantom as a still microscope sees it: with shot noise, nothing displaced. */
function phantom(): Uint8Array {
  const still = { jitterPx: 0, rotationDeg: 0, warpPx: 0, illumination: 0, drift: 0, noise: 5 }
  const spec = PhantomSpec.parse({ size: shape, seed: 3, tiles: { shape: [sx, sy], overlap: 0 }, distortion: still })
  const scene = phantomScene(spec)
  const box = { min: [0, 0, 0], max: shape } as const
  const slice = { ...phantomSpecimen(spec, scene, box), box }
  const volume = new Uint8Array(sx * sy * sz)
  for (let z = 0; z < sz; z++) volume.set(phantomSection(spec, z, slice)[0]!.data, z * sx * sy)
  return volume
}

const gutter = 6
const scale = 2
const width = 2 * sx + gutter
const height = sy + gutter + sz
const picture = new Uint8Array(width * height).fill(255)
for (const [side, volume] of [em, phantom()].entries()) {
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
