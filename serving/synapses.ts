// The synapses of a release as the files of a precomputed annotation layer, made from its synapse tables and kept in memory.
import type { Json } from '../domain/canonical.ts'
import type { Release } from '../domain/release.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import { annotationFiles, annotationInfo, type SynapseLine } from '../storage/formats/annotations.ts'
import { readParquet } from '../storage/formats/parquet.ts'
import { memo } from './memo.ts'

/** Output of the artifacts of the `synapses` layer, one row per synapse; points in voxels of the dataset. */
export const SYNAPSES = 'synapses.parquet'
const COLUMNS = [
  'id',
  'pre_segment',
  'post_segment',
  'pre_x',
  'pre_y',
  'pre_z',
  'post_x',
  'post_y',
  'post_z',
  'score',
] as const

const READS = 8
const RELEASES_KEPT = 3

async function readLines(artifacts: ArtifactStore, release: Release): Promise<SynapseLine[]> {
  const refs = Object.entries(release.layers.synapses?.artifacts ?? {}).sort((a, b) => (a[0] < b[0] ? -1 : 1))
  const tables = await mapBounded(refs, READS, async ([, ref]) => readParquet(await artifacts.get(ref, SYNAPSES)))
  return tables.flatMap(table => {
    const columns = Object.fromEntries(table.map(c => [c.name, c.data]))
    const [id, pre, post, preX, preY, preZ, postX, postY, postZ, score] = COLUMNS.map(name => {
      if (!columns[name]) throw new Error(`${SYNAPSES} lacks the column ${name}`)
      return columns[name]
    })
    return Array.from({ length: id!.length }, (_, i): SynapseLine => ({
      id: BigInt(id![i]!),
      pre: [Number(preX![i]), Number(preY![i]), Number(preZ![i])],
      post: [Number(postX![i]), Number(postY![i]), Number(postZ![i])],
      score: Number(score![i]),
      preSegment: BigInt(pre![i]!),
      postSegment: BigInt(post![i]!),
    }))
  })
}

const load = memo(RELEASES_KEPT, async (_: string, artifacts: ArtifactStore, release: Release) => {
  const lines = await readLines(artifacts, release)
  return {
    info: annotationInfo(release.bounds, release.voxelSizeNm, lines.length),
    files: new Map([...annotationFiles(lines)].map(f => [f.key, f.bytes])),
  }
})

/** The info file and every other file of the layer, by path. @throws HillockError MissingArtifact when a table is gone or damaged. */
export const synapseLayer = (
  artifacts: ArtifactStore,
  release: Release,
): Promise<{ info: Json; files: ReadonlyMap<string, Uint8Array> }> =>
  load(`${artifacts.objects.url} ${release.dataset}/${release.release}`, artifacts, release)
