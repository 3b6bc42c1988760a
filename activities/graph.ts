// graph: the synapse table of the dataset, neuron-to-neuron edges and a row per segment, as Parquet.
import type { Outcome } from '../domain/contract.ts'
import type { DatasetTask } from '../domain/tasks.ts'
import { cellBox, fromKey } from '../domain/geometry.ts'
import { readArrays } from './agglomerate.ts'
import { writeParquet } from '../storage/formats/parquet.ts'
import { readVolume, segmentationVolume } from './cells.ts'
import type { Deps } from './context.ts'
import { refsBelow } from './pages.ts'
import { progress } from './meter.ts'
import { contents, produce } from './produce.ts'
import { configOf } from './source.ts'
import { concatTables, type SynapseColumns } from './synapse-table.ts'

export async function graph(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const { bounds, region } = task.context
  const synapses = await refsBelow(deps, [task.roots['products']!], 'synapse')
  const segments = await refsBelow(deps, [task.roots['objects']!], 'segment')
  return produce(
    deps,
    config,
    {
      stage: 'graph',
      key: 'all',
      parameters: config.stages.graph,
      inputs: { ...contents('synapse', synapses), ...contents('segment', segments) },
      extent: 'dataset',
    },
    async put => {
      const tables: SynapseColumns[] = []
      const sizes = new Map<bigint, number>()
      for (const [i, cell] of Object.keys(segments).entries()) {
        tables.push(await readArrays<SynapseColumns>(deps, synapses[cell]!, 'synapses.bin'))
        const labels = await readVolume(
          deps,
          task,
          segments,
          segmentationVolume,
          cellBox(fromKey(cell), region, bounds),
        )
        const count = await deps.compute('countIds', [labels])
        count.ids.forEach((id, k) => sizes.set(id, (sizes.get(id) ?? 0) + count.voxels[k]!))
        progress(i + 1, Object.keys(segments).length)
      }
      sizes.delete(0n)
      const all = concatTables(tables)
      const ids = BigUint64Array.from([...sizes.keys()].sort((a, b) => (a < b ? -1 : 1)))
      const voxels = Float64Array.from(ids, id => sizes.get(id)!)
      const made = await deps.compute('connectivity', [all, { id: ids, voxels }])
      await put(
        'synapses.parquet',
        writeParquet([
          { name: 'id', data: BigUint64Array.from(all.pre, (_, i) => BigInt(i + 1)) },
          { name: 'pre_segment', data: all.pre },
          { name: 'post_segment', data: all.post },
          ...(['x', 'y', 'z', 'preX', 'preY', 'preZ', 'postX', 'postY', 'postZ', 'size', 'score'] as const).map(
            name => ({
              name: name.replace(
                /(pre|post)([XYZ])/,
                (_, side: string, axis: string) => `${side}_${axis.toLowerCase()}`,
              ),
              data: all[name],
            }),
          ),
        ]),
      )
      await put('edges.parquet', writeParquet(Object.entries(made.edges).map(([name, data]) => ({ name, data }))))
      await put(
        'segments.parquet',
        writeParquet(
          Object.entries(made.segments).map(([name, data]) => ({ name: name === 'id' ? 'segment' : name, data })),
        ),
      )
      return { voxels: 0, summary: { synapses: all.pre.length, segments: ids.length, edges: made.edges.pre.length } }
    },
  )
}
