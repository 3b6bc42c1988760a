// render: the aligned, intensity-normalised EM of a region, straight from the raw tiles.
import type { Json } from '../../domain/canonical.ts'
import { boxesNear } from '../../domain/config.ts'
import type { Outcome } from '../../domain/contract/artifacts.ts'
import { boxName, intersect, isEmpty, voxels } from '../../domain/geometry.ts'
import type { Source } from '../../domain/lineage.ts'
import type { Hole } from '../../domain/release.ts'
import type { Alignment } from '../../domain/releases/alignment.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import type { Lattice, SectionStitch } from '../../kernels/sections/section-types.ts'
import { byteCache } from '../../storage/stores/byte-cache.ts'
import { copyOverlap } from '../../storage/formats/volume.ts'
import { readField } from '../sections/align.ts'
import { emVolume, putVolume, refs, regionBox } from '../cells.ts'
import type { Deps } from '../context.ts'
import { greyOf, type IngestedTile } from '../sections/ingest.ts'
import { progress } from '../meter.ts'
import { nodesOf } from '../gather.ts'
import { ofRegion, produce } from '../produce.ts'
import { loadTiles, readJson, sectionReader } from '../sections/sections.ts'
import { configFor } from '../documents.ts'
import { renderSlab, tilesInBox } from '../../kernels/sections/render.ts'

/** Sections rendered in one kernel call at most, and the pixels of the tiles that they show. */
const SLAB = 16
const PIXELS = 2 ** 28

const pixelsOf = (sections: readonly Ready[]): number =>
  sections.reduce((n, s) => s.tiles.reduce((m, t) => m + t.width * t.height, n), 0)

/** Neighbouring regions show the same tiles. Apart from what stitching reads, so that neither pushes the other's out. */
const decoded = byteCache<Uint8Array>(1 << 28)

interface Ready {
  readonly z: number
  readonly tiles: readonly IngestedTile[]
  readonly stitch: SectionStitch
  readonly field: Lattice<Float32Array>
}

export async function render(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const params = config.stages.render
  const box = regionBox(task)
  const excluded = boxesNear(config, box, params.fillSections)
  const alignment = refs(task, 'align')['all']!
  const reach = params.fillSections
  const nodes = await nodesOf(deps, task, 'stitch', [box.min[2] - reach, box.max[2] + reach])
  const section = await sectionReader(deps, nodes)
  const { sections } = await readJson<Alignment>(deps, alignment, 'alignment.json')
  const { lineage } = await deps.artifacts.open(alignment)
  const fields = new Map(lineage.outputs.map(o => [o.path, o.sha256]))

  // Only what the region shows enters its recipe: a tile elsewhere in the section leaves it alone.
  const ready: Ready[] = []
  const inputs: Record<string, Source> = {}
  for (const { z, excluded } of sections) {
    if (excluded !== null || z < box.min[2] - params.fillSections || z >= box.max[2] + params.fillSections) continue
    const { manifest, stitch, stitchRef } = await section(z)
    if (!stitch) continue
    const field = await readField(deps, alignment, z)
    const names = new Set(tilesInBox(stitch, field, box))
    const tiles = manifest.tiles.filter(t => names.has(t.name))
    ready.push({ z, tiles, stitch, field })
    inputs[`stitch/${z}`] = stitchRef
    const path = `fields/${z}.bin`
    inputs[`field/${z}`] = { of: alignment, path, sha256: fields.get(path)! }
    for (const t of tiles) inputs[`tile/${z}/${t.name}`] = t.sha256
  }
  const order = ofRegion(
    'render',
    task,
    { ...params, ...greyOf(config), ...(excluded.length && { exclude: excluded as unknown as Json }) },
    inputs,
  )
  return produce(deps, config, order, async put => {
    const out = new Uint8Array(voxels(box))
    const within = (z0: number, z1: number): Ready[] =>
      ready.filter(s => s.z >= z0 - params.fillSections && s.z < z1 + params.fillSections)
    for (let z0 = box.min[2], z1 = z0; z0 < box.max[2]; z0 = z1) {
      z1 = Math.min(box.max[2], z0 + SLAB)
      while (z1 > z0 + 1 && pixelsOf(within(z0, z1)) > PIXELS) z1--
      const loaded = []
      for (const s of within(z0, z1)) loaded.push({ ...s, tiles: await loadTiles(deps, s.tiles, decoded) })
      const part = { min: [box.min[0], box.min[1], z0], max: [box.max[0], box.max[1], z1] } as const
      const drawn = await deps.compute(renderSlab, [loaded, part, params, excluded.map(e => e.box)])
      copyOverlap(drawn, part, out, box, 1)
      progress(z1 - box.min[2], box.max[2] - box.min[2])
    }
    await putVolume(put, out, box, emVolume)
    const holes = excluded
      .map(e => ({ box: intersect(e.box, box), reason: e.reason }))
      .filter(e => !isEmpty(e.box))
      .map((e): Hole => ({ stage: 'render', what: `region ${task.cell} box ${boxName(e.box)}`, reason: e.reason }))
    return { voxels: voxels(box), summary: { sections: ready.length }, holes }
  })
}
