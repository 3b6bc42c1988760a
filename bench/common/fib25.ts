// Real volumes to measure with: grey values and ground truth of FIB-25, mirrored to a larger size where asked for.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { map3, product, type Vec3 } from '../../domain/geometry.ts'
import type { VolumeArray } from '../../storage/formats/chunk.ts'
import { readNpy } from '../../storage/formats/npy.ts'
import { dataRoot } from '../../worker/home.ts'

/** `times` copies along each axis, every other one mirrored; ends the process where there is no such data (docs/data.md). */
export function fib25(times: Vec3 = [1, 1, 1]) {
  const folder = join(dataRoot(), 'fib25-medulla')
  if (!existsSync(folder)) {
    console.log(`skipped: there is no ${folder} (docs/data.md)`)
    process.exit(0)
  }
  const [em, labels] = ['raw', 'gt'].map(name => readNpy(readFileSync(join(folder, `${name}.npy.gz`)), name))
  const from = em!.shape.toReversed() as unknown as Vec3
  const shape = map3(a => times[a] * from[a])
  const copy = <T extends VolumeArray>(out: T, value: (i: number) => T[number]): T => {
    const at = (v: number, n: number): number => (Math.floor(v / n) % 2 === 0 ? v % n : n - 1 - (v % n))
    let i = 0
    for (let z = 0; z < shape[2]; z++)
      for (let y = 0; y < shape[1]; y++) {
        const row = from[0] * (at(y, from[1]) + from[1] * at(z, from[2]))
        for (let x = 0; x < shape[0]; x++) out[i++] = value(row + at(x, from[0]))
      }
    return out
  }
  return {
    shape,
    em: copy(new Uint8Array(product(shape)), i => em!.data[i] as number),
    // As large as real ones.
    ids: copy(new BigUint64Array(product(shape)), i => BigInt(labels!.data[i]!) << 32n),
  }
}
