// A release that names roots only is, to whoever reads it, the one that lists its artifacts: a run's manifest is made a second time, as if it were too large.
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diffReleases } from '../../../activities/quality/diff.ts'
import type { Deps } from '../../../activities/context.ts'
import { refusalOf } from '../../../activities/release/release-gate.ts'
import { refuseMarked } from '../../../activities/housekeeping/marks.ts'
import { exportRelease, SUMS } from '../../../client/export.ts'
import { ancestry, json } from '../../../client/lineage/graph.ts'
import { subjectOf } from '../../../client/lineage/subject.ts'
import type { ArtifactRef, Lineage } from '../../../domain/lineage.ts'
import { layerProvenance } from '../../../storage/formats/provenance.ts'
import { recordsBehind } from '../../../storage/release-records.ts'
import { archivesOf } from '../../../client/proof/release.ts'
import { provenanceOf } from '../../../client/provenance/walk.ts'
import { sloOf } from '../../../client/slo.ts'
import type { RunConfig } from '../../../domain/config.ts'
import type { ReleaseDiff } from '../../../domain/plan/diff.ts'
import { buildManifest, type Parts } from '../../../domain/releases/manifest.ts'
import type { Assembly } from '../../../domain/provenance/history-facts.ts'
import { manifestDigest, Release } from '../../../domain/release.ts'
import { createServer } from '../../../serving/server.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { readParquet } from '../../../storage/formats/parquet.ts'
import { behindRoots } from '../../../storage/index-nodes.ts'
import { proveManifest } from '../../../storage/provenance/proof.ts'
import { getRaw } from '../../../storage/raw.ts'
import { allArtifacts } from '../../../storage/release-index.ts'
import { putRelease } from '../../../storage/releases.ts'
import { forgeries } from '../../forgeries.ts'
import { Hillock } from '../harness.ts'

const hillock = new Hillock()
const objects = fileStore(join(hillock.home, 'bucket'))
const folder = mkdtempSync(join(tmpdir(), 'hillock-roots-'))
const artifacts = artifactStore(objects)
const deps = { objects, artifacts } as unknown as Deps
let parts: Parts
let told: Assembly
let listed: Release
let roots: Release

beforeAll(async () => {
  const run = await hillock.fromTiny()
  told = (await archivesOf(objects, 'tiny')).told.assemblies[0]!
  const config = JSON.parse(Buffer.from(await getRaw(objects, told.input.context.config)).toString()) as RunConfig
  const behind = behindRoots(objects, told.input.roots, async ref => (await artifacts.open(ref)).lineage)
  parts = { input: told.input, config, codeRevision: told.result.codeRevision!, behind }
  const count = Object.values(await behind.sums()).reduce((n, s) => n + s.count, 0)
  listed = await buildManifest(parts, count)
  expect(listed.release).toBe(run.release)
  roots = await buildManifest(parts, count - 1)
  await putRelease(objects, roots)
}, 300_000)
afterAll(async () => {
  await hillock.close()
  rmSync(folder, { recursive: true })
})

/** The same with the name of the one release, and what is a digest of it, put for those of the other. */
const renamed = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll(roots.release, listed.release)
      .replaceAll(roots.digest, listed.digest)
      .replaceAll(roots.layerDigests.em!, listed.layerDigests.em!),
  )

test('it lists nothing, and says how much there is', async () => {
  expect(roots).not.toHaveProperty('stages')
  expect(roots.layers.em).not.toHaveProperty('regions')
  expect(roots.layers.segmentation!.mips.every(m => !m.artifacts)).toBe(true)
  expect(roots.counts).toEqual(Object.fromEntries(Object.entries(listed.stages!).map(([s, refs]) => [s, refs.length])))
  expect([roots.holeCount, roots.holes, roots.quality]).toEqual([listed.holes.length, listed.holes, listed.quality])
  expect(JSON.stringify(roots).length).toBeLessThan(JSON.stringify(listed).length / 3)
  const sorted = async (r: Release): Promise<string[]> => (await allArtifacts(objects, r)).map(a => a.recipe).sort()
  expect(await sorted(roots)).toEqual(await sorted(listed))
})

test('it serves and exports the same bytes under every path', async () => {
  const sums: string[][] = []
  for (const r of [listed, roots]) {
    await exportRelease(objects, r, fileStore(join(folder, r.release)), () => {})
    const text = await readFile(join(folder, r.release, SUMS), 'utf8')
    // The manifest and what names it are others.
    sums.push(text.split('\n').filter(l => !/ (release\.json|.*\/provenance)$/.test(l)))
  }
  expect(sums[1]).toEqual(sums[0])
  expect(sums[0]!.length).toBeGreaterThan(40)
  const app = createServer({ store: objects, viewerDir: folder })
  const asked = sums[0]!.flatMap(l => (l.length > 66 && !l.includes(' tables/') ? [l.slice(66)] : []))
  for (const path of [...asked, 'em/0/ffff.shard', 'em/9/0.shard', 'segmentation/mesh/none']) {
    const [a, b] = await Promise.all([listed, roots].map(r => app.inject(`/r/tiny/${r.release}/${path}`)))
    expect(b!.statusCode, path).toBe(a!.statusCode)
    if (a!.statusCode === 200) expect(Buffer.compare(a!.rawPayload, b!.rawPayload), path).toBe(0)
  }
  for (const page of ['lineage/tiny/NAME?json&at=10,10,10', 'lineage/tiny/NAME', 'release/tiny/NAME']) {
    const [a, b] = await Promise.all(
      [listed, roots].map(r =>
        app.inject({ url: `/${page.replace('NAME', r.release)}`, headers: { accept: 'text/html' } }),
      ),
    )
    expect([a!.statusCode, b!.statusCode], page).toEqual([200, 200])
    if (page.includes('json')) {
      const [{ release: _, ...x }, { release: __, ...y }] = [a!, b!].map(r => JSON.parse(r.payload)) as [
        Record<string, unknown>,
        Record<string, unknown>,
      ]
      expect(bySelf(y)).toEqual(bySelf(x))
    }
  }
  const { stage, recipe } = listed.stages!['segment']![0]!
  const [a, b] = await Promise.all(
    [listed, roots].map(r => app.inject(`/lineage/artifact/${stage}/${recipe}?json&release=tiny/${r.release}`)),
  )
  expect(bySelf(b!.json())).toEqual(bySelf(a!.json()))
  await app.close()
})

/** Lists in an order, and sums to digits, that do not depend on the order in which artifacts were met. */
const bySelf = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(bySelf).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    : value && typeof value === 'object'
      ? Object.fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, bySelf(v)]),
        )
      : typeof value === 'number'
        ? Number(value.toPrecision(9))
        : value

test('lineage, provenance, service levels, gate and marks say the same', async () => {
  const told = async (r: Release, about: string): Promise<unknown> => {
    const subject = await subjectOf(objects, `tiny/${r.release}${about}`)
    return bySelf(renamed(JSON.parse(json(subject, ancestry(subject.records, subject.focus)))))
  }
  const columns = await readParquet(await artifacts.get(listed.layers.graph!.artifacts!['all']!, 'segments.parquet'))
  const { data } = columns.find(c => c.name === 'segment')!
  for (const about of ['', '/segmentation@10,10,10', '/em@10,10,10', `/segment:${data[0]}`])
    expect(await told(roots, about), about).toEqual(await told(listed, about))

  const steps = async (r: Release): Promise<unknown> => bySelf((await provenanceOf(objects, r)).steps)
  await putRelease(objects, roots)
  expect(await steps(roots)).toEqual(await steps(listed))

  // The archive in the bucket has them.
  const gone = new WorkflowNotFoundError('gone', 'w', 'r')
  const client = { workflow: { getHandle: () => ({ fetchHistory: () => Promise.reject(gone) }) } }
  const levels = async (release: Release): Promise<unknown> => {
    const subject = { runs: [release.run], release, order: [release.run.workflowId], version: '' }
    const { now: _, candidates: __, ...report } = await sloOf(client as unknown as Client, objects, 'x', subject)
    return bySelf(report)
  }
  expect(await levels(roots)).toEqual(await levels(listed))
  expect(await refusalOf(deps, roots)).toBe(await refusalOf(deps, listed))

  const mark = { kind: 'bad', reason: 'torn', by: 'test' } as const
  for (const stage of ['segment', 'pyramid', 'stitch', 'match', 'mesh-join', 'graph', 'merge-table', 'resolve']) {
    const ref = listed.stages![stage]!.at(-1)!
    await artifacts.quarantine(ref, mark)
    for (const r of [listed, roots]) await expect(refuseMarked(deps, r), stage).rejects.toThrow('is marked bad: torn')
    await artifacts.lift(ref, { reason: 'well', by: 'test' })
    for (const r of [listed, roots]) await refuseMarked(deps, r)
  }
}, 120_000)

test('where it has more artifacts than anybody reads, what is said of the first of them is said to be that', async () => {
  const large = { ...roots, counts: { ...roots.counts, supervoxel: 1_000_000 } }
  const read = async (ref: ArtifactRef): Promise<Lineage> => (await artifacts.open(ref)).lineage
  const focus = listed.stages!['segment']![0]!
  const found = await recordsBehind(objects, large, read, [focus])
  expect(found.whole).toBe(false)
  expect(found.records.has(focus.recipe)).toBe(true)
  const { processing } = layerProvenance(large, 'segmentation', found) as { processing: { method: object }[] }
  const methods = processing.map(p => p.method as { task: string; artifacts: number; outputs?: string; index: string })
  expect(methods.find(m => m.task === 'supervoxel')).toMatchObject({ artifacts: 1_000_000 })
  for (const m of methods) expect([m.outputs, Object.values(large.pages).includes(m.index)]).toEqual([undefined, true])
  await expect(provenanceOf(objects, large)).rejects.toThrow('more artifacts than one document can list')
})

test('a release that lists its artifacts does not differ from it in any cell', async () => {
  const digest = await diffReleases(deps, { dataset: 'tiny', before: listed.release, after: roots.release })
  const diff = JSON.parse(Buffer.from(await getRaw(objects, digest)).toString()) as ReleaseDiff
  expect(Object.values(diff.layers).map(l => l.differ)).toEqual(Object.values(diff.layers).map(() => []))
  expect(diff.layers.em!.of).toBe(Object.keys(listed.layers.em.regions!).length)
  expect(diff.quality).toEqual({})
})

test('it is proved from the index, and every field that is forged is found', async () => {
  const { release, digest, layerDigests, quality } = roots
  const assembly: Assembly = {
    ...told,
    result: { ...told.result, release, digest, layerDigests, quality, manifest: manifestDigest(roots) },
  }
  const found = async (r: Release, by: Assembly | undefined): Promise<string[]> => {
    const out: string[] = []
    await proveManifest(objects, r, by, (what, why, d) => out.push(`${what} ${why} ${d?.field}`))
    return out
  }
  expect(await found(roots, undefined)).toEqual([])
  expect(await found(roots, assembly)).toEqual([])
  let n = 0
  for (const [field, value] of forgeries(Release, roots)) {
    n++
    const all = await found(value as Release, assembly)
    expect(
      all.some(f => f.includes(field.split('.')[0]!)),
      `${field}: ${all.join('; ')}`,
    ).toBe(true)
  }
  expect(n).toBeGreaterThan(40)
}, 300_000)
