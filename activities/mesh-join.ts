// mesh-join: the multi-resolution mesh of every segment from its fragments of all regions, in shards.
import type { Json } from '../domain/canonical.ts'
import type { Outcome, Refs } from '../domain/contract.ts'
import type { DatasetTask } from '../domain/tasks.ts'
import { decodeMesh } from '../storage/formats/meshes/legacy.ts'
import { encodeManifest, multilodInfo } from '../storage/formats/meshes/multilod.ts'
import type { LevelParameters } from '../kernels/mesh-levels.ts'
import type { Deps } from './context.ts'
import { joinSegments } from './join.ts'
import { refsBelow } from './pages.ts'
import { contents, ofDataset, produce, type Put } from './produce.ts'
import { configOf } from './source.ts'

/** How much larger a detail must be on the screen than the error of a level for the next finer one to be drawn. */
const DETAIL = 5

export async function meshJoin(deps: Deps, task: DatasetTask): Promise<Outcome> {
  const config = await configOf(deps, task.context.config)
  const regions = await refsBelow(deps, [task.roots['products']!], 'mesh')
  const order = ofDataset('mesh-join', config.stages['mesh-join'], contents('mesh', regions))
  return produce(deps, config, order, async put => ({
    voxels: 0,
    summary: await writeMeshes(deps, regions, config.stages['mesh-join'], put),
  }))
}

/** Writes the info file and the shards; returns the segments, and the triangles of all of them by level. */
export async function writeMeshes(
  deps: Pick<Deps, 'artifacts' | 'compute'>,
  regions: Refs,
  params: LevelParameters,
  put: Put,
): Promise<{ readonly [name: string]: Json }> {
  const { cellNm, errorNm } = params
  // Steps of a vertex well below the error of the levels.
  const bits = cellNm / 2 ** 10 > errorNm / 4 ? 16 : 10
  const triangles: number[] = []
  const { sharding, segments } = await joinSegments(deps, regions, 'raw', put, async pieces => {
    const { origin, levels, data } = await deps.compute('meshLevels', [pieces.map(decodeMesh), params, bits])
    if (levels.length === 0) return undefined
    for (const [l, level] of levels.entries()) triangles[l] = (triangles[l] ?? 0) + level.triangles
    const manifest = encodeManifest({
      chunkShape: [cellNm, cellNm, cellNm],
      gridOrigin: origin,
      lods: levels.map(({ nodes, sizes }, l) => ({
        scale: DETAIL * errorNm * 2 ** l,
        offset: [0, 0, 0],
        nodes,
        sizes,
      })),
    })
    return { before: data, bytes: manifest }
  })
  await put('info', Buffer.from(JSON.stringify(multilodInfo(bits, sharding))))
  return { segments, triangles }
}
