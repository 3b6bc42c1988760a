// A .npy or .npy.gz of uint8, axes z, y, x: every slice becomes a section.
import { HillockError } from '../../domain/errors.ts'
import type { Vec3 } from '../../domain/geometry.ts'
import { readNpy } from '../../storage/formats/npy.ts'
import { stampOf } from '../../storage/stamp.ts'
import { kept } from '../kept.ts'
import { namedFile } from './named-file.ts'
import { tilePng } from './slices.ts'
import type { TileSource } from './source.ts'

interface Stack {
  readonly data: Uint8Array<ArrayBuffer>
  readonly size: Vec3
}

/** The last stack that was read, by what its file looked like: its sections are asked for one after the other. */
const stacks = new Map<unknown, Promise<Stack>>()

export function stackSource(file: string): TileSource {
  let stamp: string | undefined
  const look = async (): Promise<string> => (stamp = await stampOf(file))
  const read = async (): Promise<Stack> => kept(stacks, `${file} ${stamp ?? (await look())}`, 1, () => load(file))
  return {
    async survey() {
      return { bounds: { min: [0, 0, 0], max: (await read()).size }, tiles: null }
    },
    whole: look,
    identity: look,
    async bytes(tile) {
      const { data, size } = await read()
      return tilePng(tile, data, { min: [0, 0, 0], max: size })
    },
  }
}

async function load(file: string): Promise<Stack> {
  const npy = readNpy(await namedFile('source.stack', file), file)
  if (npy.dtype !== 'u1' || npy.shape.length !== 3)
    throw new HillockError(
      'ConfigError',
      `source.stack: ${file} holds ${npy.dtype} of ${npy.shape.length} axes; EM is uint8 of axes z, y, x`,
    )
  return { data: npy.data as Uint8Array<ArrayBuffer>, size: [npy.shape[2]!, npy.shape[1]!, npy.shape[0]!] }
}
