// A volume that others wrote, whatever its format; and what the readers of metadata share.
import { HillockError } from '../../domain/errors.ts'
import type { Box, Vec3 } from '../../domain/geometry.ts'
import type { DataType, VolumeArray } from '../formats/chunk.ts'

interface ForeignMip {
  readonly name: string
  /** In voxels of this mip, in the coordinates of the source. */
  readonly bounds: Box
  /** In nanometres; null where the source does not say. */
  readonly voxelSizeNm: Vec3 | null
  readonly chunk: Vec3
}

export interface ForeignVolume {
  /** With its version and what else a user would want to know. */
  readonly format: string
  readonly dataType: DataType
  readonly channels: number
  readonly mips: readonly ForeignMip[]
  /**
   * Voxels of a box, x fastest, channel slowest; 0 outside the volume and where it has no chunk.
   * @throws HillockError StoreError; RangeError for a chunk that is damaged
   */
  read(mip: number, box: Box): Promise<VolumeArray>
}

const types: readonly DataType[] = ['uint8', 'uint16', 'uint32', 'uint64', 'float32']
/** @throws HillockError ConfigError for a type that is not read. */
export function dataTypeNamed(name: string, url: string): DataType {
  const found = types.find(t => t === name)
  if (!found) throw new HillockError('ConfigError', `${url}: volumes of ${name} are not read`)
  return found
}

/** Nanometres per unit of length, as names of units in metadata say. */
export const NM: Readonly<Record<string, number>> = {
  nanometer: 1,
  nm: 1,
  micrometer: 1000,
  um: 1000,
  µm: 1000,
  millimeter: 1e6,
  mm: 1e6,
  meter: 1e9,
  m: 1e9,
  angstrom: 0.1,
}

/** Metadata as an object. @throws HillockError ConfigError when it is not JSON. */
export function jsonOf(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
  } catch {
    throw new HillockError('ConfigError', `${what} is not JSON`)
  }
}
