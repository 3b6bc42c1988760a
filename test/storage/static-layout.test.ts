// The static layout of a release whose meshes were joined in ranges: every shard is that of the range which made it.
import { expect, test } from 'vitest'
import type { ArtifactRef } from '../../domain/lineage.ts'
import type { Release } from '../../domain/release.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { staticFile } from '../../storage/static-layout.ts'

const ref = (recipe: string): ArtifactRef => ({ stage: 'mesh-join', recipe, content: recipe })
const volume = (kind: string) => ({
  kind,
  dataType: 'uint8',
  channels: 1,
  encoding: 'raw',
  chunk: [64, 64, 64],
  mips: [],
})

/** What small releases say of themselves needs no reading. */
const objects = {} as ObjectStore

test('a shard lies in the artifact of its range, the info in the first', async () => {
  const release = (artifacts: Record<string, ArtifactRef>): Release =>
    ({
      voxelSizeNm: [8, 8, 8],
      bounds: { min: [0, 0, 0], max: [64, 64, 64] },
      layers: { em: volume('image'), segmentation: volume('segmentation'), mesh: { artifacts } },
    }) as never
  const four = release(Object.fromEntries([0, 1, 2, 3].map(i => [`0_0_${i}`, ref(`range ${i}`)])))
  for (const [file, range] of [
    ['info', 0],
    ['00.shard', 0],
    ['0f.shard', 3],
    ['1e.shard', 2],
  ] as const)
    expect(await staticFile(objects, four, `segmentation/mesh/${file}`)).toEqual({
      ref: ref(`range ${range}`),
      path: file,
    })
  expect(await staticFile(objects, release({ all: ref('all') }), 'segmentation/mesh/1e.shard')).toEqual({
    ref: ref('all'),
    path: '1e.shard',
  })
})

test('a part of a table lies in the artifact of its range, annotations and properties beside it', async () => {
  const artifacts = Object.fromEntries([0, 1, 2, 3].map(i => [`0_0_${i}`, ref(`range ${i}`)]))
  const release = {
    voxelSizeNm: [8, 8, 8],
    bounds: { min: [0, 0, 0], max: [64, 64, 64] },
    layers: {
      em: volume('image'),
      segmentation: volume('segmentation'),
      synapses: { artifacts },
      graph: { artifacts },
    },
  } as never
  for (const [path, range, output] of [
    ['tables/edges-00003-of-00004.parquet', 3, 'edges-00003-of-00004.parquet'],
    ['tables/synapses-by-pre-00001-of-00004.parquet', 1, 'synapses-by-pre-00001-of-00004.parquet'],
    ['synapses/by_id/6.shard', 2, 'synapses/by_id/6.shard'],
    ['synapses/info', 0, 'synapses/info'],
    ['segmentation/segment_properties/info', 0, 'segment_properties/info'],
  ] as const)
    expect(await staticFile(objects, release, path)).toEqual({ ref: ref(`range ${range}`), path: output })
  expect(await staticFile(objects, release, 'tables/synapses-00001.parquet')).toBeUndefined()
  expect(await staticFile(objects, release, 'tables/segment_properties/info')).toBeUndefined()
})
