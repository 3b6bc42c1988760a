// graph: the synapses of the dataset, neuron-to-neuron edges and a row per segment, as tables and as what a viewer reads.
import type { Json } from '../../domain/canonical.ts'
import type { Outcome } from '../../domain/contract.ts'
import type { DatasetTask } from '../../domain/index/tasks.ts'
import { cellBox, fromKey } from '../../domain/geometry.ts'
import { rowsAt } from '../../kernels/arrays.ts'
import { readArrays } from '../segmentation/agglomerate.ts'
import { synapseFiles } from '../../storage/formats/annotations/synapses.ts'
import { writeParquet } from '../../storage/formats/parquet.ts'
import { segmentTable } from '../../storage/formats/segment-properties.ts'
import { readVolume, segmentationVolume } from '../cells.ts'
import type { Deps } from '../context.ts'
import { refsBelow } from '../housekeeping/pages.ts'
import { progress } from '../meter.ts'
import { contents, ofDataset, produce } from '../produce.ts'
import { configOf } from '../documents.ts'
import { byPartners, concatTables, synapseLines, synapseRows, type SynapseColumns } from './synapse-table.ts'
import { connectivity } from '../../kernels/graph.ts'
import { countIds } from '../../kernels/segmentation/compact-ids.ts'
import { hilbertOrder } from '../../kernels/hilbert.ts'

export async function graph(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const { bounds, region, voxelSizeNm, offset } = task.context
  const synapses = await refsBelow(deps, [task.roots['products']!], 'synapse')
  const segments = await refsBelow(deps, [task.roots['objects']!], 'segment')
  const inputs = { ...contents('synapse', synapses), ...contents('segment', segments) }
  const place = { voxelSizeNm, bounds: bounds as unknown as Json, ...(offset && { offset }) }
  const order = ofDataset('graph', { ...config.stages.graph, ...place }, inputs)
  return produce(deps, config, order, async put => {
    const tables: SynapseColumns[] = []
    const sizes = new Map<bigint, number>()
    for (const [i, cell] of Object.keys(segments).entries()) {
      tables.push(await readArrays<SynapseColumns>(deps, synapses[cell]!, 'synapses.bin'))
      const labels = await readVolume(deps, task, segments, segmentationVolume, cellBox(fromKey(cell), region, bounds))
      const count = await deps.compute(countIds, [labels])
      count.ids.forEach((id, k) => sizes.set(id, (sizes.get(id) ?? 0) + count.voxels[k]!))
      progress(i + 1, Object.keys(segments).length)
    }
    sizes.delete(0n)
    const ids = BigUint64Array.from([...sizes.keys()].sort((a, b) => (a < b ? -1 : 1)))
    const voxels = Float64Array.from(ids, id => sizes.get(id)!)
    const found = concatTables(tables)
    const all = rowsAt(found, await deps.compute(hilbertOrder, [found.x, found.y, found.z]))
    const made = await deps.compute(connectivity, [all, { id: ids, voxels }])
    const rows = synapseRows(all)
    await put('synapses.parquet', writeParquet(rows))
    await put('synapses-by-segment.parquet', writeParquet(byPartners(rows)))
    await put('edges.parquet', writeParquet(Object.entries(made.edges).map(([name, data]) => ({ name, data }))))
    await put(
      'segments.parquet',
      writeParquet(
        Object.entries(made.segments).map(([name, data]) => ({ name: name === 'id' ? 'segment' : name, data })),
      ),
    )
    await put('segment_properties/info', Buffer.from(JSON.stringify(segmentTable(made.segments))))
    for (const { path, bytes } of synapseFiles(bounds, voxelSizeNm, synapseLines(all), undefined, offset))
      await put(`synapses/${path}`, bytes)
    return { voxels: 0, summary: { synapses: all.pre.length, segments: ids.length, edges: made.edges.pre.length } }
  })
}
