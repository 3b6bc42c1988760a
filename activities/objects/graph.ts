// graph: the synapses of the dataset, neuron-to-neuron edges and a row per segment, as tables and as what a viewer reads.
import type { Json } from '../../domain/canonical.ts'
import type { Outcome } from '../../domain/contract/artifacts.ts'
import type { DatasetTask } from '../../domain/contract/activities.ts'
import { rowsAt } from '../../kernels/arrays.ts'
import { readArrays } from '../segmentation/agglomerate.ts'
import { synapseFiles } from '../../storage/formats/annotations/synapses.ts'
import { writeParquet } from '../../storage/formats/parquet.ts'
import { segmentTable } from '../../storage/formats/segment-properties.ts'
import type { Deps } from '../context.ts'
import { Fold } from '../fold.ts'
import { madeBy } from '../gather.ts'
import { progress } from '../meter.ts'
import { contents, ofDataset, produce } from '../produce.ts'
import { configOf } from '../documents.ts'
import { byPartners, concatTables, synapseLines, synapseRows, type SynapseColumns } from './synapse-table.ts'
import { connectivity } from '../../kernels/graph.ts'
import { mapIds } from '../../kernels/segmentation/compact-ids.ts'
import { addSizes, type Sizes } from '../../kernels/segmentation/segment-changes.ts'
import type { Merges, Nodes } from '../../kernels/segmentation/segmentation-types.ts'
import { hilbertOrder } from '../../kernels/hilbert.ts'

export async function graph(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const { bounds, voxelSizeNm, offset } = task.context
  const synapses = await madeBy(deps, task, 'synapse')
  const graphs = await madeBy(deps, task, 'rag')
  const tables = await madeBy(deps, task, 'merge-table')
  const inputs = { ...contents('synapse', synapses), ...contents('rag', graphs), ...contents('merge-table', tables) }
  const place = { voxelSizeNm, bounds: bounds as unknown as Json, ...(offset && { offset }) }
  const order = ofDataset('graph', { ...config.stages.graph, ...place }, inputs)
  return produce(deps, config, order, async put => {
    const parts: SynapseColumns[] = []
    const sizes = new Fold((all: readonly Sizes[]) => deps.compute(addSizes, [all]))
    for (const [i, cell] of Object.keys(synapses).entries()) {
      parts.push(await readArrays<SynapseColumns>(deps, synapses[cell]!, 'synapses.bin'))
      const { id, size } = await readArrays<Nodes>(deps, graphs[cell]!, 'nodes.bin')
      const { from, to } = await readArrays<Merges>(deps, tables[cell]!, 'table.bin')
      await sizes.add({ ids: await deps.compute(mapIds, [id, from, to]), voxels: size })
      progress(i + 1, Object.keys(synapses).length)
    }
    const { ids, voxels } = await sizes.sum()
    const found = concatTables(parts)
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
