// A release as plain files: what is exported is what is served, and sha256sum accepts it.
import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exportRelease, SUMS, type Exported } from '../../client/export.ts'
import { createServer } from '../../serving/server.ts'
import { fileStore } from '../../storage/file-store.ts'
import { makeFixture, type Fixture } from '../serving/fixture.ts'

let fixture: Fixture
let folder: string
beforeAll(async () => {
  fixture = await makeFixture()
  folder = await mkdtemp(join(tmpdir(), 'hillock-export-'))
})
afterAll(async () => {
  await fixture.remove()
  await rm(folder, { recursive: true, force: true })
})

const to = (path: string): Promise<Exported> =>
  exportRelease(fileStore(fixture.folder), fixture.release, fileStore(path), () => {})
const listed = async (path: string): Promise<string[]> =>
  (await readFile(join(path, SUMS), 'utf8'))
    .trim()
    .split('\n')
    .map(l => l.slice(66))

test('every file is the one that is served, is listed once, and sha256sum accepts the list', async () => {
  const target = join(folder, 'a')
  const done = await to(target)
  const paths = await listed(target)
  expect(new Set(paths).size).toBe(paths.length)
  expect(done).toMatchObject({ files: paths.length + 1, written: paths.length + 1 })
  execFileSync('sha256sum', ['--quiet', '--strict', '-c', SUMS], { cwd: target })
  const app = createServer({ store: fileStore(fixture.folder), viewerDir: folder })
  let compared = 0
  for (const path of paths.filter(p => !/^tables\/|^release.json$/.test(p))) {
    const answer = await app.inject(`/r/blobs/r1/${path}`)
    expect(answer.statusCode, path).toBe(200)
    const file = await readFile(join(target, path))
    expect(Buffer.compare(answer.rawPayload, file), path).toBe(0)
    compared++
  }
  expect(compared).toBeGreaterThan(20)
  for (const path of [
    'em/info',
    'em/0/0.shard',
    'em/provenance',
    'segmentation/1/0.shard',
    'zarr/zarr.json',
    'zarr/0/c/0/0/0',
    'zarr/labels/segmentation/zarr.json',
  ])
    expect(paths).toContain(path)
  await app.close()
})

test('an interrupted export goes on; what is not ours is not overwritten', async () => {
  const target = join(folder, 'b')
  await cp(join(folder, 'a'), target, { recursive: true })
  await rm(join(target, 'em/0'), { recursive: true })
  await rm(join(target, SUMS))
  const again = await to(target)
  expect(again.written).toBeGreaterThan(1)
  expect(again.written).toBeLessThan(again.files)
  execFileSync('sha256sum', ['--quiet', '--strict', '-c', SUMS], { cwd: target })
  expect((await to(target)).written).toBe(0)
  await writeFile(join(target, 'em/info'), '{}')
  await expect(to(target)).rejects.toThrow('holds another em/info')
})
