// Tiles that are files by themselves: listed in the run file or in a layout, or the images of a folder as a stack.
import type { RunConfig, TileEntry } from '../../domain/config.ts'
import { HillockError, isHillockError } from '../../domain/errors.ts'
import { atOrigin } from '../../domain/layout.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { formatOf } from '../../storage/formats/image.ts'
import { headerOf, readImages, readLayout } from '../../storage/layouts/read.ts'
import { readRegularFile } from '../../storage/regular.ts'
import { stampOf } from '../../storage/stamp.ts'
import type { TileSource } from './source.ts'

/** Files that are looked at side by side. */
const LOOKS = 32
/** Images whose headers the survey reads, evenly spread over the list. */
const SAMPLE = 32

type Files = { tiles: readonly TileEntry[] } | { layout: string } | { images: string }

export function fileSource(source: Files, config: RunConfig): TileSource {
  return {
    async survey() {
      const { tiles } =
        'tiles' in source ? source : await ('images' in source ? readImages(source.images) : readLayout(source.layout))
      await checkSample(tiles, config)
      return atOrigin(tiles)
    },
    whole: async () => null,
    identity: tiles => mapBounded(tiles, LOOKS, t => stampOf(t.file)),
    async bytes({ file, name }) {
      const bytes = await readRegularFile(file, 'BadTileError').catch((e: unknown) => {
        throw isHillockError(e, 'BadTileError') ? new HillockError('BadTileError', `missing: ${e.message}`) : e
      })
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

/** @throws HillockError ConfigError where most images of a sample cannot be used: then it is the run file that is wrong, not a tile */
async function checkSample(tiles: readonly TileEntry[], { stages }: RunConfig): Promise<void> {
  const step = Math.max(1, tiles.length / SAMPLE)
  const sample = Array.from({ length: Math.min(SAMPLE, tiles.length) }, (_, i) => tiles[Math.floor(i * step)]!)
  const faults: string[] = []
  const deep: string[] = []
  await mapBounded(sample, LOOKS, async t => {
    try {
      if ((await headerOf(t.file)).deep && !stages.ingest.window) deep.push(t.file)
    } catch (e) {
      if (!isHillockError(e, 'BadTileError')) throw e
      faults.push(e.message)
    }
  })
  if (deep.length * 2 > sample.length)
    throw new HillockError(
      'ConfigError',
      `stages.ingest.window: ${deep[0]} has more than 8 bits, such as 16 bits per sample: say which values become black and white, --set "stages.ingest.window=[low, high]"; hillock import measures them`,
    )
  if (faults.length === sample.length)
    throw new HillockError('ConfigError', `source: none of ${sample.length} images looked at can be used: ${faults[0]}`)
}
