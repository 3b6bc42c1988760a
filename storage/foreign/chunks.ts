// Reads boxes of a volume chunk by chunk: what is missing or damaged is set aside by itself and named.
import { configError, HillockError, isHillockError } from '../../domain/errors.ts'
import {
  boxName,
  cellBox,
  cellsIn,
  contains,
  intersect,
  subtract,
  translate,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import { mapBounded } from '../bounded.ts'
import type { VolumeArray } from '../formats/chunk.ts'
import { pooledVolume } from '../formats/pool.ts'
import { clear, copyOverlap } from '../formats/volume.ts'
import type { Files } from './files.ts'
import type { ForeignMip, ForeignVolume } from './types.ts'

const IN_FLIGHT = 16

/** What a format says of the chunks of one mip. Chunks count from the lower corner of the bounds. */
export interface Chunks {
  /** The file that holds a chunk, which lies at `box`. */
  file(at: Vec3, box: Box): string
  /**
   * The values of `box`, x fastest, channel slowest, or what decodes them; undefined where there is none, `omitted` where the format
   * lets a writer leave it out (0).
   * @throws HillockError of the place; any other error for a chunk that is damaged
   */
  values(at: Vec3, box: Box): Promise<VolumeArray | Decode | 'omitted' | undefined>
}

/** Decodes what of a chunk lies in `box` straight into the volume of it, every voxel of that. */
export type Decode = (out: VolumeArray, box: Box) => void

/** The parts of a ForeignVolume that read, for mips that know their chunks. */
export function readerOf(
  files: Pick<Files, 'url' | 'stamp'>,
  channels: number,
  mips: readonly (ForeignMip & Chunks)[],
): Pick<ForeignVolume, 'read' | 'stamps'> {
  /** Chunks that reach into a box, with what each of them holds. */
  function chunksIn({ bounds, chunk }: ForeignMip, box: Box): { at: Vec3; part: Box }[] {
    const toLocal = subtract([0, 0, 0], bounds.min)
    const local = translate(bounds, toLocal)
    return cellsIn(intersect(translate(box, toLocal), local), chunk).map(at => ({
      at,
      part: translate(cellBox(at, chunk, local), bounds.min),
    }))
  }
  return {
    async read(mip, box, holes) {
      const m = mips[mip]!
      if (m.unread) throw configError(`${files.url}: mip ${mip} is not read: ${m.unread}`)
      const out = pooledVolume(m.dataType, voxels(box) * channels, !contains(m.bounds, box))
      await mapBounded(chunksIn(m, box), IN_FLIGHT, async ({ at, part }) => {
        const hole = (reason: string): void =>
          void holes?.push({ box: intersect(part, box), file: m.file(at, part), reason })
        try {
          const values = await m.values(at, part)
          if (values === undefined) hole('missing')
          if (values === undefined || values === 'omitted') clear(part, out, box, channels)
          else if (typeof values === 'function') values(out, box)
          else copyOverlap(values, part, out, box, channels)
        } catch (e) {
          if (isHillockError(e)) throw e
          clear(part, out, box, channels)
          const { message, cause } = e as Error
          const why = `damaged: ${cause instanceof Error ? cause.message : message}`
          if (!holes)
            throw new HillockError('BadTileError', `${files.url}/${m.file(at, part)} (${boxName(part)}): ${why}`)
          hole(why)
        }
      })
      // In the order of the box, however the chunks came.
      holes?.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.box.min[2] - b.box.min[2]))
      return out
    },
    async stamps(mip, box) {
      const m = mips[mip]!
      const paths = [...new Set(chunksIn(m, box).map(({ at, part }) => m.file(at, part)))].sort()
      return mapBounded(paths, IN_FLIGHT, async path => [path, (await files.stamp(path)) ?? 'absent'] as const)
    },
  }
}
