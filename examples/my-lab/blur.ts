// What executes our stage: the mean around every voxel, across the borders of regions.
import { shapeOf, subtract, voxels, type Box, type CellTask, type Outcome, type StageName } from 'hillock/domain'
import {
  configFor,
  emVolume,
  halo,
  ofRegion,
  produce,
  putVolume,
  readVolume,
  refs,
  regionBox,
  touching,
  type Deps,
} from 'hillock/worker'

const BLUR = 'blur' as StageName

export async function blur(deps: Deps, task: CellTask): Promise<Outcome> {
  const config = await configFor(deps, task)
  const parameters = config.stages[BLUR] as unknown as { radius: number }
  const box = regionBox(task)
  const outer = halo(box, parameters.radius, task.context.bounds)
  const order = ofRegion(BLUR, task, parameters, touching(task, 'render', outer))
  return produce(deps, config, order, async put => {
    const em = await readVolume(deps, task, refs(task, 'render'), emVolume, outer)
    await putVolume(put, mean(em, outer, box, parameters.radius), box, emVolume)
    return { voxels: voxels(box) }
  })
}

/** Of `em`, which fills `outer`, the mean over a cube around each voxel of `box`; beyond `outer` nothing counts. */
export function mean(em: Uint8Array, outer: Box, box: Box, radius: number): Uint8Array<ArrayBuffer> {
  const [ox, oy, oz] = shapeOf(outer)
  const [sx, sy, sz] = shapeOf(box)
  const [fx, fy, fz] = subtract(box.min, outer.min)
  const out = new Uint8Array(sx * sy * sz)
  const range = (at: number, end: number): [number, number] => [
    Math.max(0, at - radius),
    Math.min(end - 1, at + radius),
  ]
  for (let i = 0; i < out.length; i++) {
    const [x0, x1] = range((i % sx) + fx, ox)
    const [y0, y1] = range((Math.floor(i / sx) % sy) + fy, oy)
    const [z0, z1] = range(Math.floor(i / (sx * sy)) + fz, oz)
    let sum = 0
    for (let z = z0; z <= z1; z++)
      for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) sum += em[x + ox * (y + oy * z)]!
    out[i] = Math.round(sum / ((x1 - x0 + 1) * (y1 - y0 + 1) * (z1 - z0 + 1)))
  }
  return out
}
