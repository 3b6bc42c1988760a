// Tiles that are files by themselves: listed in the run file or in a layout, or the images of a folder as a stack.
import type { RunConfig } from '../../domain/config.ts'
import type { TileEntry } from '../../domain/run-file/source.ts'
import { configError, HillockError, isHillockError } from '../../domain/errors.ts'
import { atOrigin } from '../../domain/run-file/layout.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeTile, formatOf } from '../../storage/formats/image.ts'
import { headerOf, readImages, readLayout } from '../../storage/layouts/read.ts'
import type { Inputs } from '../../storage/foreign/inputs.ts'
import type { TileSource } from './source.ts'

/** Files that are looked at side by side. */
const LOOKS = 32
/** Images whose headers the survey reads, evenly spread over the list. */
const SAMPLE = 32
/** Of these so many are decoded. */
const DECODED = 3

type Files = { tiles: readonly TileEntry[] } | { layout: string } | { images: string }

export function fileSource(source: Files, config: RunConfig, files: Inputs): TileSource {
  return {
    async survey() {
      const { tiles } =
        'tiles' in source
          ? source
          : await ('images' in source ? readImages(source.images, files) : readLayout(source.layout, files))
      await checkSample(files, tiles, config)
      return atOrigin(tiles)
    },
    whole: async () => null,
    identity: tiles => mapBounded(tiles, LOOKS, t => files.stamp(t.file)),
    async bytes({ file, name }) {
      const bytes = await files.read(file, 'BadTileError')
      // What is no image is nobody's business: it does not get into the archive.
      if (!formatOf(bytes))
        throw new HillockError(
          'BadTileError',
          bytes.length === 0 ? `tile ${name} is empty` : `tile ${name} is not a PNG, TIFF or JPEG image`,
        )
      return bytes
    },
  }
}

/**
 * Where no image of a sample can be used, or most have more than 8 bits, it is the run file that is wrong and not a tile.
 * @throws HillockError ConfigError
 */
async function checkSample(
  files: Inputs,
  tiles: readonly TileEntry[],
  { stages: { ingest } }: RunConfig,
): Promise<void> {
  const step = Math.max(1, tiles.length / SAMPLE)
  const sample = Array.from({ length: Math.min(SAMPLE, tiles.length) }, (_, i) => tiles[Math.floor(i * step)]!)
  const faults: string[] = []
  const deep: string[] = []
  await mapBounded(sample, LOOKS, async (t, i) => {
    try {
      const header = await headerOf(t.file, files)
      if (header.deep && !ingest.window) deep.push(t.file)
      else if (header.width !== t.width || header.height !== t.height)
        faults.push(`${t.file} has ${header.width} x ${header.height} pixels, listed are ${t.width} x ${t.height}`)
      // Colours and the like show only in the pixels.
      else if (i < DECODED) await decodeTile(await files.read(t.file, 'BadTileError'), t.file, ingest)
      else return
    } catch (e) {
      if (!isHillockError(e, 'BadTileError')) throw e
      faults.push(e.message)
    }
  })
  if (deep.length * 2 > sample.length) throw tooDeep(deep[0]!)
  if (faults.length === sample.length)
    throw configError(`source: none of ${sample.length} images looked at can be used: ${faults[0]}`)
}

/** The refusal of samples of more than 8 bits that no window maps. */
export const tooDeep = (file: string): HillockError =>
  configError(
    `stages.ingest.window: ${file} has more than 8 bits, such as 16 bits per sample: say which values become black and white, --set "stages.ingest.window=[low, high]"; hillock import measures them`,
  )
