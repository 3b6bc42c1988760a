// The segments of a range as tables: size, box, centre, partners and skeleton of each, and which others it touches.
import type { Refs } from '../../domain/contract/artifacts.ts'
import { product, type Vec3 } from '../../domain/geometry.ts'
import type { RangeTask } from '../../domain/contract/activities.ts'
import { concat } from '../../kernels/arrays.ts'
import { partnersOf, type SynapseEdges } from '../../kernels/graph.ts'
import type { HashedRows } from '../../kernels/hashed-rows.ts'
import { sumContacts, sumSegments, type ContactSums, type SegmentSums } from '../../kernels/segmentation/measure.ts'
import { cableLengths } from '../../kernels/skeleton/cable.ts'
import { shardOf, shardReader, ShardingSpec } from '../../storage/formats/precomputed/sharding.ts'
import { decodeSkeleton } from '../../storage/formats/skeleton.ts'
import type { Deps } from '../context.ts'
import { progress } from '../meter.ts'
import { readArrays } from '../segmentation/agglomerate.ts'
import { directoryOf, placesOf, rowsOf, type RegionRows } from './hashed-rows.ts'

type Reads = Pick<Deps, 'artifacts' | 'compute'>

const measuredSegments: RegionRows<HashedRows & SegmentSums> = async (deps, { measure }) => {
  const sums = await readArrays<SegmentSums>(deps, measure!, 'segments.bin')
  return { rows: { ...sums, at: placesOf(sums.id) }, bytes: 0 }
}

/** From each of its sides. */
const measuredContacts: RegionRows<HashedRows & Omit<ContactSums, 'a'>> = async (deps, { measure }) => {
  const { a, b, ...faces } = await readArrays<ContactSums>(deps, measure!, 'contacts.bin')
  const id = concat([a, b])
  const twice = (column: BigUint64Array): BigUint64Array => concat([column, column])
  const { x, y, z } = { x: twice(faces.x), y: twice(faces.y), z: twice(faces.z) }
  return { rows: { id, at: placesOf(id), b: concat([b, a]), x, y, z }, bytes: 0 }
}

export const segmentDirectory = directoryOf('segment-directory', measuredSegments)
export const contactDirectory = directoryOf('contact-directory', measuredContacts)

/** What all regions say of the segments of a range, added up; of contacts `a` is a segment of the range. */
export async function measured(
  deps: Reads,
  found: { readonly segments: Readonly<Record<string, Refs>>; readonly contacts: Readonly<Record<string, Refs>> },
  task: Pick<RangeTask, 'range' | 'of'>,
): Promise<{ readonly segments: SegmentSums; readonly contacts: ContactSums }> {
  const segments = await rowsOf(deps, 'segment-directory', found.segments, measuredSegments, task)
  const contacts = await rowsOf(deps, 'contact-directory', found.contacts, measuredContacts, task)
  const { id: a, b, x, y, z } = contacts.rows
  return {
    segments: await deps.compute(sumSegments, [segments.rows]),
    contacts: await deps.compute(sumContacts, [{ a, b, x, y, z }]),
  }
}

/** Length in nm and number of nodes of the skeletons of some segments; 0 of those that have none. */
export async function skeletonsOf(deps: Reads, skeletons: Refs, info: Uint8Array, ids: BigUint64Array) {
  const { sharding } = JSON.parse(Buffer.from(info).toString()) as { sharding: unknown }
  const spec = ShardingSpec.parse(sharding)
  const readers = await Promise.all(Object.values(skeletons).map(ref => deps.artifacts.open(ref)))
  const length = new Float64Array(ids.length)
  const nodes = new Uint32Array(ids.length)
  const shards = Map.groupBy(ids.keys(), i => shardOf(spec, ids[i]!))
  for (const [file, rows] of shards) {
    const reader = readers.find(r => r.output(file))
    if (!reader) continue
    const bytes = await reader.get(file)
    const shard = shardReader(spec, async (_, offset, size) => bytes.subarray(offset, offset + size))
    const found = await Promise.all(rows.map(async row => ({ row, skeleton: await shard.get(ids[row]!) })))
    const held = found.flatMap(f => (f.skeleton ? [{ row: f.row, ...decodeSkeleton(f.skeleton) }] : []))
    const cables = await deps.compute(cableLengths, [
      held.map(({ positions, edges }) => ({ vertices: positions, edges })),
    ])
    for (const [i, { row, radii }] of held.entries()) {
      length[row] = cables[i]!
      nodes[row] = radii.length
    }
    progress(rows.length, ids.length)
  }
  return { length, nodes }
}

/** Columns of the table of segments. */
export function segmentColumns(
  s: SegmentSums,
  edges: Readonly<Record<'pre' | 'post', SynapseEdges>>,
  skeletons: { readonly length: Float64Array; readonly nodes: Uint32Array },
) {
  const [pre, post] = (['pre', 'post'] as const).map(side => partnersOf(s.id, edges[side], side))
  const mean = (sum: BigUint64Array): Float64Array => Float64Array.from(sum, (v, i) => Number(v) / Number(s.voxels[i]!))
  return {
    segment: s.id,
    voxels: s.voxels,
    x_min: s.xMin,
    y_min: s.yMin,
    z_min: s.zMin,
    x_max: s.xMax,
    y_max: s.yMax,
    z_max: s.zMax,
    x: mean(s.xSum),
    y: mean(s.ySum),
    z: mean(s.zSum),
    n_pre: pre!.synapses,
    n_post: post!.synapses,
    n_downstream: pre!.partners,
    n_upstream: post!.partners,
    skeleton_nm: skeletons.length,
    skeleton_nodes: skeletons.nodes,
  }
}

/** Columns of the table of contacts. */
export function contactColumns({ a, b, x, y, z }: ContactSums, nm: Vec3) {
  const faces = [x, y, z]
  const area = Float64Array.from(a, (_, i) =>
    faces.reduce((sum, f, axis) => sum + (Number(f[i]!) * product(nm)) / nm[axis]!, 0),
  )
  return { segment: a, neighbour: b, faces_x: x, faces_y: y, faces_z: z, area_nm2: area }
}
