// Skeletons of single segments, out of the shards of a release; as SWC too.
import type { Release } from '../../domain/release.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { ShardingSpec, shardReader } from '../../storage/formats/precomputed/sharding.ts'
import { decodeSkeleton } from '../../storage/formats/skeleton.ts'
import { staticFile } from '../../storage/static-layout.ts'
import { notFound } from '../problem.ts'

const FOLDER = 'segmentation/skeleton'

/** Undefined where the segment has none. @throws Problem 404 where the release has no skeletons */
export async function skeletonOf(
  artifacts: ArtifactStore,
  release: Release,
  segment: bigint,
): Promise<Uint8Array | undefined> {
  const named = staticFile(release, `${FOLDER}/info`)
  if (!named || !('ref' in named))
    throw notFound(`release ${release.dataset}/${release.release} has no skeletons`, 'run it with the stage skeleton')
  const info = JSON.parse(Buffer.from(await artifacts.get(named.ref, named.path)).toString()) as { sharding: unknown }
  const reader = shardReader(ShardingSpec.parse(info.sharding), async (file, offset, length) => {
    const found = staticFile(release, `${FOLDER}/${file}`)
    const shard = found && 'ref' in found ? await artifacts.open(found.ref) : undefined
    return shard?.output(file) && shard.getRange(file, offset, length)
  })
  return reader.get(segment)
}

/** One line a vertex, parents before their children: number, type (0: undefined), x, y, z and radius in nm, parent. */
export function swc(bytes: Uint8Array, what: string): string {
  const { positions, edges, radii } = decodeSkeleton(bytes)
  const neighbours = Array.from(radii, (): number[] => [])
  for (let i = 0; i < edges.length; i += 2) {
    neighbours[edges[i]!]!.push(edges[i + 1]!)
    neighbours[edges[i + 1]!]!.push(edges[i]!)
  }
  const number = new Map<number, number>()
  const lines = [`# ${what}; x, y, z and radius in nanometres`]
  for (const root of radii.keys()) {
    const open: [vertex: number, parent: number][] = [[root, -1]]
    for (let next = open.pop(); next; next = open.pop()) {
      const [v, parent] = next
      if (number.has(v)) continue
      number.set(v, number.size + 1)
      const [x, y, z] = positions.subarray(3 * v, 3 * v + 3)
      lines.push(`${number.get(v)} 0 ${x} ${y} ${z} ${radii[v]} ${parent}`)
      for (const n of neighbours[v]!.toReversed()) if (!number.has(n)) open.push([n, number.get(v)!])
    }
  }
  return `${lines.join('\n')}\n`
}
