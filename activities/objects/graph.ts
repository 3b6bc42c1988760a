// graph: segments, contacts, synapses and edges of a range of segments, as tables and as what a viewer reads.
import type { Json } from '../../domain/canonical.ts'
import type { Outcome, Refs } from '../../domain/contract/artifacts.ts'
import type { RangeTask } from '../../domain/contract/activities.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import { fromKey } from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { rowsAt } from '../../kernels/arrays.ts'
import { byPartner } from '../../kernels/graph.ts'
import { hilbertOrder } from '../../kernels/hilbert.ts'
import { rangeOfRegion, regionsNear, synapseRangeFiles } from '../../storage/formats/annotations/synapse-ranges.ts'
import { synapseFiles } from '../../storage/formats/annotations/synapses.ts'
import { columnsOf, writeParquet } from '../../storage/formats/parquet.ts'
import { tableFile } from '../../storage/formats/precomputed/by-id.ts'
import { segmentTable } from '../../storage/formats/segment-properties.ts'
import type { Deps } from '../context.ts'
import { configOf } from '../documents.ts'
import { atFrontier, madeAt, ofFirstRange, ofSegments } from '../gather.ts'
import { progress } from '../meter.ts'
import { contents, ofRange, partOf, produce, type Put } from '../produce.ts'
import { inputsOf, rowsOf } from './hashed-rows.ts'
import { contactColumns, measured, segmentColumns, skeletonsOf } from './segment-table.ts'
import {
  concatTables,
  keyedSynapses,
  readSynapses,
  synapseLines,
  synapseRows,
  synapsesBy,
  type SynapseColumns,
} from './synapse-table.ts'

export async function graph(deps: Deps, task: RangeTask): Promise<Outcome> {
  const { range, of } = task
  const { bounds, voxelSizeNm, offset, region } = task.context
  const config = await configOf(deps, task.context.config)
  const read: Read = {
    synapses: await atFrontier(deps, task, 'synapse-directory'),
    segments: await atFrontier(deps, task, 'segment-directory'),
    contacts: await atFrontier(deps, task, 'contact-directory'),
    near: await madeAt(deps, task, 'synapse', of === 1 ? [] : regionsNear({ range, of, bounds, region })),
    skeletons: await ofSegments(deps, task, 'skeleton-join'),
    withInfo: await ofFirstRange(deps, task, 'skeleton-join'),
  }
  const [skeletons, ...more] = Object.values(read.skeletons)
  const inputs = {
    ...inputsOf(read.synapses),
    ...inputsOf(read.segments),
    ...inputsOf(read.contacts),
    ...contents('synapse', read.near),
    ...(more.length > 0 ? contents('skeleton-join', read.skeletons) : { 'skeleton-join': skeletons! }),
    ...(skeletons!.recipe !== read.withInfo.recipe && {
      'skeleton-join/info': await partOf(deps, read.withInfo, 'info'),
    }),
  }
  const place = { voxelSizeNm, bounds: bounds as unknown as Json, ...(offset && { offset }) }
  // The extent says of how many partitions it is one.
  const { partitions: _, ...parameters } = config.stages.graph
  const order = ofRange('graph', task, { ...parameters, ...place }, inputs)
  return produce(deps, config, order, async put => ({ voxels: 0, summary: await writeTables(deps, task, read, put) }))
}

type Found = Readonly<Record<string, Refs>>

interface Read {
  /** Directories, or what they would be made from. */
  readonly synapses: Found
  readonly segments: Found
  readonly contacts: Found
  /** Synapses of the regions near those of the range; of none where there is one range. */
  readonly near: Refs
  /** Skeletons of the range by their own ranges, and those of the first, which say how they are sharded. */
  readonly skeletons: Refs
  readonly withInfo: ArtifactRef
}

/** What a range writes; returns how much of each it has. */
export async function writeTables(
  deps: Pick<Deps, 'artifacts' | 'compute'>,
  task: Pick<RangeTask, 'range' | 'of'> & {
    readonly context: Pick<RunContext, 'bounds' | 'voxelSizeNm' | 'offset' | 'region'>
  },
  read: Read,
  put: Put,
): Promise<{ readonly [name: string]: number }> {
  const { range, of } = task
  const { bounds, voxelSizeNm, offset, region } = task.context
  const where = { range, of, bounds, region }
  const table = (name: string, columns: Parameters<typeof columnsOf>[0]): Promise<void> =>
    put(tableFile(name, range, of), writeParquet(columnsOf(columns)))

  const { rows } = await rowsOf(deps, 'synapse-directory', read.synapses, keyedSynapses, task)
  const byId = synapsesBy(rows, 'id')
  const near: SynapseColumns[] = []
  const here: SynapseColumns[] = of === 1 ? [byId] : [rowsAt(byId, [])]
  for (const [cell, ref] of Object.entries(read.near)) {
    near.push(await readSynapses(deps, ref))
    if (rangeOfRegion(fromKey(cell), where) === range) here.push(near.at(-1)!)
    progress(near.length, Object.keys(read.near).length)
  }
  const own = concatTables(here)
  await table('synapses', synapseRows(rowsAt(own, await deps.compute(hilbertOrder, [own.x, own.y, own.z]))))

  const by = async (partner: 'pre' | 'post') => {
    const sorted = await deps.compute(byPartner<SynapseColumns>, [synapsesBy(rows, partner), partner])
    await table(`synapses-by-${partner}`, synapseRows(sorted.rows))
    await table(partner === 'pre' ? 'edges' : 'edges-by-post', { ...sorted.edges })
    return sorted
  }
  const [pre, post] = [await by('pre'), await by('post')]
  const lines = {
    id: synapseLines(byId),
    pre: synapseLines(pre.rows),
    post: synapseLines(post.rows),
    near: near.flatMap(synapseLines),
  }
  const files =
    of === 1
      ? synapseFiles(bounds, voxelSizeNm, lines.id, undefined, offset)
      : synapseRangeFiles(where, voxelSizeNm, lines, offset)
  for (const { path, bytes } of files) await put(`synapses/${path}`, bytes)

  const { segments, contacts } = await measured(deps, read, task)
  await table('contacts', contactColumns(contacts, voxelSizeNm))
  const info = await deps.artifacts.get(read.withInfo, 'info')
  const cables = await skeletonsOf(deps, read.skeletons, info, segments.id)
  const columns = segmentColumns(segments, { pre: pre.edges, post: post.edges }, cables)
  await table('segments', columns)
  if (range === 0) {
    const { segment: id, voxels, n_pre, n_post, n_downstream, n_upstream, skeleton_nm } = columns
    const sizes = Float64Array.from(voxels, Number)
    const shown = { id, voxels: sizes, n_pre, n_post, n_downstream, n_upstream, skeleton_nm }
    await put('segment_properties/info', Buffer.from(JSON.stringify(segmentTable(shown))))
  }
  return {
    synapses: own.id.length,
    segments: segments.id.length,
    edges: pre.edges.pre.length,
    contacts: contacts.a.length / 2,
  }
}
