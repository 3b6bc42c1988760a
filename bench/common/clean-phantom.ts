// A phantom as a still microscope sees it: nothing displaced, no uneven light, nothing but shot noise.
import { boxAt } from '../../domain/geometry.ts'
import { PhantomSpec } from '../../domain/run-file/phantom.ts'
import { phantomScene } from '../../specimen/scene.ts'
import { phantomSection } from '../../specimen/section.ts'
import { phantomSpecimen } from '../../specimen/specimen.ts'
import { phantomTruth } from '../../specimen/truth.ts'
import type { Vec3 } from '../../kernels/types.ts'

/** EM and labels, x fastest, and the truth; `noise` in grey levels at mid grey. */
export function cleanPhantom(size: Vec3, seed: number, noise?: number) {
  const [sx, sy, sz] = size
  const distortion = { jitterPx: 0, rotationDeg: 0, warpPx: 0, illumination: 0, drift: 0, noise }
  const spec = PhantomSpec.parse({ size, seed, tiles: { shape: [sx, sy], overlap: 0 }, distortion })
  const scene = phantomScene(spec)
  const box = boxAt([0, 0, 0], size)
  const { em: still, labels } = phantomSpecimen(spec, scene, box)
  const em = new Uint8Array(still.length)
  for (let z = 0; z < sz; z++) em.set(phantomSection(spec, z, { em: still, box })[0]!.data, z * sx * sy)
  return { em, labels, truth: phantomTruth(spec, scene) }
}
