// Opens a volume that others wrote, in whatever format it is.
import { VolumeFormat } from '../../domain/config.ts'
import { HillockError } from '../../domain/errors.ts'
import { openFiles, type Files } from './files.ts'
import { openN5 } from './n5.ts'
import { openPrecomputed } from './precomputed.ts'
import type { ForeignVolume } from './types.ts'
import { openZarr } from './zarr.ts'

/** Undefined when there is nothing of the format. */
type Open = (files: Files) => Promise<ForeignVolume | undefined>

const formats: Readonly<Record<VolumeFormat, Open>> = { precomputed: openPrecomputed, zarr: openZarr, n5: openN5 }

/** @throws HillockError ConfigError when there is no volume that can be read, and says why. */
export async function openVolume(url: string, format?: VolumeFormat): Promise<ForeignVolume> {
  const files = openFiles(url)
  for (const f of format ? [format] : VolumeFormat.options) {
    const found = await formats[f](files)
    if (found) return found
  }
  throw new HillockError('ConfigError', `${url}: there is no ${format ?? VolumeFormat.options.join(', ')} volume`)
}
