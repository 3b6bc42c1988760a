// agglomerate: one node of the region tree merges what no other node can change, and hands the rest to its parent.
import type { Outcome } from '../../domain/contract/artifacts.ts'
import { configAt } from '../../domain/config.ts'
import { fromKey, key, map3, subtract, voxels, type Vec3 } from '../../domain/geometry.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { CellTask } from '../../domain/contract/activities.ts'
import { nodeBox, openFaces } from '../../domain/index/tree.ts'
import type { Edges, Nodes, OpenGraph, ThresholdedEdges } from '../../kernels/segmentation/segmentation-types.ts'
import { decodeArrays, encodeArrays, type NamedArray } from '../../storage/formats/arrays.ts'
import { refs } from '../cells.ts'
import type { Deps } from '../context.ts'
import type { EdgeThresholdRequest } from '../../kernels/segmentation/edge-table.ts'
import { contents, ofNode, produce } from '../produce.ts'
import { configFor, configOf } from '../documents.ts'
import { agglomerate as mergeEdges, joinChildren, mergeNothing } from '../../kernels/segmentation/agglomerate.ts'
import { edgeThresholds } from '../../kernels/segmentation/edge-table.ts'

const unit = (axis: number): Vec3 => map3(a => (a === axis ? 1 : 0))

export const readArrays = async <T>(deps: Pick<Deps, 'artifacts'>, ref: ArtifactRef, path: string): Promise<T> =>
  decodeArrays(await deps.artifacts.get(ref, path)) as unknown as T

export const arrays = (o: object): Uint8Array => encodeArrays({ ...o } as Record<string, NamedArray>)

export async function agglomerate(deps: Deps, task: CellTask): Promise<Outcome> {
  const { bounds, region } = task.context
  const config = await configFor(deps, task)
  const node = { level: task.level, coord: fromKey(task.cell) }
  const whole = await configOf(deps, task.context.config)
  // Contacts across a low face lie in two regions: the higher threshold of the two counts.
  const low = map3(a => configAt(whole, key(subtract(node.coord, unit(a)))).stages.agglomerate.threshold)
  const firstBlock = map3(a => (node.coord[a] * region[a]) / config.grid.block[a])
  const from = task.level === 0 ? refs(task, 'rag') : refs(task, 'agglomerate')
  const order = ofNode(
    'agglomerate',
    task,
    // Above the leaves the edges bring the thresholds with them.
    {
      openFaces: openFaces(node, region, bounds),
      ...(task.level === 0 ? { ...config.stages.agglomerate, ofLowerNeighbours: low, firstBlock } : {}),
    },
    contents(task.level === 0 ? 'rag' : 'agglomerate', from),
  )
  return produce(deps, config, order, async put => {
    const graph =
      task.level === 0
        ? await leaf(deps, from[task.cell]!, { threshold: config.stages.agglomerate.threshold, low, firstBlock })
        : await joined(deps, from)
    const made = await deps.compute(task.failed === undefined ? mergeEdges : mergeNothing, [
      { ...graph, openFaces: openFaces(node, region, bounds) },
    ])
    await put('merges.bin', arrays(made.merges))
    await put('edges.bin', arrays(made.edges))
    await put('nodes.bin', arrays(made.nodes))
    return {
      voxels: voxels(nodeBox(node, region, bounds)),
      summary: { merges: made.merges.from.length, openEdges: made.edges.a.length, openNodes: made.nodes.id.length },
    }
  })
}

async function leaf(deps: Deps, rag: ArtifactRef, thresholds: Omit<EdgeThresholdRequest, 'edges'>): Promise<OpenGraph> {
  const edges = await readArrays<Edges>(deps, rag, 'edges.bin')
  return {
    edges: await deps.compute(edgeThresholds, [{ edges, ...thresholds }]),
    nodes: await readArrays<Nodes>(deps, rag, 'nodes.bin'),
  }
}

async function joined(deps: Deps, children: Readonly<Record<string, ArtifactRef>>): Promise<OpenGraph> {
  const graphs = await Promise.all(
    Object.entries(children).map(async ([cell, ref]) => ({
      octant: map3(a => fromKey(cell.split('/')[1]!)[a] & 1),
      edges: await readArrays<ThresholdedEdges>(deps, ref, 'edges.bin'),
      nodes: await readArrays<Nodes>(deps, ref, 'nodes.bin'),
    })),
  )
  return deps.compute(joinChildren, [graphs])
}
