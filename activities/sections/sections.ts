// What the stages of sections share: manifests, stitches and decoded tiles, by z.
import type { ArtifactRef } from '../../domain/lineage.ts'
import { tilesInRect } from '../../kernels/sections/render.ts'
import { renderSection } from '../../kernels/sections/draw-section.ts'
import type { Rect, SectionImage, SectionStitch, SectionTile } from '../../kernels/sections/section-types.ts'
import { byteCache, type ByteCache } from '../../storage/stores/byte-cache.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { decodeTile } from '../../storage/formats/image.ts'
import { getRaw } from '../../storage/raw.ts'
import type { Deps } from '../context.ts'
import type { IngestedTile, SectionManifest } from './ingest.ts'
import { cached } from '../../storage/cached.ts'
import { timedKernel } from '../meter.ts'
import { refsBelow } from '../housekeeping/index-nodes.ts'

export const readJson = async <T>(deps: Deps, ref: ArtifactRef, path: string): Promise<T> =>
  JSON.parse(Buffer.from(await deps.artifacts.get(ref, path)).toString()) as T

export interface Section {
  readonly manifest: SectionManifest
  /** Null for a section without a usable tile. */
  readonly stitch: SectionStitch | null
  readonly stitchRef: ArtifactRef
}

/** Sections that a reader keeps: those asked for last. */
const KEPT = 64

/** Reads the sections that some index nodes list by z. */
export async function sectionReader(deps: Deps, nodes: readonly string[]): Promise<(z: number) => Promise<Section>> {
  const [ingested, stitched] = await Promise.all(['ingest', 'stitch'].map(s => refsBelow(deps, nodes, s)))
  const known = new Map<unknown, Promise<Section>>()
  const read = async (z: number): Promise<Section> => {
    const stitchRef = stitched![z]!
    const [manifest, stitch] = await Promise.all([
      readJson<SectionManifest>(deps, ingested![z]!, 'manifest.json'),
      readJson<SectionStitch | null>(deps, stitchRef, 'stitch.json'),
    ])
    return { manifest, stitch, stitchRef }
  }
  return z => cached(known, z, KEPT, () => read(z))
}

/** Tiles that are read and decoded at once. */
const DECODES = 8

/** Pixels of some tiles of a section, with their nominal positions; `cache` keeps what was decoded last. */
export const loadTiles = (
  deps: Deps,
  tiles: readonly IngestedTile[],
  cache?: ByteCache<Uint8Array>,
): Promise<SectionTile[]> =>
  mapBounded(tiles, DECODES, async ({ name, x, y, width, height, sha256, grey }) => {
    const decode = async (): Promise<Uint8Array> => {
      const bytes = await getRaw(deps.objects, sha256)
      return (await timedKernel('decode', () => decodeTile(bytes, name, grey))).data
    }
    const data = await (cache ? cache.read(`${sha256} ${JSON.stringify(grey)}`, decode) : decode())
    return { name, x, y, width, height, data }
  })

/** Side of what is drawn of a section at once, in pixels at full scale. */
const EDGE = 4096

/** Neighbouring parts of a section show the same tiles. */
export const decoded = byteCache<Uint8Array>(1 << 27)

/** Picture of a whole section for matching, drawn part by part from the tiles that each shows. */
export async function drawSection(
  deps: Deps,
  tiles: readonly IngestedTile[],
  stitch: SectionStitch,
  scale: number,
  edge = EDGE,
): Promise<SectionImage> {
  const { min, max } = stitch.bounds
  const [width, height] = [0, 1].map(a => Math.max(1, Math.floor((max[a]! - min[a]!) / scale))) as [number, number]
  const data = new Uint8Array(width * height)
  const step = Math.max(1, Math.floor(edge / scale))
  for (let y = 0; y < height; y += step)
    for (let x = 0; x < width; x += step) {
      const [w, h] = [Math.min(step, width - x), Math.min(step, height - y)]
      const from = [min[0] + x * scale, min[1] + y * scale] as const
      const box: Rect = { min: from, max: [from[0] + w * scale, from[1] + h * scale] }
      const names = new Set(tilesInRect(stitch, box))
      const shown = await loadTiles(
        deps,
        tiles.filter(t => names.has(t.name)),
        decoded,
      )
      const part = await deps.compute(renderSection, [shown, stitch, box, scale])
      for (let r = 0; r < h; r++) data.set(part.data.subarray(r * w, (r + 1) * w), (y + r) * width + x)
    }
  return { data, width, height, x0: min[0], y0: min[1], scale }
}
