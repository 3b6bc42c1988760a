// `hillock release diff`: what another threshold in one region changes, held against the labels themselves.
import { afterAll, expect, test } from 'vitest'
import type { ReleaseDiff } from '../../../domain/plan/diff.ts'
import type { Release } from '../../../domain/release.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { readBox } from '../../../storage/formats/volume.ts'
import { Hillock, TINY } from '../harness.ts'
import { join } from 'node:path'

const hillock = new Hillock()
afterAll(() => hillock.close(), 60_000)

async function labels(name: string): Promise<BigUint64Array> {
  const r = await hillock.json<Release>('release', 'show', name)
  const { data } = await readBox(artifactStore(fileStore(join(hillock.home, 'bucket'))), {
    artifacts: region => r.layers.segmentation!.regions![region.join('_')],
    regionShape: r.regionShape,
    bounds: r.bounds,
    box: r.bounds,
    mip: 0,
    dtype: 'uint64',
    encoding: 'compressed_segmentation',
  })
  return data
}

test('regions, segments, synapses, quality, cost', async () => {
  const first = await hillock.fromTiny()
  const second = await hillock.run(TINY, 'overrides=[{regions: [1_0_0], stages: {agglomerate: {threshold: 0.85}}}]')
  const d = await hillock.json<ReleaseDiff>('release', 'diff', first.release, second.release)
  expect(d).toMatchObject({ dataset: 'tiny', before: first.release, after: second.release })
  expect(d.layers.em).toEqual({ differ: [], of: 4 })
  expect(d.layers.segmentation!.differ).toContain('1_0_0')
  expect(d.cost.after).toBeGreaterThanOrEqual(0)
  expect(d.holes).toEqual({ gone: [], new: [] })

  const [a, b] = [await labels(first.release), await labels(second.release)]
  const parts = new Map<bigint, Set<bigint>>()
  a.forEach((v, i) => {
    if (v !== 0n && b[i] !== 0n) parts.set(v, (parts.get(v) ?? new Set()).add(b[i]!))
  })
  const split = [...parts].filter(([, p]) => p.size > 1).map(([v]) => String(v))
  expect(split.length).toBeGreaterThan(0)
  expect(d.segments!.split.map(s => s.segment).sort()).toEqual(split.sort())
  for (const s of d.segments!.split)
    expect([...s.into].sort()).toEqual([...parts.get(BigInt(s.segment))!].map(String).sort())
  // A higher threshold joins nothing that was apart.
  expect(d.segments).toMatchObject({ merged: [], gone: [], new: [] })

  const back = await hillock.json<ReleaseDiff>('release', 'diff', second.release, first.release)
  expect(back.segments!.merged.length).toBe(d.segments!.split.length)
  expect(back.synapses!.new).toEqual(d.synapses!.gone)
  const same = await hillock.json<ReleaseDiff>('release', 'diff', first.release, first.release)
  expect(Object.values(same.layers).flatMap(l => l.differ)).toEqual([])
  expect(same.quality).toEqual({})
  const text = await hillock.cli('release', 'diff', first.release, second.release)
  expect(text.stdout).toContain(`segments: ${split.length} split, 0 merged`)
}, 400_000)
