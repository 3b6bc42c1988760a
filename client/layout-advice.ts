// Which layout of a release would suit its readers: chunks by what they have read of a layer, partitions by the size of the tables.
import { map3, type Vec3 } from '../domain/geometry.ts'
import { bestScale, type Reads } from '../domain/releases/read-cost.ts'
import type { Release } from '../domain/release.ts'
import type { VolumeName } from '../domain/stages.ts'
import type { ArtifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import { cellsOf } from '../storage/release-index.ts'
import { zarrFolder } from '../storage/static-layout.ts'

/** `reads` are those of the layer, in either layout. @param all that was read of the release */
export function layoutAdvice(
  release: Release,
  layer: VolumeName,
  all: readonly Reads[],
): { chunk: Vec3; reads: readonly Reads[]; better: Vec3 } {
  const { chunk, kind } = release.layers[layer]!
  const names = [`${layer}/`, zarrFolder(layer, kind)]
  const reads = all.filter(r => names.includes(`${r.layer}/`))
  const scale = bestScale(reads)
  return { chunk, reads, better: map3(a => chunk[a] * 2 ** scale) }
}

/** Bytes of a partition that are few enough to be fetched for one question, and enough for the objects not to be many. */
const PARTITION = 2 ** 24
const READS = 32
/** Partitions that are looked at: the hash makes them alike. */
const SAMPLE = 256

/** `largest`: bytes of the largest partition, all its tables together. */
export async function tablesAdvice(artifacts: ArtifactStore, release: Release) {
  const refs = await Array.fromAsync(cellsOf(artifacts.objects, release, 'graph'), ([, ref]) => ref)
  const sizes = await mapBounded(refs.slice(0, SAMPLE), READS, async ref => (await artifacts.open(ref)).lineage.bytes)
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0)
  const factor = 2 ** Math.round(Math.log2(Math.max(1, largest) / PARTITION))
  // Within a factor of four it is not worth the work.
  const worth = factor >= 4 || factor <= 1 / 4
  return { partitions: refs.length, largest, better: worth ? Math.max(1, refs.length * factor) : refs.length }
}
