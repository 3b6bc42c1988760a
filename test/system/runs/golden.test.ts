// Golden digests: a stage that makes other bytes from the same recipe must have its version raised.
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Release } from '../../../domain/release.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { changedWithoutVersion, goldenOf, readGolden, unrecorded } from '../../recorded.ts'
import { Hillock } from '../harness.ts'

const hillock = new Hillock()
afterAll(() => hillock.close(), 60_000)

test('every stage makes the bytes that were recorded for its version', async () => {
  const { release } = await hillock.fromTiny()
  const manifest = await hillock.json<Release>('release', 'show', release)
  const now = await goldenOf(fileStore(join(hillock.home, 'bucket')), manifest)
  const before = readGolden()
  expect(changedWithoutVersion(before, now), 'raise the version of these stages in domain/stages.ts').toEqual([])
  if (before.cpu === now.cpu) expect(unrecorded(before, now), 'record again: node test/record.ts').toEqual([])
}, 300_000)

test('a change without a raised version is told from one with', () => {
  const golden = (contents: Record<string, string>, cpu = 'avx2') => ({
    cpu,
    stages: { affinity: { version: 1, contents }, rag: { version: 1, contents } },
  })
  const before = golden({ r1: 'a', r2: 'b' })
  expect(changedWithoutVersion(before, golden({ r1: 'a', r2: 'x' }))).toEqual(['affinity', 'rag'])
  expect(changedWithoutVersion(before, golden({ r1: 'a', r2: 'x' }, 'avx512f'))).toEqual(['rag'])
  // A raised version is part of the recipe.
  expect(changedWithoutVersion(before, golden({ r1: 'a', r3: 'x' }))).toEqual([])
  expect(unrecorded(before, golden({ r1: 'a', r3: 'x' }))).toEqual(['affinity', 'rag'])
  expect(unrecorded(before, before)).toEqual([])
})
