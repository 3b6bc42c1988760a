// A volume that others wrote, whatever its format; and what the readers of metadata share.
import { configError } from '../../domain/errors.ts'
import type { Box, Vec3 } from '../../domain/geometry.ts'
import type { Digest } from '../../domain/recipe.ts'
import { dataTypeNamed, type DataType, type VolumeArray } from '../formats/chunk.ts'

/** @throws HillockError ConfigError for a type that is not read. */
export function typeNamed(name: string, url: string): DataType {
  const found = dataTypeNamed(name)
  if (!found) throw configError(`${url}: volumes of ${name} are not read`)
  return found
}

export interface ForeignMip {
  readonly name: string
  /** In voxels of this mip, in the coordinates of the source. */
  readonly bounds: Box
  /** In nanometres; null where the source does not say it in a unit of length. */
  readonly voxelSizeNm: Vec3 | null
  readonly chunk: Vec3
  readonly dataType: DataType
  /** Why this mip cannot be read, where it cannot: an encoding, say. */
  readonly unread?: string
}

/** Voxels that the source should have and does not give: a chunk that is missing or damaged. */
export interface VolumeHole {
  readonly box: Box
  /** Below the address of the volume. */
  readonly file: string
  /** Without the name of the file. */
  readonly reason: string
}

export interface ForeignVolume {
  /** Its address, without what was pasted around it. */
  readonly url: string
  /** With its version and what else a user would want to know. */
  readonly format: string
  readonly channels: number
  readonly mips: readonly ForeignMip[]
  /** Of every document that was read to open it, with its path. */
  readonly metadata: Digest
  /**
   * Voxels of a box, x fastest, channel slowest; outside the volume 0, and so is what the source lacks: chunks that are missing or
   * damaged are added to `holes`. A chunk that a format lets a writer omit is no hole: it holds the fill value (docs/import.md).
   * @throws HillockError StoreError, StoreRefused; BadTileError for a damaged chunk where no `holes` are given
   */
  read(mip: number, box: Box, holes?: VolumeHole[]): Promise<VolumeArray>
  /**
   * The files below a box, by path, each with what its place says of it without reading it: equal stamps, equal bytes.
   * A file that is not there has the stamp `absent`.
   * @throws HillockError StoreError, StoreRefused
   */
  stamps(mip: number, box: Box): Promise<(readonly [path: string, stamp: string])[]>
}

/** Nanometres per unit of length, as metadata name it in lower case and the singular. */
const NM: Readonly<Record<string, number>> = {
  nm: 1,
  nanometer: 1,
  um: 1000,
  µm: 1000,
  μm: 1000,
  micron: 1000,
  micrometer: 1000,
  mm: 1e6,
  millimeter: 1e6,
  cm: 1e7,
  centimeter: 1e7,
  m: 1e9,
  meter: 1e9,
  pm: 1e-3,
  picometer: 1e-3,
  å: 0.1,
  ångström: 0.1,
  ångstrom: 0.1,
  angstrom: 0.1,
}

/** Nanometres per unit; undefined for what is no unit of length (pixels, or none). */
export function nanometres(unit: string | null | undefined): number | undefined {
  const name = (unit ?? '').normalize('NFC').trim().toLowerCase().replace(/metre/, 'meter')
  return NM[name] ?? NM[name.replace(/s$/, '')]
}

/** So many of a unit in nanometres, without what binary fractions add (0.004 um are 4 nm). */
export const inNanometres = (value: number, nm: number): number => Number((value * nm).toPrecision(12))

/** Metadata as an object. @throws HillockError ConfigError when it is none. */
export function jsonOf(bytes: Uint8Array, what: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    throw configError(`${what} is not JSON`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw configError(`${what} is no JSON object`)
  return parsed as Record<string, unknown>
}
