// Signatures of releases: one for each key, of the manifest as it was; and manifests that never give way to another.
import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Release } from '../../domain/release.ts'
import { manifestDigest, releaseName } from '../../domain/release.ts'
import { sign } from '../../storage/provenance/envelope.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { listReleases, putRelease } from '../../storage/releases.ts'
import { AUDIT, proveSignature, putSignature } from '../../storage/provenance/signatures.ts'
import { memoryStore } from './fixtures.ts'

const said = (voxelSizeNm: Release['voxelSizeNm'], cost = 1): Release => {
  const about = {
    dataset: 'd',
    voxelSizeNm,
    cost,
    run: { workflowId: 'reconstruct/d/one', runId: 'r' },
  } as unknown as Release
  return { ...about, release: releaseName(about) }
}
async function keys(objects: ObjectStore): Promise<string[]> {
  const found: string[] = []
  for await (const k of objects.list('releases/')) found.push(k)
  return found
}
const [mine, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]

test('only the manifest that was signed, with this key, passes', async () => {
  const objects = memoryStore()
  const prove = async (r: Release, key = mine.publicKey): Promise<string[]> => {
    const found: string[] = []
    await proveSignature(objects, r, key, (_, why, d) => found.push(d ? `${why}: ${d.field}` : why))
    return found
  }
  const release = said([8, 8, 8])
  await putRelease(objects, release)
  expect(await prove(release)).toEqual([`d/${release.release} is not signed with this key`])
  await putSignature(objects, release, mine.privateKey)
  expect(await prove(release)).toEqual([])
  expect(await prove({ ...release, cost: 2 })).toEqual(['was signed for another manifest: manifest'])
  expect(await prove(release, other.publicKey)).toHaveLength(1)
  await putSignature(objects, release, other.privateKey)
  expect(await prove(release, other.publicKey)).toEqual([])
  expect(await listReleases(objects, 'd')).toEqual([release.release])
})

test('one that somebody else signed, or put under the name of another key, does not pass', async () => {
  const objects = memoryStore()
  const release = said([8, 8, 8])
  await putSignature(objects, release, other.privateKey)
  const [forged] = await keys(objects)
  await putSignature(objects, release, mine.privateKey)
  const own = (await keys(objects)).find(k => k !== forged)!
  const bytes = (await objects.get(forged!))!
  await objects.remove(own)
  await objects.putIfAbsent(own, bytes)
  const found: string[] = []
  await proveSignature(objects, release, mine.publicKey, (_, why) => found.push(why))
  expect(found).toEqual(['has no valid signature of this key'])
})

test('a manifest stays as it is where another run made the same, and is an error where it says other things of the content', async () => {
  const objects = memoryStore()
  const first = said([8, 8, 8])
  expect(await putRelease(objects, first)).toEqual(first)
  const again = said([8, 8, 8], 7)
  expect(again.release).toBe(first.release)
  expect(await putRelease(objects, again)).toEqual(first)
  const coarse = said([9, 8, 8])
  expect(coarse.release).not.toBe(first.release)
  await expect(putRelease(objects, { ...coarse, release: first.release })).rejects.toThrow(
    /says something else: voxelSizeNm.0 is 8, not 9/,
  )
})

test('a release that was changed since an audit of it was signed is found, although it was signed anew', async () => {
  const objects = memoryStore()
  const [was, is] = [said([8, 8, 8], 1), said([8, 8, 8], 2)]
  const report = (manifest: Release): string =>
    JSON.stringify(sign(AUDIT, JSON.stringify({ manifest: manifestDigest(manifest), archive: null }), mine.privateKey))
  await objects.putIfAbsent(`audits/d/${was.release}/1.json`, Buffer.from(report(was)))
  for (const [release, expected] of [
    [was, []],
    [is, ['manifest']],
  ] as const) {
    const [store, found] = [memoryStore(), [] as (string | undefined)[]]
    for await (const k of objects.list('')) await store.putIfAbsent(k, (await objects.get(k))!)
    await putSignature(store, release, mine.privateKey)
    await proveSignature(store, release, mine.publicKey, (_, __, d) => found.push(d?.field))
    expect(found).toEqual(expected)
  }
})
