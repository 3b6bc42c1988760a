// What the stages of sections share: manifests, stitches and decoded tiles, by z.
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { SectionStitch, SectionTile } from '../../kernels/sections/section-types.ts'
import type { ByteCache } from '../../storage/stores/byte-cache.ts'
import { decodeTile } from '../../storage/formats/image.ts'
import { getRaw } from '../../storage/raw.ts'
import type { Deps } from '../context.ts'
import type { IngestedTile, SectionManifest } from './ingest.ts'
import { kept } from '../kept.ts'
import { timedKernel } from '../meter.ts'
import { refsBelow } from '../housekeeping/pages.ts'

export const readJson = async <T>(deps: Deps, ref: ArtifactRef, path: string): Promise<T> =>
  JSON.parse(Buffer.from(await deps.artifacts.get(ref, path)).toString()) as T

export interface Section {
  readonly manifest: SectionManifest
  /** Null for a section without a usable tile. */
  readonly stitch: SectionStitch | null
  readonly stitchRef: ArtifactRef
}

/** Reads the sections that some pages list by z, each once. */
export async function sectionReader(deps: Deps, pages: readonly string[]): Promise<(z: number) => Promise<Section>> {
  const [ingested, stitched] = await Promise.all(['ingest', 'stitch'].map(s => refsBelow(deps, pages, s)))
  const known = new Map<unknown, Promise<Section>>()
  const read = async (z: number): Promise<Section> => {
    const stitchRef = stitched![z]!
    const [manifest, stitch] = await Promise.all([
      readJson<SectionManifest>(deps, ingested![z]!, 'manifest.json'),
      readJson<SectionStitch | null>(deps, stitchRef, 'stitch.json'),
    ])
    return { manifest, stitch, stitchRef }
  }
  return z => kept(known, z, Infinity, () => read(z))
}

/** Pixels of some tiles of a section, with their nominal positions; `cache` keeps what was decoded last. */
export const loadTiles = (
  deps: Deps,
  tiles: readonly IngestedTile[],
  cache?: ByteCache<Uint8Array>,
): Promise<SectionTile[]> =>
  Promise.all(
    tiles.map(async ({ name, x, y, width, height, sha256, grey }) => {
      const decode = async (): Promise<Uint8Array> => {
        const bytes = await getRaw(deps.objects, sha256)
        return (await timedKernel('decode', () => decodeTile(bytes, name, grey))).data
      }
      const data = await (cache ? cache.read(`${sha256} ${JSON.stringify(grey)}`, decode) : decode())
      return { name, x, y, width, height, data }
    }),
  )
