// A volume through a model, block by block, by the inference process of a worker.
import { request, type Model } from '../../activities/model.ts'
import type { Deps } from '../../activities/context.ts'
import {
  cellsIn,
  cellBox,
  grow,
  map3,
  shapeOf,
  subtract,
  translate,
  voxels,
  type Box,
  type Vec3,
} from '../../domain/geometry.ts'
import { copyOverlap } from '../../storage/formats/volume.ts'
import { inferenceHost } from '../../worker/inference.ts'

const BLOCK: Vec3 = [128, 128, 128]
/** Of affinities, whose halo is a parameter of their stage and not in the card. */
const HALO = 24

export const host = inferenceHost()

/** The first channels of what it gives, one after the other; x fastest. */
export async function throughModel(
  model: Model,
  em: Uint8Array<ArrayBuffer>,
  bounds: Box,
  channels: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const halo = map3(() => model.halo ?? HALO)
  const out = new Uint8Array(channels * em.length)
  for (const at of cellsIn(bounds, BLOCK)) {
    const own = cellBox(at, BLOCK, bounds)
    const outer = grow(own, halo, bounds)
    const block = new Uint8Array(voxels(outer))
    copyOverlap(em, bounds, block, outer, 1)
    const core = translate(own, subtract([0, 0, 0], outer.min))
    const asked = request({} as Deps, model, block, shapeOf(outer), core, channels)
    copyOverlap(await host.infer({ ...asked, model: model.file }), own, out, bounds, channels)
  }
  return out
}
