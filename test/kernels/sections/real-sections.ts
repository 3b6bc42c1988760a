// Real images for the section tests, where they have been fetched.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { SectionTile } from '../../../kernels/sections/section-types.ts'
import { decodeTile } from '../../../storage/formats/image.ts'

const data = process.env['HILLOCK_DATA'] ?? join(import.meta.dirname, '../../../../shared/data')
const fafbFolder = join(data, 'fafb-tiles/raw-2x2')
const fibFile = join(data, 'fib25-medulla/raw.npy.gz')

export const hasFafb = existsSync(fafbFolder)
export const hasFib = existsSync(fibFile)

/** Four raw TEM tiles at rough stage positions. */
export async function fafbTiles(): Promise<SectionTile[]> {
  const tiles: SectionTile[] = []
  for (const row of [140, 141])
    for (const col of [60, 61]) {
      const name = `col${col}_row${row}`
      const { width, height, data } = await decodeTile(readFileSync(join(fafbFolder, `${name}.png`)), name)
      tiles.push({ name, x: (col - 60) * 960, y: (row - 140) * 972, width, height, data })
    }
  return tiles
}

export const fibSize = 250

/** Slices of aligned FIB-SEM, 250 x 250 each. */
export function fibSlices(first: number, count: number): Uint8Array[] {
  const file = gunzipSync(readFileSync(fibFile))
  const voxels = file.subarray(10 + file.readUInt16LE(8))
  const area = fibSize * fibSize
  return Array.from(
    { length: count },
    (_, k) => new Uint8Array(voxels.subarray((first + k) * area, (first + k + 1) * area)),
  )
}
