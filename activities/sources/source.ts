// Where tiles come from: the tiles of a source by section, what tells whether they have changed, and their bytes.
import type { RunConfig } from '../../domain/config.ts'
import type { TileEntry } from '../../domain/run-file/source.ts'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import type { Box, Vec3 } from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import type { Lack } from '../../storage/foreign/holes.ts'
import { inputs } from '../../storage/foreign/inputs.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { getTiles } from '../../storage/tile-lists.ts'
import type { Deps } from '../context.ts'
import { fileSource } from './files.ts'
import { sliceTiles } from './slices.ts'
import { stackSource } from './stack.ts'
import { volumeSource } from './volume.ts'

/** A source as one activity sees it; what it finds out about files holds until it is asked for their identity again. */
export interface TileSource {
  /**
   * Extent in pixels and sections from the origin, where that origin lies in the source's own coordinates, and the list of tiles; null where they
   * follow from the extent.
   * @throws HillockError ConfigError when there is no such source
   */
  survey(): Promise<{ bounds: Box; offset: Vec3; tiles: readonly TileEntry[] | null }>
  /** What all sections must agree on while a run is under way; null where every tile stands for itself. */
  whole(): Promise<Json>
  /** Differs whenever bytes of these tiles do; found out without reading them. */
  identity(tiles: readonly TileEntry[]): Promise<Json>
  /** Bytes as they came from the microscope; a slice of a stack or volume becomes a PNG. @throws HillockError BadTileError */
  bytes(tile: TileEntry): Promise<Uint8Array>
  /**
   * Of a source that is aligned already, where black is what lies outside of the tissue: the boxes of the dataset that it should
   * show around a tile and does not, which are 0 in the bytes of tiles.
   */
  lacks?(tile: TileEntry): Promise<readonly Lack[]>
}

/** Undefined for a phantom, whose slabs are artifacts. @param objects the bucket that holds what is named by content */
export function openSource(config: RunConfig, objects?: ObjectStore): TileSource | undefined {
  const { source } = config
  if ('phantom' in source) return undefined
  if ('stack' in source) return stackSource(source.stack, config, inputs(objects))
  if ('volume' in source) return volumeSource(source.volume, config, objects)
  return fileSource(source, config, inputs(objects))
}

/** Tiles of sections `first..last` as listed: from the slab of a phantom, or as the survey found them. */
export async function listed(
  deps: Deps,
  { layout, bounds }: RunContext,
  slab: ArtifactRef | null,
  first: number,
  last: number,
): Promise<TileEntry[]> {
  if (slab) return JSON.parse(Buffer.from(await deps.artifacts.get(slab, 'layout.json')).toString()) as TileEntry[]
  return (await getTiles(deps.objects, layout, first, last)) ?? sliceTiles(bounds, first, last)
}

/** Names all that some tiles of a run are read from; `source` as far as it is open already. */
export async function identityOf(
  { source: at, seed }: RunConfig,
  tiles: readonly TileEntry[],
  source: TileSource | undefined,
): Promise<Digest> {
  const what = 'tiles' in at || 'layout' in at ? null : (at as unknown as Json)
  const listing = tiles as unknown as Json
  return sha256(canonicalJson(source ? [what, listing, await source.identity(tiles)] : [what, seed]))
}
