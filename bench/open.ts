// `node bench/open.ts 1e5 1e6`: the real assemble, publish, rollback, opening and look-up of a release over a synthetic index of so many artifacts.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Deps } from '../activities/context.ts'
import { publish, rollBack } from '../activities/release/channels.ts'
import { assemble } from '../activities/release/release.ts'
import { readRunFile } from '../client/run-file.ts'
import { canonicalJson, type Json } from '../domain/canonical.ts'
import type { RunContext } from '../domain/contract/run.ts'
import { boxAt, cellBox, key, map3, multiply, type Vec3 } from '../domain/geometry.ts'
import { BATCH, batchRange, nodesBelow, rangeName, rangesOf } from '../domain/index/grid.ts'
import { indexNodeOf, type IndexEntry, type IndexNode } from '../domain/index/index-node.ts'
import { kindOf, stagesOf, subtreesBelow, wholePhase } from '../domain/index/order.ts'
import { gridOf, isDatasetPhase, phasesOf } from '../domain/index/phases.ts'
import { nodeKey, rootLevel, type Node } from '../domain/index/tree.ts'
import type { ArtifactRef, Lineage } from '../domain/lineage.ts'
import { contentDigest, recipeId, sha256, type Recipe } from '../domain/recipe.ts'
import { stages, type StageName } from '../domain/stages.ts'
import { createServer } from '../serving/server.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { behindRoots } from '../storage/index-nodes.ts'
import { artifactKey, LINEAGE, lineageBytes } from '../storage/lineage-record.ts'
import { putRaw, rawKey } from '../storage/raw.ts'
import { artifactOf } from '../storage/release-index.ts'
import { getRelease } from '../storage/releases.ts'
import { LISTED, Release } from '../domain/release.ts'
import { oneFile, type OneFile } from './common/one-file.ts'
import { n, table } from './common/print.ts'
import { nothing } from './common/synthetic-tables.ts'

const REGION: Vec3 = [512, 512, 64]
/** Above so many artifacts only the first regions along each axis have nodes of their own; all others share those of equal shape. */
const HONEST = 2e6
const OWN = 32
/** Artifacts after which a walk is far enough to tell its speed. */
const WALKED = 1e6
/** Artifacts of a full run for each region: of its own stages and of the tree above. */
const EACH = 21

const { values, positionals } = parseArgs({
  options: { step: { type: 'string' }, file: { type: 'string' } },
  allowPositionals: true,
})

function contextOf(artifacts: number, config: string): RunContext {
  const side = Math.max(1, Math.round((artifacts / EACH) ** (1 / 3)))
  return {
    dataset: 'bench',
    run: 'open',
    config,
    layout: sha256('layout'),
    bounds: boxAt([0, 0, 0], multiply([side, side, side], REGION)),
    region: REGION,
    voxelSizeNm: [8, 8, 40],
    through: 'evaluate',
    synthetic: false,
    aligned: false,
  }
}

/** The index that a run over all regions would have left; records only of what assembling and serving read. */
async function build(objects: OneFile, artifacts: number): Promise<object> {
  const run = readRunFile(join(import.meta.dirname, '../test/fixtures/tiny.yaml'))
  const context = contextOf(artifacts, await putRaw(objects, Buffer.from(canonicalJson(run as unknown as Json))))
  const { bounds } = context
  const insert = objects.db.prepare('insert into objects values (?, ?)')
  let [nodes, bytes, entries] = [0, 0, 0]
  const save = (own: IndexEntry[], below: IndexNode['below'] = []): { page: string; stages: IndexNode['stages'] } => {
    const node = indexNodeOf(own, below)
    const text = Buffer.from(canonicalJson(node as unknown as Json))
    const page = sha256(text)
    insert.run(rawKey(page), text)
    nodes++
    bytes += text.length
    entries += own.length
    if (nodes % 100_000 === 0) console.error(`${nodes} nodes, ${entries} artifacts`)
    return { page, stages: node.stages }
  }
  const recorded = (stage: StageName, extent: Recipe['extent'], summary: Lineage['summary']): ArtifactRef => {
    const recipe = { stage, version: 1, parameters: {}, model: null, inputs: {}, extent, seed: 0 }
    const outputs = ['0/0-64_0-64_0-64', '0/64-128_0-64_0-64', 'zarr/0/c/0/0/0'].map((path, i) => {
      const content = Buffer.alloc(4096, i)
      return { path, sha256: sha256(content), bytes: content.length, content }
    })
    const listed = outputs.map(o => ({ path: o.path, sha256: o.sha256, bytes: o.bytes }))
    const record: Lineage = {
      ...nothing,
      recipeId: recipeId(recipe),
      recipe,
      outputs: listed,
      content: contentDigest(listed),
      bytes: listed.reduce((sum, o) => sum + o.bytes, 0),
      summary,
    }
    insert.run(artifactKey(stage, record.recipeId, LINEAGE), lineageBytes(record))
    if (stage === 'pyramid' || stage === 'render')
      for (const o of outputs) insert.run(artifactKey(stage, record.recipeId, o.path), o.content)
    return { stage, recipe: record.recipeId, content: record.content }
  }
  const entry = (stage: StageName, cell: string): IndexEntry => {
    // A manifest that lists its artifacts reads the record of each.
    if (artifacts < 2 * LISTED) return { stage, cell, ref: recorded(stage, { node: cell, level: 0 }, {}) }
    const recipe = sha256(`${stage}/${cell}`)
    return { stage, cell, ref: { stage, recipe, content: sha256(`content ${recipe}`) } }
  }
  const cellEntry = (stage: StageName, cell: string, at: Node): IndexEntry => {
    if (stage === 'render' && at.coord.every(c => c === 0))
      return { stage, cell, ref: recorded(stage, cellBox(at.coord, REGION, bounds), {}) }
    if (stage === 'pyramid' && at.level === 0 && at.coord.every(c => c === 0))
      return { stage, cell, ref: recorded(stage, { node: key(at.coord), level: 0 }, {}) }
    return entry(stage, cell)
  }
  type Saved = ReturnType<typeof save>
  const shared = new Map<string, Saved>()
  const visit = (phase: string, node: Node): Saved => {
    const grid = gridOf(stagesOf({ context, phase })[0]!, context)
    const size = 2 ** node.level
    const shape = map3(a => Math.min(grid.cells[a], (node.coord[a] + 1) * size) - node.coord[a] * size)
    const alone = artifacts <= HONEST || kindOf({ phase, node }) === 'sections' || grid.cells[0] === 1
    if (alone || node.coord.every(c => c * size < OWN)) return made(phase, node)
    const name = `${phase} ${node.level} ${key(shape)}`
    if (!shared.has(name)) shared.set(name, made(phase, node))
    return shared.get(name)!
  }
  const made = (phase: string, node: Node): Saved => {
    const names = stagesOf({ context, phase })
    if (isDatasetPhase(phase))
      return save(names.map(s => ({ stage: s, cell: 'all', ref: recorded(s, 'dataset', { segments: 1e6 }) })))
    const kind = kindOf({ phase, node })
    if (kind === 'range') {
      const [range, of] = [node.coord[2], rangesOf(bounds, REGION)]
      const cell = rangeName(range, of)
      // The gate sums the segments of their tables.
      return save(
        names.map(s =>
          s === 'graph' ? { stage: s, cell, ref: recorded(s, { range, of }, { segments: 1e4 }) } : entry(s, cell),
        ),
      )
    }
    if (kind === 'region') return save(names.map(s => cellEntry(s, key(node.coord), node)))
    if (kind === 'sections') {
      const { first, last } = batchRange(node.coord, bounds)
      const of: IndexEntry[] = []
      for (let z = first; z <= last; z++)
        for (const s of names)
          if (stages[s].scope === 'section')
            of.push({ stage: s, cell: String(z), ref: recorded(s, { section: z }, { tiles: 9, residualPx: z % 7 }) })
          else for (const a of [z - 1, z - 2].filter(v => v >= 0)) of.push(entry(s, `${a}-${z}`))
      return save([], [{ key: `z${first}-${last}`, ...save(of) }])
    }
    const below = subtreesBelow({ context, phase, node }).map(b => ({ key: nodeKey(b), ...visit(phase, b) }))
    const own: IndexEntry[] = []
    const grid = gridOf(names[0]!, context)
    const under = node.level - grid.span
    for (const s of names.filter(x => stages[x].scope === 'node'))
      for (let l = under === 0 ? (stages[s].lowest ?? 0) : under + 1; l <= node.level; l++)
        if (l <= rootLevel(bounds, REGION))
          for (const at of nodesBelow(grid, node, l)) own.push(cellEntry(s, nodeKey(at), at))
    return save(own, below)
  }
  objects.db.exec('begin')
  const roots: Record<string, string> = {}
  for (const phase of phasesOf(context)) roots[phase] = visit(phase, wholePhase(context, phase, {}).node).page
  objects.db.exec('commit; create unique index by_key on objects (key)')
  const input = { context, roots, cost: 0, approver: 'bench', runId: 'bench' }
  await objects.putIfAbsent('input', Buffer.from(JSON.stringify(input)))
  const all = await behindRoots(objects, roots, () => Promise.reject(new Error('no record is read'))).sums()
  return { nodes, bytes, entries: Object.values(all).reduce((sum, s) => sum + s.count, 0) }
}

/** Seconds of some work. */
async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const since = performance.now()
  const value = await work()
  return [value, (performance.now() - since) / 1000]
}

const steps: Readonly<Record<string, (objects: OneFile, artifacts: number) => Promise<object>>> = {
  build,
  async assemble(objects) {
    const input = JSON.parse(Buffer.from((await objects.get('input'))!).toString()) as Parameters<typeof assemble>[1]
    const deps = { objects, artifacts: artifactStore(objects), codeRevision: 'bench' } as unknown as Deps
    const [first, seconds] = await timed(() => assemble(deps, input))
    // Another release, to go back from.
    const context: RunContext = { ...input.context, offset: [0, 0, BATCH] }
    const second = await assemble(deps, { ...input, context })
    await objects.putIfAbsent('names', Buffer.from(JSON.stringify([first.release, second.release])))
    return { seconds, manifest: (await getRelease(objects, 'bench', first.release))!.length }
  },
  async channels(objects) {
    const deps = { objects, artifacts: artifactStore(objects) } as unknown as Deps
    const [a, b] = JSON.parse(Buffer.from((await objects.get('names'))!).toString()) as [string, string]
    const move = { dataset: 'bench', channel: 'published', via: 'bench', by: 'bench', reason: 'bench' } as const
    await publish(deps, { ...move, release: a })
    const [, seconds] = await timed(() => publish(deps, { ...move, release: b }))
    const [, byHand] = await timed(() => publish(deps, { ...move, release: a, force: true }))
    await publish(deps, { ...move, release: b })
    const [, rollback] = await timed(() => rollBack(deps, { ...move, from: b } as Parameters<typeof rollBack>[1]))
    return { publish: seconds, byHand, rollback }
  },
  async open(objects) {
    const [a] = JSON.parse(Buffer.from((await objects.get('names'))!).toString()) as [string]
    const app = createServer({ store: objects, viewerDir: tmpdir() })
    await app.ready()
    const [, open] = await timed(() => app.inject(`/r/bench/${a}/em/info`))
    const [chunk, first] = await timed(() => app.inject(`/r/bench/${a}/zarr/0/c/0/0/0`))
    if (chunk.statusCode !== 200) throw new Error(chunk.payload)
    const release = Release.parse(JSON.parse((await getRelease(objects, 'bench', a))!))
    const cells = map3(i => release.bounds.max[i] / REGION[i])
    const times: number[] = []
    objects.reads = 0
    for (let i = 0; i < 500; i++) {
      const cell = key(map3(x => parseInt(sha256(`${i} ${x}`).slice(0, 8), 16) % Math.min(OWN, cells[x])))
      const [ref, seconds] = await timed(() => artifactOf(objects, release, 'segment', cell))
      if (!ref) throw new Error(`there is no segment ${cell}`)
      times.push(seconds)
    }
    const [page, lineage] = await timed(() => app.inject(`/release/bench/${a}`))
    if (page.statusCode !== 200) throw new Error(page.payload)
    times.sort((x, y) => x - y)
    return { open, first, lookUp: times[250]!, slowest: times[495]!, reads: objects.reads / 500, lineage }
  },
  async walk(objects) {
    const [a] = JSON.parse(Buffer.from((await objects.get('names'))!).toString()) as [string]
    const release = Release.parse(JSON.parse((await getRelease(objects, 'bench', a))!))
    const behind = behindRoots(objects, release.pages, () => Promise.reject(new Error('no record is read')))
    let [all, digest] = [0, 0]
    const [, seconds] = await timed(async () => {
      for await (const e of behind.entries()) {
        all++
        digest ^= e.ref.recipe.charCodeAt(0)
        if (all >= WALKED) break
      }
    })
    return { all, seconds, digest }
  },
}

if (values.step) {
  const result = await steps[values.step]!(oneFile(values.file!), Number(positionals[0]))
  console.log(JSON.stringify({ ...result, mb: process.resourceUsage().maxRSS / 1024 }))
} else {
  const folder = mkdtempSync(join(tmpdir(), 'hillock-open-'))
  const rows: (string | number)[][] = []
  for (const artifacts of positionals.length ? positionals : ['1e5', '1e6']) {
    const file = join(folder, `${artifacts}.sqlite`)
    const step = (name: string): Record<string, number> =>
      JSON.parse(
        execFileSync(process.execPath, [import.meta.filename, artifacts, '--step', name, '--file', file], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
        }),
      ) as Record<string, number>
    const built = step('build')
    const [made, moved, opened, walked] = ['assemble', 'channels', 'open', 'walk'].map(step)
    const ms = (s: number): string => `${(s * 1000).toFixed(1)} ms`
    const mb = (...of: (Record<string, number> | undefined)[]): string => n(Math.max(...of.map(o => o!['mb']!)))
    rows.push([
      n(built['entries']!),
      n(built['nodes']!),
      `${made!['seconds']!.toFixed(2)} s, ${n(made!['manifest']! / 1000)} kB`,
      `${ms(moved!['publish']!)}, ${ms(moved!['byHand']!)}`,
      ms(moved!['rollback']!),
      ms(opened!['open']!),
      ms(opened!['first']!),
      `${ms(opened!['lookUp']!)}, ${ms(opened!['slowest']!)}, ${opened!['reads']!.toFixed(1)}`,
      `${n(walked!['all']! / walked!['seconds']!)}/s`,
      `${mb(made)}, ${mb(moved)}, ${mb(opened)}, ${mb(walked)}`,
    ])
    rmSync(file)
  }
  rmSync(folder, { recursive: true })
  const head = ['artifacts', 'index nodes', 'assemble, manifest', 'publish, by hand', 'rollback', 'open', 'first chunk']
  console.log(table([...head, 'look-up: median, 99 %, reads', 'walk', 'MB: assemble, channels, open, walk'], rows))
}
