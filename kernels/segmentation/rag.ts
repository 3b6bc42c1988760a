// The region adjacency graph of a region: contacts between supervoxels with their affinities, sizes, faces touched.
import { rowsAt } from '../arrays.ts'
import { Contacts, combineEdges } from './edge-table.ts'
import { rankIds } from './pair-index.ts'
import { tick } from '../tick.ts'
import type { RegionGraph } from './segmentation-types.ts'
import type { Vec3 } from '../types.ts'

export interface RegionGraphRequest {
  /** Index into `ids` per voxel, x fastest; 0 = none. */
  readonly labels: Uint32Array
  /** Supervoxel id of each index; ids[0] is not read. */
  readonly ids: BigUint64Array
  /** uint8 affinities to the lower neighbour, channel slowest: z, y, x; 255 x probability. */
  readonly affinity: Uint8Array
  /** Shape of the volume: the region proper plus, where low[a] = 1, one slab of the region below on axis a. */
  readonly shape: Vec3
  readonly low: readonly [0 | 1, 0 | 1, 0 | 1]
}

/**
 * Counts every contact (v, v - offset) between different supervoxels whose higher voxel v lies in the region proper, so
 * that each voxel pair of a dataset is owned by exactly one region. Nodes are the supervoxels of the region proper.
 * @throws RangeError if sizes do not fit together
 */
export function regionGraph({ labels, ids, affinity, shape, low }: RegionGraphRequest): RegionGraph {
  const [sx, sy, sz] = shape
  const n = sx * sy * sz
  if (labels.length !== n || affinity.length !== 3 * n)
    throw new RangeError(`${labels.length} labels and ${affinity.length} affinities for a volume of ${n} voxels`)
  const contacts = new Contacts()
  const size = new Float64Array(ids.length)
  const faces = new Uint8Array(ids.length)
  const plane = sx * sy
  for (let z = low[2]; z < sz; z++) {
    tick()
    const zBits = (z === low[2] ? 16 : 0) | (z === sz - 1 ? 32 : 0)
    for (let y = low[1]; y < sy; y++) {
      const yzBits = zBits | (y === low[1] ? 4 : 0) | (y === sy - 1 ? 8 : 0)
      // Where no row comes before, a voxel is compared with itself.
      const up = y > 0 ? sx : 0
      const below = z > 0 ? plane : 0
      const end = sx * (y + sy * z + 1)
      const first = end - sx + low[0]
      let last = labels[first - low[0]]!
      let run = 0
      faces[labels[first]!]! |= 1
      faces[labels[end - 1]!]! |= 2
      for (let i = first; i < end; i++) {
        const u = labels[i]!
        const left = last
        const above = labels[i - up]!
        const under = labels[i - below]!
        last = u
        if (u === left) run++
        else {
          size[left]! += run
          run = 1
        }
        if (yzBits !== 0) faces[u]! |= yzBits
        if (((u ^ left) | (u ^ above) | (u ^ under)) === 0 || u === 0) continue
        if (left !== u && left !== 0) contacts.add(u, left, affinity[2 * n + i]!, 1)
        if (above !== u && above !== 0) contacts.add(u, above, affinity[n + i]!, 1)
        if (under !== u && under !== 0) contacts.add(u, under, affinity[i]!, 1)
      }
      size[last]! += run
    }
  }
  return { edges: edgeTable(contacts, ids), nodes: nodeTable(ids, size, faces) }
}

function edgeTable({ pairs, sum, count }: Contacts, ids: BigUint64Array): RegionGraph['edges'] {
  const n = pairs.size
  const { threshold: _, ...edges } = combineEdges([
    {
      a: rowsAt({ ids }, pairs.first.subarray(0, n)).ids,
      b: rowsAt({ ids }, pairs.second.subarray(0, n)).ids,
      sum: sum.subarray(0, n),
      count: count.subarray(0, n),
      threshold: new Float64Array(n),
    },
  ])
  return edges
}

function nodeTable(id: BigUint64Array, size: Float64Array, faces: Uint8Array): RegionGraph['nodes'] {
  const { rank } = rankIds(id)
  const place = new Uint32Array(id.length)
  for (let i = 0; i < id.length; i++) place[rank[i]!] = i
  return rowsAt(
    { id, size, faces },
    place.filter(i => i > 0 && size[i]! > 0),
  )
}
