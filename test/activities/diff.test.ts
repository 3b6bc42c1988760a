// Which cells of which layers differ between two releases, by what their indexes list; what both share is not read.
import { expect, test } from 'vitest'
import { diffReleases } from '../../activities/quality/diff.ts'
import type { Deps } from '../../activities/context.ts'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { indexNodeOf, type IndexEntry } from '../../domain/index/index-node.ts'
import type { ReleaseDiff } from '../../domain/plan/diff.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { Release } from '../../domain/release.ts'
import { getRaw, putRaw } from '../../storage/raw.ts'
import { putRelease } from '../../storage/releases.ts'
import { memoryStore } from '../storage/fixtures.ts'

type Contents = Readonly<Record<string, string>>

/** How two releases differ of which these are the contents, by cell. */
async function diffOf(
  a: { em: Contents; mesh?: Contents; region?: number },
  b: { em: Contents; mesh?: Contents; region?: number },
): Promise<ReleaseDiff['layers']> {
  const objects = memoryStore()
  const root = (stage: string, contents: Contents): Promise<string> => {
    const entries = Object.entries(contents).map(([cell, c]): IndexEntry => ({
      stage,
      cell,
      ref: { stage, recipe: sha256(`${stage} ${cell}`), content: sha256(c) },
    }))
    return putRaw(objects, Buffer.from(canonicalJson(indexNodeOf(entries, []) as unknown as Json)))
  }
  const names: string[] = []
  for (const { em, mesh, region = 64 } of [a, b]) {
    const layer = { kind: 'image', dataType: 'uint8', channels: 1, encoding: 'raw', chunk: [64, 64, 64], mips: [] }
    const release = {
      dataset: 'd',
      release: `r${names.length}`,
      digest: sha256('d'),
      layerDigests: { em: sha256(JSON.stringify(em)), ...(mesh && { mesh: sha256(JSON.stringify(mesh)) }) },
      parent: null,
      voxelSizeNm: [8, 8, 8],
      bounds: { min: [0, 0, 0], max: [256, 64, 64] },
      regionShape: [region, 64, 64],
      layers: { em: { ...layer, shard: [64, 64, 64] }, ...(mesh && { mesh: {} }) },
      counts: { render: Object.keys(em).length, ...(mesh && { 'mesh-join': Object.keys(mesh).length }) },
      pages: { image: await root('render', em), ...(mesh && { joins: await root('mesh-join', mesh) }) },
      quality: {},
      holes: [],
      cost: 0,
      run: { workflowId: 'w', runId: 'r' },
      codeRevision: 'c',
      approver: 'a',
    } as unknown as Release
    await putRelease(objects, release)
    names.push(release.release)
  }
  const input = { dataset: 'd', before: names[0]!, after: names[1]! }
  const digest = await diffReleases({ objects } as unknown as Deps, input)
  return (JSON.parse(Buffer.from(await getRaw(objects, digest)).toString()) as ReleaseDiff).layers
}

test('cells with other contents, cells of one only, layers of one only', async () => {
  const a = { em: { '0_0_0': 'x', '1_0_0': 'y', '2_0_0': 'z' } }
  const b = { em: { '0_0_0': 'x', '1_0_0': 'w', '3_0_0': 'z' }, mesh: { '0_0_0': 'm' } }
  expect(await diffOf(a, b)).toEqual({
    em: { differ: ['1_0_0', '2_0_0', '3_0_0'], of: 4 },
    mesh: { differ: ['0_0_0'], of: 1 },
  })
  expect(await diffOf(b, a)).toMatchObject({ mesh: { differ: ['0_0_0'], of: 1 } })
  expect(await diffOf(a, a)).toEqual({ em: { differ: [], of: 3 } })
})

test('on another grid of regions a layer differs as a whole, or not at all', async () => {
  const em = { '0_0_0': 'p', '1_0_0': 'q' }
  const other = await diffOf({ em: { '0_0_0': 'p' }, region: 128 }, { em })
  expect(other).toEqual({ em: { differ: ['0_0_0', '1_0_0'], of: 2 } })
  expect(await diffOf({ em, region: 32 }, { em })).toEqual({ em: { differ: [], of: 2 } })
})
