// More regions than a range reads: directories of pieces in between, through the whole path in one process.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Compute } from '../../activities/context.ts'
import { writeTables } from '../../activities/objects/graph.ts'
import { joinSegments } from '../../activities/objects/join.ts'
import { verify } from '../../client/verify.ts'
import { parseRunConfig } from '../../domain/config.ts'
import type { Refs } from '../../domain/contract/artifacts.ts'
import type { ArtifactRef } from '../../domain/lineage.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { StageName } from '../../domain/stages.ts'
import { cellOfExtent } from '../../domain/index/index-node.ts'
import { Release } from '../../domain/release.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import { writeNpy } from '../../storage/formats/npy.ts'
import { readParquet } from '../../storage/formats/parquet.ts'
import { tableParts } from '../../storage/tables.ts'
import { getRelease } from '../../storage/releases.ts'
import { wholeSkeleton } from '../../kernels/skeleton/smooth.ts'
import { decodeSkeleton, encodeSkeleton } from '../../storage/formats/skeleton.ts'
import { directRun } from './direct.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-regions-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SIDE = 64
const [X, Y, D] = [9, 8, 4]
const [W, H] = [X * SIDE, Y * SIDE]

/** Tubes along x, with dark membranes between them. */
const grey = (y: number, z: number): number => (y % 16 < 2 || z === 0 ? 40 : 180)

/** Rows of a table, but for what skeletons say. */
const textOf = (columns: Readonly<Record<string, ArrayLike<unknown>>>): string[] => {
  const names = Object.keys(columns).filter(name => !name.startsWith('skeleton'))
  return Array.from({ length: columns[names[0]!]!.length }, (_, i) => names.map(n => String(columns[n]![i])).join(' '))
}

const compute: Compute = async (kernel, args) => kernel(...args) as never

test('a run over more regions than a range reads has directories, and joins what lies flat', async () => {
  const stack = join(folder, 'em.npy')
  const em = Uint8Array.from({ length: W * H * D }, (_, i) => grey(Math.floor(i / W) % H, Math.floor(i / W / H)))
  writeFileSync(stack, writeNpy(em, [D, H, W]))
  const chunk = [SIDE, SIDE, SIDE]
  const tree = {
    dataset: 'many',
    voxelSizeNm: [10, 10, 10],
    source: { stack },
    model: 'models/fib-affinity',
    grid: { block: chunk, region: chunk },
    stages: {
      align: { method: 'none' },
      render: { normalise: 'none' },
      affinity: { halo: 8 },
      supervoxel: { halo: 8 },
      skeleton: { minVoxels: 1 },
    },
  }
  const bucket = join(folder, 'bucket')
  const config = parseRunConfig(tree, 'many')
  const done = await directRun(config, bucket, 'r')
  const { made } = done
  expect(made).toMatchObject({ mesh: 72, 'mesh-directory': 20, 'mesh-join': 2 })
  expect(made).toMatchObject({ skeleton: 72, 'skeleton-directory': 20, 'skeleton-join': 2 })
  expect(made).toMatchObject({ measure: 72, 'segment-directory': 20, 'contact-directory': 20, graph: 2 })
  expect(made).toMatchObject({ synapse: 72, 'synapse-directory': 20 })
  // The plan knew them all.
  const { make, may } = done.planned
  expect(make.length + may.length).toBe(Object.values(made).reduce((n, m) => n + m, 0))
  expect([...make, ...may]).toContain('mesh-directory 1/4_3_0')

  const objects = fileStore(bucket)
  const artifacts = artifactStore(objects)
  const release = Release.parse(JSON.parse((await getRelease(objects, 'many', done.release))!))
  const checked = await verify(objects, release, { all: true, progress: () => {} })
  expect(checked.findings).toEqual([])

  const byRegion = async (stage: StageName): Promise<Refs> => {
    const cells: Record<string, ArtifactRef> = {}
    for (const ref of release.stages![stage]!) {
      const { recipe } = (await artifacts.open(ref)).lineage
      cells[cellOfExtent(stage, recipe.extent, release.regionShape)] = ref
    }
    return cells
  }
  // The same skeletons as from the regions themselves.
  const cells = await byRegion('skeleton')
  let segments = 0
  for (let range = 0; range < 2; range++) {
    const flat = new Map<string, string>()
    const put = async (path: string, bytes: Uint8Array): Promise<void> => void flat.set(path, sha256(bytes))
    const found = { skeleton: cells }
    const joined = await joinSegments(
      { artifacts, compute },
      'skeleton',
      found,
      { range, of: 2 },
      'gzip',
      put,
      async pieces => {
        const parts = pieces.map(decodeSkeleton).map(({ positions, ...rest }) => ({ vertices: positions, ...rest }))
        const { vertices, ...rest } = wholeSkeleton(parts)
        return { bytes: encodeSkeleton({ positions: vertices, ...rest }) }
      },
    )
    segments += joined.segments
    const { lineage } = await artifacts.open(release.layers.skeleton!.artifacts![`0_0_${range}`]!)
    const shards = lineage.outputs.filter(o => o.path !== 'info').map(o => [o.path, o.sha256] as const)
    expect(new Map(shards)).toEqual(flat)
    expect(Object.keys(lineage.recipe.inputs).every(name => name.startsWith('skeleton-directory/1/'))).toBe(true)
  }
  expect(segments).toBeGreaterThan(20)

  // Without a truth no region is named to be scored.
  const { lineage } = await artifacts.open(release.stages!['evaluate']![0]!)
  expect(Object.keys(lineage.recipe.inputs).filter(name => name.startsWith('segment/'))).toEqual([])

  // The same tables as one range would write of all regions.
  const graph = release.layers.graph!.artifacts!
  const whole = new Map<string, Uint8Array>()
  const [measure, synapse] = [await byRegion('measure'), await byRegion('synapse')]
  const { '0_0_0': skeletons } = release.layers.skeleton!.artifacts as Record<string, ArtifactRef>
  const read = { segments: { measure }, contacts: { measure }, synapses: { synapse }, near: {} }
  await writeTables(
    { artifacts, compute },
    {
      range: 0,
      of: 1,
      context: { bounds: release.bounds, voxelSizeNm: release.voxelSizeNm, region: release.regionShape },
    },
    { ...read, skeletons: { '0_0_0': skeletons! }, withInfo: skeletons! },
    async (path, bytes) => void whole.set(path, bytes),
  )
  for (const table of ['segments', 'contacts', 'edges', 'edges-by-post', 'synapses', 'synapses-by-pre']) {
    const rows: string[] = []
    for await (const part of tableParts(artifacts, Object.entries(graph), table)) rows.push(...textOf(part))
    const columns = await readParquet(whole.get(`${table}.parquet`)!)
    const wanted = textOf(Object.fromEntries(columns.map(c => [c.name, c.data])))
    expect(rows.sort(), table).toEqual(wanted.sort())
    if (['segments', 'contacts'].includes(table)) expect(rows.length).toBeGreaterThan(20)
  }
  for (const ref of Object.values(graph)) {
    const inputs = Object.keys((await artifacts.open(ref)).lineage.recipe.inputs)
    expect(inputs.some(name => /^(measure|mesh)\//.test(name))).toBe(false)
    expect(inputs.filter(name => name.startsWith('segment-directory/1/')).length).toBe(20)
  }

  // Nothing is made again.
  expect((await directRun(config, bucket, 'again')).made).toEqual({})
}, 120_000)
