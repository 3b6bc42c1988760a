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

test('a shard lies in the artifact of its range, the info in the first', async () => {
  const objects = {} as ObjectStore

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
