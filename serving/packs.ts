// Pack layers of a release (mesh fragments per region, skeletons): which artifacts hold a segment, and its bytes.
import type { ArtifactRef } from '../domain/lineage.ts'
import type { PackLayer } from '../domain/release.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import { packIndex, type PackIndex } from '../storage/formats/pack.ts'
import { memo } from './memo.ts'

/** Names of the two outputs of an artifact that is a pack. */
export const PACK_DATA = 'pack.data'
export const PACK_INDEX = 'pack.index'

const LAYERS_KEPT = 12
const READS = 16

interface PackCell {
  /** Region `x_y_z`, or `all`. */
  readonly cell: string
  readonly ref: ArtifactRef
  readonly index: PackIndex
}

export interface Packs {
  /** Indexes of every artifact of a layer, in the order of the cells' names. */
  cells(layer: PackLayer): Promise<readonly PackCell[]>
  /** Bytes of `key` in the first artifact that has it, or in that of `cell`; undefined when there is none. */
  get(layer: PackLayer, key: string, cell?: string): Promise<Uint8Array | undefined>
}

export function packs(artifacts: ArtifactStore): Packs {
  const load = memo(LAYERS_KEPT, (_: string, layer: PackLayer): Promise<PackCell[]> => {
    const entries = Object.entries(layer.artifacts).sort((a, b) => (a[0] < b[0] ? -1 : 1))
    return mapBounded(entries, READS, async ([cell, ref]) => ({
      cell,
      ref,
      index: packIndex(await artifacts.get(ref, PACK_INDEX)),
    }))
  })
  const cells = (layer: PackLayer): Promise<PackCell[]> => {
    const recipes = Object.values(layer.artifacts).map(r => r.recipe)
    return load(recipes.join(), layer)
  }
  return {
    cells,
    async get(layer, key, cell) {
      const found = (await cells(layer)).find(c => (cell === undefined || c.cell === cell) && c.index.find(key))
      if (!found) return undefined
      const { offset, length } = found.index.find(key)!
      return artifacts.getRange(found.ref, PACK_DATA, offset, length)
    },
  }
}
