// phantom: one slab of a synthetic specimen, photographed tile by tile, with the ground truth of the same voxels.
import { zstdCompressSync } from 'node:zlib'
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { TileEntry } from '../domain/run-file/source.ts'
import type { Outcome } from '../domain/contract/artifacts.ts'
import { voxels, type Box } from '../domain/geometry.ts'
import type { SectionTask } from '../domain/contract/activities.ts'
import { encodePng } from '../storage/formats/image.ts'
import { copyOverlap } from '../storage/formats/volume.ts'
import type { PhantomScene } from '../specimen/types.ts'
import type { Deps } from './context.ts'
import { cached } from '../storage/cached.ts'
import { progress, timedKernel } from './meter.ts'
import { json, produce } from './produce.ts'
import { configOf } from './documents.ts'
import { phantomScene } from '../specimen/scene.ts'
import { phantomSection } from '../specimen/section.ts'
import { phantomSpecimen } from '../specimen/specimen.ts'
import { phantomTruth } from '../specimen/truth.ts'

/** Voxels beyond the specimen that a shifted, rotated and warped tile may see. */
const MARGIN = 48
const SCENES = 2
const scenes = new Map<unknown, Promise<PhantomScene>>()

export async function phantom(deps: Deps, task: SectionTask): Promise<Outcome> {
  const { context, first, last } = task
  const config = await configOf(deps, context.config)
  if (!('phantom' in config.source)) throw new Error('the source of this run is not a phantom')
  const spec = config.source.phantom
  const sections = last - first + 1
  const extent: Box = { min: [0, 0, first], max: [spec.size[0], spec.size[1], last + 1] }
  const order = {
    stage: 'phantom',
    key: String(first),
    parameters: spec as unknown as Record<string, Json>,
    inputs: {},
    extent,
    seed: spec.seed,
  } as const
  return produce(deps, config, order, async put => {
    const lay = (): Promise<PhantomScene> => deps.compute(phantomScene, [spec])
    // All slabs show the same scene; one that was cancelled with its slab is laid out again.
    const scene = await cached(scenes, canonicalJson(spec as unknown as Json), SCENES, lay).catch(lay)
    const truth = await deps.compute(phantomTruth, [spec, scene])
    const layout: TileEntry[] = []
    const slab: Box = {
      min: [-MARGIN, -MARGIN, first],
      max: [spec.size[0] + MARGIN, spec.size[1] + MARGIN, last + 1],
    }
    const specimen = await deps.compute(phantomSpecimen, [spec, scene, slab])
    const labels = new Uint32Array(voxels(extent))
    copyOverlap(specimen.labels, slab, labels, extent, 1)
    const plane = specimen.em.length / sections
    for (let z = first; z <= last; z++) {
      const box: Box = { min: [-MARGIN, -MARGIN, z], max: [spec.size[0] + MARGIN, spec.size[1] + MARGIN, z + 1] }
      const slice = { em: specimen.em.slice(plane * (z - first), plane * (z - first + 1)), box }
      for (const t of await deps.compute(phantomSection, [spec, z, slice])) {
        const name = `r${t.row}c${t.col}`
        const file = `tiles/z${String(z).padStart(5, '0')}/${name}.png`
        layout.push({ section: z, name, file, x: t.x, y: t.y, width: t.width, height: t.height })
        const defects = truth.defects.filter(d => d.section === z && d.tiles.includes(name)).map(d => d.kind)
        if (defects.includes('missing')) continue
        const png = await timedKernel('encode', () => encodePng(t.data, t.width, t.height))
        await put(file, defects.includes('truncated') ? png.subarray(0, Math.floor(png.length * 0.6)) : png)
      }
      progress(z - first + 1, sections)
    }
    await put('layout.json', json(layout))
    await put('truth.json', json(truth))
    await put('labels.u32.zst', zstdCompressSync(new Uint8Array(labels.buffer)))
    return { voxels: labels.length, summary: { tiles: layout.length, defects: truth.defects.length } }
  })
}
