// lookUpCache, saveIndexNode: whole subtrees that are the same as in an earlier run are recognised by what they are made from.
import { log } from '@temporalio/activity'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { boxesNear, excludedSections, type RunConfig } from '../../domain/config.ts'
import type { Subtree, CacheLookup, Saved, SubtreeResult } from '../../domain/contract/subtree.ts'
import type { Refs } from '../../domain/contract/artifacts.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import { noCount } from '../../domain/slo/counts.ts'
import { AFFINITY, blockOf, modelOf } from '../../domain/models.ts'
import { isHillockError } from '../../domain/errors.ts'
import { fromKey, key } from '../../domain/geometry.ts'
import { stagesOf } from '../../domain/index/order.ts'
import { gridOf, isOfSections, isTopDown } from '../../domain/index/phases.ts'
import { cellName, parseInput, readsAt } from '../../domain/index/reads.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import { stageNames, stages, type StageName } from '../../domain/stages.ts'
import { batchRange, FILL_REACH, nodesAround, nodesBelow } from '../../domain/index/grid.ts'
import type { IndexNodeTask } from '../../domain/contract/activities.ts'
import { nodeBox, nodeKey, type Node } from '../../domain/index/tree.ts'
import { concerns } from '../../domain/plan/marks.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { cacheNoteKey, putCacheNote, readCacheNote } from '../../storage/index-cache.ts'
import type { Deps } from '../context.ts'
import { runMarks } from './marks.ts'
import { progress } from '../meter.ts'
import { nodeReader } from '../../storage/index-nodes.ts'
import { nodeTowards, readIndexNode, savedBelow, sectionNodes, writeIndexNode } from './index-nodes.ts'
import { configOf } from '../documents.ts'
import { identityOf, listed, openSource } from '../sources/source.ts'

const readsSource = (phase: string): boolean => stageNames.some(s => stages[s].phase === phase && stages[s].source)

/**
 * Names a subtree by all that its artifacts are made from: stages, parameters, models, and the contents of what it reads.
 * Equal names mean equal artifacts, by invariant 3 of docs/concepts.md; so the index node of one serves the other.
 */
async function nameOf(deps: Deps, subtree: Subtree, source: Digest | undefined): Promise<Digest> {
  const { context, phase, node, roots, fromParent } = subtree
  const config = await configOf(deps, context.config)
  const names = stagesOf(subtree)
  const inputs: Record<string, string> = {}
  for (const stage of names)
    for (const name of stages[stage].inputs) {
      const from = stages[parseInput(name).stage].phase
      const root = roots[from]
      if (from === phase || root === undefined) continue
      for (const [k, content] of await reaching(deps, subtree, stage, name, root)) inputs[`${name} ${k}`] = content
    }
  for (const [stage, refs] of Object.entries(fromParent ?? {}))
    for (const [k, ref] of Object.entries(refs)) {
      // What the parent says to this child alone, where it keeps that apart.
      const { lineage } = await deps.artifacts.open(ref)
      const own = lineage.outputs.find(o => o.path === `${key(node.coord)}.bin`)
      inputs[`parent ${stage} ${k}`] = own?.sha256 ?? ref.content
    }
  return sha256(
    canonicalJson({
      phase,
      node: nodeKey(node),
      bounds: context.bounds,
      offset: context.offset,
      region: context.region,
      block: config.grid.block,
      voxelSizeNm: context.voxelSizeNm,
      stages: names.map(s => [s, stages[s].version, config.stages[s], ...ownBlock(config, s)]),
      ...modelsOf(context, names),
      overrides: overridesNear(subtree, config),
      inputs,
      // Absent while there is none, so that a mark is what makes the difference.
      marks: await marksIn(deps, subtree, names),
      exclude: excludedIn(subtree, config),
      source: source ?? null,
    } as unknown as Json),
  )
}

/** What a stage makes at once, where that is not what others do. */
const ownBlock = (config: RunConfig, stage: StageName): (readonly number[])[] =>
  [blockOf(config, stage)].filter(block => String(block) !== String(config.grid.block))

/** The models that stages use, but for what they are called. */
function modelsOf(context: RunContext, names: readonly StageName[]): object {
  const { [AFFINITY]: model, ...others } = Object.fromEntries(
    names.flatMap(s => {
      const m = modelOf(context, s)
      return m ? [[stages[s].model!.role, { ...m, name: null }]] : []
    }),
  )
  return { model: model ?? null, ...(Object.keys(others).length > 0 && { models: others }) }
}

/** Marks of artifacts that the index node of a subtree may list: they are made again. */
async function marksIn(deps: Deps, subtree: Subtree, names: readonly StageName[]): Promise<string[] | undefined> {
  const marks = await runMarks(deps, subtree.context)
  const own = marks.filter(m => names.includes(m.stage as StageName) && concerns(m, subtree))
  return own.length ? own.map(m => `${m.kind} ${m.id}`) : undefined
}

/** What the run leaves out of the images of a subtree. */
function excludedIn({ context, node, phase }: Subtree, config: RunConfig): unknown {
  const leftOut = stagesOf({ context, phase }).map(s => stages[s].leavesOut)
  const excluded = leftOut.includes('sections')
    ? excludedSections(config)
    : leftOut.includes('boxes')
      ? boxesNear(config, nodeBox(node, context.region, context.bounds), FILL_REACH)
      : []
  return excluded.length ? excluded : undefined
}

/** Overrides of the regions in a subtree and next to it: agglomeration looks at its neighbours' thresholds. */
function overridesNear({ node, phase }: Subtree, { overrides }: RunConfig): [string, unknown][] {
  const { scope } = stages[stageNames.find(s => stages[s].phase === phase)!]
  if (overrides.length === 0 || !['region', 'node'].includes(scope)) return []
  const size = 2 ** node.level
  const near = (region: string): boolean =>
    fromKey(region).every((c, a) => c >= node.coord[a]! * size - 1 && c <= (node.coord[a]! + 1) * size)
  return overrides.flatMap(o => o.regions.filter(near).map((r): [string, unknown] => [r, o.stages]))
}

/** Contents of a stage's artifacts that reach into a subtree, by node. */
async function reaching(
  deps: Deps,
  { context, node }: Subtree,
  reader: StageName,
  name: string,
  root: Digest,
): Promise<[string, string][]> {
  const input = parseInput(name)
  const summed = async (page: Digest): Promise<string> =>
    (await readIndexNode(deps, page)).stages[input.stage]?.content ?? ''
  if (stages[input.stage].scope === 'dataset' || stages[reader].scope === 'range') return [['all', await summed(root)]]
  if (isOfSections(input.stage) && !isOfSections(reader)) {
    const { min, max } = nodeBox(node, context.region, context.bounds)
    const pages = await sectionNodes(deps, root, context.bounds, min[2] - FILL_REACH, max[2] + FILL_REACH)
    return Promise.all(pages.map(async (p, i): Promise<[string, string]> => [String(i), await summed(p)]))
  }
  const grid = gridOf(input.stage, context)
  const around = input.of === 'neighbours' || isOfSections(reader)
  const nodes = around ? nodesAround(grid, node) : node.level > 0 ? [node] : readsAt(input, node, context)
  return Promise.all(
    nodes.map(async (n): Promise<[string, string]> => {
      const { digest, at } = await nodeTowards(deps, root, grid, n)
      if (at.level === n.level) return [nodeKey(n), await summed(digest)]
      const cell = cellName(input.stage, n)
      const entry = (await readIndexNode(deps, digest)).entries.find(e => e.stage === input.stage && e.cell === cell)
      return [nodeKey(n), entry?.ref.content ?? '']
    }),
  )
}

/** Identity of the files below a subtree, of those below a batch as `ingest` found them. */
function joined({ node }: Subtree, below: readonly { key: string; source?: string }[]): Digest | undefined {
  const sources = below.flatMap(b => b.source ?? [])
  if (sources.length < below.length || sources.length === 0) return undefined
  return node.level === 0 ? sources[0] : sha256(canonicalJson(below.map(b => [b.key, b.source!])))
}

/** The same as the files are now, found out without reading them: of the subtree and of all below it, by key. */
async function sourcesNow(deps: Deps, subtree: Subtree): Promise<Map<string, Digest>> {
  const out = new Map<string, Digest>()
  if (!readsSource(subtree.phase)) return out
  const { context } = subtree
  const config = await configOf(deps, context.config)
  const source = openSource(config, deps.objects)
  const grid = gridOf(stagesOf(subtree)[0]!, context)
  const visit = async (node: Node): Promise<Digest> => {
    const own = node.level === 0 ? await ofBatch(node) : joined({ ...subtree, node }, await ofBelow(node))!
    out.set(nodeKey(node), own)
    return own
  }
  const ofBatch = async (node: Node): Promise<Digest> => {
    const { first, last } = batchRange(node.coord, context.bounds)
    progress(first, context.bounds.max[2])
    return identityOf(config, source ? await listed(deps, context, null, first, last) : [], source)
  }
  const ofBelow = (node: Node): Promise<{ key: string; source: Digest }[]> =>
    mapBounded(nodesBelow(grid, node, node.level - grid.span), 2, async n => ({
      key: nodeKey(n),
      source: await visit(n),
    }))
  await visit(subtree.node)
  return out
}

/** What an earlier run made of a subtree of this name. A note that is damaged or leads nowhere is forgotten, and the subtree made again. */
async function recalled(deps: Deps, subtree: Subtree, source: Digest | undefined): Promise<SubtreeResult | null> {
  const note = cacheNoteKey(await nameOf(deps, subtree, source))
  try {
    const page = await readCacheNote(deps.objects, note)
    return page === undefined ? null : { ...(await resultOf(deps, subtree, page)), ...(source && { source }) }
  } catch (e) {
    if (!isHillockError(e, 'MissingArtifact')) throw e
    log.warn(`forgotten, to be made again: ${e.message}`)
    if (!deps.planning) await deps.objects.remove(note)
    return null
  }
}

async function resultOf(deps: Deps, { node }: Subtree, page: Digest): Promise<SubtreeResult> {
  // From the bucket: what is in memory may be gone there.
  const { stages: sums, entries } = (await nodeReader(deps.objects)(page, null))!
  const forParent: Record<string, Refs> = {}
  for (const e of entries) if (e.cell === nodeKey(node)) forParent[e.stage] = { ...forParent[e.stage], [e.cell]: e.ref }
  const counts = Object.entries(sums).map(([stage, { count, holes }]) => ({
    ...noCount(stage as StageName),
    found: count,
    quarantined: holes,
  }))
  return { page, counts, forParent }
}

export async function lookUpCache(deps: Deps, subtree: Subtree): Promise<CacheLookup> {
  const sources = await sourcesNow(deps, subtree)
  const found = await recalled(deps, subtree, sources.get(nodeKey(subtree.node)))
  if (found) return { found, below: [] }
  const grid = gridOf(stagesOf(subtree)[0]!, subtree.context)
  // Where the phase goes from the root down, what lies below depends on what is made here first.
  const below: Node[] =
    isTopDown(subtree.phase) || subtree.node.level === 0
      ? []
      : nodesBelow(grid, subtree.node, subtree.node.level - grid.span)
  const each = below.map(node => recalled(deps, { ...subtree, node }, sources.get(nodeKey(node))))
  return { found: null, below: await Promise.all(each) }
}

export async function saveIndexNode(deps: Deps, task: IndexNodeTask): Promise<Saved> {
  const { subtree, entries } = task
  const below = await savedBelow(task, cell => saveIndexNode(deps, cell))
  const page = await writeIndexNode(deps, entries, below)
  const source = readsSource(subtree.phase) ? joined(subtree, below) : undefined
  const note = cacheNoteKey(await nameOf(deps, subtree, source))
  await putCacheNote(deps.objects, note, page)
  return { page, ...(source && { source }) }
}
