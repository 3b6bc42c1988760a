// Synapses from maps and segmentation: connected clefts, the two segments that face each other, and which of them is presynaptic.
import type { Box, Vec3 } from './types.ts'

export interface SynapseParams {
  /** Value of the cleft map from which a voxel is cleft. */
  readonly minCleft: number
  /** Fewer voxels are no cleft. */
  readonly minVoxels: number
}

export interface SynapseTable {
  readonly pre: BigUint64Array<ArrayBuffer>
  readonly post: BigUint64Array<ArrayBuffer>
  /** Centre of the cleft, and the middle of what each partner shows of the synapse, in voxels of the dataset. */
  readonly x: Float64Array<ArrayBuffer>
  readonly y: Float64Array<ArrayBuffer>
  readonly z: Float64Array<ArrayBuffer>
  readonly preX: Float64Array<ArrayBuffer>
  readonly preY: Float64Array<ArrayBuffer>
  readonly preZ: Float64Array<ArrayBuffer>
  readonly postX: Float64Array<ArrayBuffer>
  readonly postY: Float64Array<ArrayBuffer>
  readonly postZ: Float64Array<ArrayBuffer>
  /** Voxels of the cleft. */
  readonly size: Uint32Array<ArrayBuffer>
  /** 0..1: how dark the cleft is. */
  readonly score: Float32Array<ArrayBuffer>
}

export interface SynapseRequest {
  readonly cleft: Uint8Array
  readonly vesicles: Uint8Array
  /** Indices into `ids`; id 0n is background. */
  readonly labels: Uint32Array
  readonly ids: BigUint64Array
  readonly shape: Vec3
  /** Voxel of the dataset at index 0. */
  readonly origin: Vec3
  /** The region proper within the volume: a cleft belongs to the region that holds its centre. */
  readonly core: Box
  readonly params: SynapseParams
}

/** Margin in which a cleft across the border, and the vesicles around it, are seen whole by both regions. */
export const synapseHalo = 32

/** How far from the cleft its partners are looked for, and the vesicles of each. */
const CONTACT = 5
const REACH = 20

interface Row {
  readonly pre: bigint
  readonly post: bigint
  readonly centre: Vec3
  readonly prePoint: Vec3
  readonly postPoint: Vec3
  readonly size: number
  readonly score: number
}

/** Rows sorted by centre (z, y, x). No cleft is reported by two regions as long as it is smaller than the halo. */
export function synapses(r: SynapseRequest): { table: SynapseTable } {
  const rows: Row[] = []
  for (const voxels of clefts(r)) {
    if (voxels.length < r.params.minVoxels) continue
    const row = describe(r, voxels)
    if (row) rows.push(row)
  }
  rows.sort((a, b) => a.centre[2] - b.centre[2] || a.centre[1] - b.centre[1] || a.centre[0] - b.centre[0])
  const column = (pick: (row: Row) => number): Float64Array<ArrayBuffer> => Float64Array.from(rows, pick)
  return {
    table: {
      pre: BigUint64Array.from(rows, w => w.pre),
      post: BigUint64Array.from(rows, w => w.post),
      x: column(w => w.centre[0]),
      y: column(w => w.centre[1]),
      z: column(w => w.centre[2]),
      preX: column(w => w.prePoint[0]),
      preY: column(w => w.prePoint[1]),
      preZ: column(w => w.prePoint[2]),
      postX: column(w => w.postPoint[0]),
      postY: column(w => w.postPoint[1]),
      postZ: column(w => w.postPoint[2]),
      size: Uint32Array.from(rows, w => w.size),
      score: Float32Array.from(rows, w => w.score),
    },
  }
}

/** 26-connected components of the thresholded cleft map, each in the order of discovery from its first voxel. */
function* clefts({ cleft, shape, params }: SynapseRequest): Generator<number[]> {
  const [sx, sy, sz] = shape
  const seen = new Uint8Array(cleft.length)
  for (let start = 0; start < cleft.length; start++) {
    if (seen[start] || cleft[start]! < params.minCleft) continue
    const found = [start]
    seen[start] = 1
    for (let k = 0; k < found.length; k++) {
      const i = found[k]!
      const [x, y, z] = [i % sx, Math.floor(i / sx) % sy, Math.floor(i / (sx * sy))]
      for (let w = Math.max(0, z - 1); w <= Math.min(sz - 1, z + 1); w++)
        for (let v = Math.max(0, y - 1); v <= Math.min(sy - 1, y + 1); v++)
          for (let u = Math.max(0, x - 1); u <= Math.min(sx - 1, x + 1); u++) {
            const j = u + sx * (v + sy * w)
            if (seen[j] || cleft[j]! < params.minCleft) continue
            seen[j] = 1
            found.push(j)
          }
    }
    yield found
  }
}

/** The row of one cleft; undefined when its centre lies in another region or fewer than two segments face each other. */
function describe(r: SynapseRequest, voxels: readonly number[]): Row | undefined {
  const [sx, sy, sz] = r.shape
  const sum = [0, 0, 0]
  let darkness = 0
  for (const i of voxels) {
    sum[0]! += i % sx
    sum[1]! += Math.floor(i / sx) % sy
    sum[2]! += Math.floor(i / (sx * sy))
    darkness += r.cleft[i]!
  }
  const centre = sum.map(s => s / voxels.length)
  if (centre.some((c, a) => Math.round(c) < r.core.min[a]! || Math.round(c) >= r.core.max[a]!)) return undefined

  const contact = new Map<number, number>()
  forBall(r.shape, centre, REACH, (i, x, y, z) => {
    // Near the cleft itself, not merely near its centre.
    if (r.ids[r.labels[i]!] === 0n) return
    for (const v of voxels) {
      const d = Math.max(Math.abs((v % sx) - x), Math.abs((Math.floor(v / sx) % sy) - y), Math.abs(Math.floor(v / (sx * sy)) - z))
      if (d <= CONTACT) {
        contact.set(r.labels[i]!, (contact.get(r.labels[i]!) ?? 0) + 1)
        return
      }
    }
  })
  const partners = [...contact].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 2)
  if (partners.length < 2 || sz < 1) return undefined
  const sides = partners.map(([label]) => ({ label, voxels: 0, vesicles: 0, at: [0, 0, 0] }))
  forBall(r.shape, centre, REACH, (i, x, y, z) => {
    const side = sides.find(s => s.label === r.labels[i]!)
    if (!side) return
    side.voxels++
    side.vesicles += r.cleft[i]! > 0 ? 0 : r.vesicles[i]!
    const d = Math.hypot(x - centre[0]!, y - centre[1]!, z - centre[2]!)
    const w = d < REACH / 2 ? 1 : 0
    side.at[0]! += w * x
    side.at[1]! += w * y
    side.at[2]! += w * z
  })
  const near = sides.map(side => {
    let n = 0
    forBall(r.shape, centre, REACH, (i, x, y, z) => {
      if (r.labels[i]! === side.label && Math.hypot(x - centre[0]!, y - centre[1]!, z - centre[2]!) < REACH / 2) n++
    })
    return n
  })
  const density = sides.map(s => s.vesicles / Math.max(1, s.voxels))
  const pre = density[0]! >= density[1]! ? 0 : 1
  const shifted = (p: readonly number[]): Vec3 => [p[0]! + r.origin[0], p[1]! + r.origin[1], p[2]! + r.origin[2]]
  const point = (k: number): Vec3 => (near[k]! > 0 ? shifted(sides[k]!.at.map(v => v / near[k]!)) : shifted(centre))
  return {
    pre: r.ids[sides[pre]!.label]!,
    post: r.ids[sides[1 - pre]!.label]!,
    centre: shifted(centre),
    prePoint: point(pre),
    postPoint: point(1 - pre),
    size: voxels.length,
    score: darkness / voxels.length / 255,
  }
}

/** Calls `visit` for each voxel of the volume within `radius` of `centre`, in raster order. */
function forBall(
  [sx, sy, sz]: Vec3,
  centre: readonly number[],
  radius: number,
  visit: (i: number, x: number, y: number, z: number) => void,
): void {
  const low = (a: number): number => Math.max(0, Math.ceil(centre[a]! - radius))
  const high = (a: number, n: number): number => Math.min(n - 1, Math.floor(centre[a]! + radius))
  for (let z = low(2); z <= high(2, sz); z++)
    for (let y = low(1); y <= high(1, sy); y++)
      for (let x = low(0); x <= high(0, sx); x++) {
        const [dx, dy, dz] = [x - centre[0]!, y - centre[1]!, z - centre[2]!]
        if (dx * dx + dy * dy + dz * dz <= radius * radius) visit(x + sx * (y + sy * z), x, y, z)
      }
}
