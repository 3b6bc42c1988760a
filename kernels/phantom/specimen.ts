// Renders a box of the specimen: grey values and labels, a pure function of absolute voxel coordinates.
import type { Box } from '../types.ts'
import { makeBuckets } from './buckets.ts'
import { bentSpheres, cellSize, makeField } from './field.ts'
import type { Field } from './field.ts'
import {
  cytoplasmContrast,
  cytoplasmGrey,
  gap,
  membraneProfile,
  mitochondrionGrey,
  profileSteps,
  synapseGrey,
  vesicleShell,
} from './look.ts'
import { noiseTables, tableIndex } from './noise.ts'
import type { PhantomScene, PhantomVolume, Samples } from './types.ts'

const lastProfile = membraneProfile.length - 1
/** How far a vesicle or synapse reaches beyond its radius. */
const fringe = 2

const plain = (s: Pick<Samples, 'x' | 'y' | 'z' | 'r'>): Float64Array => {
  const out = new Float64Array(4 * s.x.length)
  for (let i = 0; i < s.x.length; i++) out.set([s.x[i]!, s.y[i]!, s.z[i]!, s.r[i]!], 4 * i)
  return out
}

/**
 * Grey values and labels of a box, x fastest. The box may lie outside the specimen, in the margin. Any decomposition
 * into boxes gives the same voxels. Method: the neurites are the cells of a power diagram of their centre-line spheres
 * in a space bent by smooth noise; grey follows from the distance to the nearest boundary and from the organelles.
 */
export function phantomSpecimen(spec: { readonly seed: number }, scene: PhantomScene, box: Box): PhantomVolume {
  const { seed } = spec
  const [sx, sy, sz] = [0, 1, 2].map(a => box.max[a]! - box.min[a]!) as [number, number, number]
  const em = new Uint8Array(sx * sy * sz)
  const labels = new Uint32Array(sx * sy * sz)
  const field: Field = makeField(seed, scene.lines, box)
  const { spheres, owner, starts, candidates } = field
  const { warpX, warpY, warpZ, blotch, grain } = noiseTables(seed)
  const [cx, cy, cz] = field.cells.min as [number, number, number]
  const [cnx, cny] = field.cells.n as [number, number]

  const mito = bentSpheres(field.tables, scene.mitochondria)
  for (let i = 3; i < mito.length; i += 4) mito[i] = Math.sqrt(mito[i]!)
  const mitoCells = makeBuckets(mito, fringe, cellSize, field.cells.min, field.cells.n)
  const mitoOwner = scene.mitochondria.owner
  const mitoBody = scene.mitochondria.body

  const straightMin = box.min.map(v => Math.floor(v / cellSize))
  const straightN = box.max.map((v, a) => Math.floor((v - 1) / cellSize) - straightMin[a]! + 1)
  const vesicle = plain(scene.vesicles)
  const vesicleOwner = scene.vesicles.owner
  const vesicleCells = makeBuckets(vesicle, fringe, cellSize, straightMin, straightN)
  const synapse = plain(scene.synapses)
  const { pre, post } = scene.synapses
  const cloud = 24
  const synapseCells = makeBuckets(synapse, cloud - 7, cellSize, straightMin, straightN)

  let ids = 0
  for (let i = 0; i < owner.length; i++) ids = Math.max(ids, owner[i]!)
  let bodies = 0
  for (let i = 0; i < mitoBody.length; i++) bodies = Math.max(bodies, mitoBody[i]!)
  const base = Float64Array.from({ length: ids + 1 }, (_, id) => cytoplasmGrey(seed, id))
  const contrast = Float64Array.from({ length: ids + 1 }, (_, id) => cytoplasmContrast(seed, id) / 32)
  const mitoBase = Float64Array.from({ length: bodies + 1 }, (_, body) => mitochondrionGrey(seed, body))

  let v = 0
  for (let z = box.min[2]; z < box.max[2]; z++)
    for (let y = box.min[1]; y < box.max[1]; y++)
      for (let x = box.min[0]; x < box.max[0]; x++, v++) {
        const t = tableIndex(x, y, z)
        const qx = x + warpX[t]! / 256
        const qy = y + warpY[t]! / 256
        const qz = z + warpZ[t]! / 256
        const cell =
          Math.floor(qx / cellSize) - cx + cnx * (Math.floor(qy / cellSize) - cy + cny * (Math.floor(qz / cellSize) - cz))
        // The nearest sphere by power distance, and the nearest of another owner.
        let p1 = Infinity
        let p2 = Infinity
        let k1 = 0
        let k2 = -1
        let o1 = 0
        for (let i = starts[cell]!, end = starts[cell + 1]!; i < end; i++) {
          const row = candidates[i]!
          const s = row << 2
          const dx = spheres[s]! - qx
          const dy = spheres[s + 1]! - qy
          const dz = spheres[s + 2]! - qz
          const p = dx * dx + dy * dy + dz * dz - spheres[s + 3]!
          if (p >= p2) continue
          const o = owner[row]!
          if (p < p1) {
            if (o !== o1) {
              p2 = p1
              k2 = k1
            }
            p1 = p
            k1 = row
            o1 = o
          } else if (o !== o1) {
            p2 = p
            k2 = row
          }
        }
        let d = 99
        let o2 = 0
        if (p2 < Infinity) {
          const a = k1 << 2
          const b = k2 << 2
          const dx = spheres[a]! - spheres[b]!
          const dy = spheres[a + 1]! - spheres[b + 1]!
          const dz = spheres[a + 2]! - spheres[b + 2]!
          d = (p2 - p1) / (2 * Math.sqrt(dx * dx + dy * dy + dz * dz))
          o2 = owner[k2]!
        }
        labels[v] = d < gap ? 0 : o1

        const tone = warpX[t]! / 256
        let grey = base[o1]! + 0.8 * tone + blotch[t]! * contrast[o1]!
        if (d > 3)
          for (let i = mitoCells.starts[cell]!, end = mitoCells.starts[cell + 1]!, deep = 99; i < end; i++) {
            const row = mitoCells.rows[i]!
            if (mitoOwner[row] !== o1) continue
            const s = row << 2
            const dx = mito[s]! - qx
            const dy = mito[s + 1]! - qy
            const dz = mito[s + 2]! - qz
            deep = Math.min(deep, Math.sqrt(dx * dx + dy * dy + dz * dz) - mito[s + 3]!)
            if (i + 1 < end) continue
          }
        em[v] = grey
      }
  void [mitoBase, mitoBody, grain, vesicleCells, vesicleOwner, synapseCells, pre, post, synapseGrey, vesicleShell, lastProfile]
  return { em, labels }
}
