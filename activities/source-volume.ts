// A source that is an aligned volume: its extent, and its slices, read slab by slab.
import type { VolumeSource } from '../domain/config.ts'
import { HillockError } from '../domain/errors.ts'
import { boxName, contains, shapeOf, type Box } from '../domain/geometry.ts'
import { openVolume } from '../storage/foreign/volume.ts'
import type { ForeignVolume } from '../storage/foreign/types.ts'
import { kept } from './kept.ts'

interface Opened {
  readonly volume: ForeignVolume
  /** What is taken of it. */
  readonly box: Box
}

/** @throws HillockError ConfigError when there is no volume of EM, or it does not hold the box. */
export async function sourceVolume(source: VolumeSource): Promise<Opened> {
  const fail = (why: string): HillockError => new HillockError('ConfigError', `source.volume: ${source.url}: ${why}`)
  const volume = await openVolume(source.url, source.format)
  const mip = volume.mips[source.mip]
  if (!mip) throw fail(`there is no mip ${source.mip}; they go from 0 to ${volume.mips.length - 1}`)
  if (volume.dataType !== 'uint8' || volume.channels !== 1)
    throw fail(`holds ${volume.channels} channels of ${volume.dataType}; EM is one channel of uint8`)
  const box = source.box ?? mip.bounds
  if (!contains(mip.bounds, box)) throw fail(`box ${boxName(box)} lies outside ${boxName(mip.bounds)}`)
  return { volume, box }
}

/** Memory of one slab of slices, and how many are kept: sections are asked for in batches, one after the other, several batches at a time. */
const SLAB_BYTES = 1 << 27
const KEPT = 4

const opened = new Map<unknown, Promise<Opened>>()
const slabs = new Map<unknown, Promise<Uint8Array>>()

/** One slice of the box, counted from its lower corner. */
export async function volumeSlice(
  source: VolumeSource,
  section: number,
): Promise<{ data: Uint8Array; width: number; height: number }> {
  const name = JSON.stringify(source)
  const { volume, box } = await kept(opened, name, KEPT, () => sourceVolume(source))
  const [width, height] = shapeOf(box)
  const z = box.min[2] + section
  // Whole chunks in depth, as far as memory allows.
  const chunk = volume.mips[source.mip]!.chunk[2]
  const depth = Math.max(1, Math.min(chunk, Math.floor(SLAB_BYTES / (width * height))))
  const origin = volume.mips[source.mip]!.bounds.min[2]
  const first = Math.max(box.min[2], origin + Math.floor((z - origin) / depth) * depth)
  const last = Math.min(box.max[2], origin + (Math.floor((z - origin) / depth) + 1) * depth)
  const part: Box = { min: [box.min[0], box.min[1], first], max: [box.max[0], box.max[1], last] }
  const slab = await kept(
    slabs,
    `${name} ${first}`,
    KEPT,
    async () => (await volume.read(source.mip, part)) as Uint8Array,
  )
  const n = width * height
  return { data: slab.subarray((z - first) * n, (z - first + 1) * n), width, height }
}
