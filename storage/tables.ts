// Tables of a release, part by part: each range of segments has written one.
import type { ArtifactRef } from '../domain/lineage.ts'
import type { ArtifactStore } from './artifacts.ts'
import { readParquet, type ParquetColumn } from './formats/parquet.ts'
import { tableOf } from './formats/precomputed/by-id.ts'

/** The columns of every part of a table, by name. @param cells artifacts that hold it, by range */
export async function* tableParts(
  artifacts: ArtifactStore,
  cells: AsyncIterable<readonly [string, ArtifactRef]> | Iterable<readonly [string, ArtifactRef]>,
  table: string,
): AsyncGenerator<Readonly<Record<string, ParquetColumn['data']>>> {
  for await (const [, ref] of cells) {
    const reader = await artifacts.open(ref)
    for (const { path } of reader.outputs.filter(o => tableOf(o.path) === table))
      yield Object.fromEntries((await readParquet(await reader.get(path))).map(c => [c.name, c.data]))
  }
}
