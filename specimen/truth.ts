// The ground truth of a phantom as one JSON record.
import { map3, type Vec3 } from '../kernels/types.ts'
import { postStand, preStand } from './synapses.ts'
import { foldOf, sectionTransform, tileSlots } from './transform.ts'
import type { PhantomScene, PhantomSpec, PhantomTruth } from './types.ts'

/** Everything that was put into the specimen and its sections. Lengths in voxels; only what lies in the specimen is listed. */
export function phantomTruth(spec: PhantomSpec, scene: PhantomScene): PhantomTruth {
  const inside = (p: Vec3) => p.every((v, a) => v >= 0 && v < spec.size[a]!)
  const all = tileSlots(spec).map(s => s.tile)
  return {
    size: spec.size,
    voxelSizeNm: spec.voxelSizeNm,
    seed: spec.seed,
    sections: Array.from({ length: spec.size[2] }, (_, z) => sectionTransform(spec, z)),
    defects: spec.defects.map(({ kind, section, tile }) => ({
      kind,
      section,
      tiles: tile === undefined ? all : [tile],
      ...(kind === 'fold' ? { fold: foldOf(spec, section) } : {}),
    })),
    neurites: neuriteLengths(scene, inside),
    synapses: synapseRows(scene, inside),
  }
}

function neuriteLengths({ lines }: PhantomScene, inside: (p: Vec3) => boolean): { id: number; length: number }[] {
  const lengths = new Map<number, number>()
  for (let i = 0; i < lines.x.length; i++) {
    const from = lines.previous[i]!
    if (from < 0) continue
    const axes = [lines.x, lines.y, lines.z] as const
    if (!inside(map3(a => (axes[a][i]! + axes[a][from]!) / 2))) continue
    const [dx, dy, dz] = map3(a => axes[a][i]! - axes[a][from]!)
    const step = Math.sqrt(dx ** 2 + dy ** 2 + dz ** 2)
    lengths.set(lines.owner[i]!, (lengths.get(lines.owner[i]!) ?? 0) + step)
  }
  return [...lengths].sort((a, b) => a[0] - b[0]).map(([id, length]) => ({ id, length: Math.round(length * 10) / 10 }))
}

function synapseRows({ synapses: s }: PhantomScene, inside: (p: Vec3) => boolean): PhantomTruth['synapses'] {
  const out: PhantomTruth['synapses'][number][] = []
  for (let i = 0; i < s.x.length; i++) {
    const axes = [
      [s.x, s.nx],
      [s.y, s.ny],
      [s.z, s.nz],
    ] as const
    const at = (by: number) => map3(a => Math.round(axes[a][0][i]! + axes[a][1][i]! * by))
    const [x, y, z] = at(0)
    const prePoint = at(preStand)
    const postPoint = at(-postStand)
    if (!inside([x, y, z]) || !inside(prePoint) || !inside(postPoint)) continue
    const size = Math.round(s.r[i]! * 10) / 10
    out.push({ id: out.length + 1, pre: s.pre[i]!, post: s.post[i]!, x, y, z, prePoint, postPoint, size })
  }
  return out
}
