// probe, savePage: whole places that are the same as in an earlier run are recognised by what they are made from.
import { log } from '@temporalio/activity'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { boxesNear, excludedSections, type RunConfig } from '../../domain/config.ts'
import type { Place, Probed, Saved, Swept } from '../../domain/contract/place.ts'
import type { Refs } from '../../domain/contract/artifacts.ts'
import type { RunContext } from '../../domain/contract/run.ts'
import { noCount } from '../../domain/slo/counts.ts'
import { AFFINITY, modelOf } from '../../domain/models.ts'
import { isHillockError } from '../../domain/errors.ts'
import { fromKey, key } from '../../domain/geometry.ts'
import { activeStages, gridOf, isOfSections, isTopDown } from '../../domain/index/phases.ts'
import { cellName, parseInput, readsAt } from '../../domain/index/reads.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import { stageNames, stages, type StageName } from '../../domain/stages.ts'
import { batchRange, FILL_REACH, nodesAround, nodesBelow } from '../../domain/index/sweep.ts'
import type { PageTask } from '../../domain/contract/activities.ts'
import { nodeBox, nodeKey, type Node } from '../../domain/index/tree.ts'
import { concerns } from '../../domain/plan/marks.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { memoKey, putMemo, readMemo } from '../../storage/memo.ts'
import type { Deps } from '../context.ts'
import { runMarks } from './marks.ts'
import { progress } from '../meter.ts'
import { pageTowards, readPage, sectionPages, writePage } from './pages.ts'
import { configOf } from '../documents.ts'
import { identityOf, listed, openSource } from '../sources/source.ts'

const stagesOf = ({ context, phase }: Pick<Place, 'context' | 'phase'>): StageName[] =>
  activeStages(context).filter(s => stages[s].phase === phase)

const readsSource = (phase: string): boolean => stageNames.some(s => stages[s].phase === phase && stages[s].source)

/**
 * Names a place by all that its artifacts are made from: stages, parameters, models, and the contents of what it reads.
 * Equal names mean equal artifacts, by invariant 3 of docs/concepts.md; so the page of one serves the other.
 */
async function nameOf(deps: Deps, place: Place, source: Digest | undefined): Promise<Digest> {
  const { context, phase, node, roots, above } = place
  const config = await configOf(deps, context.config)
  const names = stagesOf(place)
  const inputs: Record<string, string> = {}
  for (const stage of names)
    for (const name of stages[stage].inputs) {
      const from = stages[parseInput(name).stage].phase
      const root = roots[from]
      if (from === phase || root === undefined) continue
      for (const [k, content] of await reaching(deps, place, stage, name, root)) inputs[`${name} ${k}`] = content
    }
  for (const [stage, refs] of Object.entries(above ?? {}))
    for (const [k, ref] of Object.entries(refs)) {
      // What the parent says to this child alone, where it keeps that apart.
      const { lineage } = await deps.artifacts.open(ref)
      const own = lineage.outputs.find(o => o.path === `${key(node.coord)}.bin`)
      inputs[`above ${stage} ${k}`] = own?.sha256 ?? ref.content
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
      stages: names.map(s => [s, stages[s].version, config.stages[s]]),
      ...modelsOf(context, names),
      overrides: overridesNear(place, config),
      inputs,
      // Absent while there is none, so that a mark is what makes the difference.
      marks: await marksIn(deps, place, names),
      exclude: excludedIn(place, config),
      source: source ?? null,
    } as unknown as Json),
  )
}

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

/** Marks of artifacts that the page of a place may list: they are made again. */
async function marksIn(deps: Deps, place: Place, names: readonly StageName[]): Promise<string[] | undefined> {
  const marks = await runMarks(deps, place.context)
  const own = marks.filter(m => names.includes(m.stage as StageName) && concerns(m, place))
  return own.length ? own.map(m => `${m.kind} ${m.id}`) : undefined
}

/** What the run leaves out of the images of a place. */
function excludedIn({ context, node, phase }: Place, config: RunConfig): unknown {
  const leftOut = stagesOf({ context, phase }).map(s => stages[s].leavesOut)
  const excluded = leftOut.includes('sections')
    ? excludedSections(config)
    : leftOut.includes('boxes')
      ? boxesNear(config, nodeBox(node, context.region, context.bounds), FILL_REACH)
      : []
  return excluded.length ? excluded : undefined
}

/** Overrides of the regions in a place and next to it: agglomeration looks at its neighbours' thresholds. */
function overridesNear({ node, phase }: Place, { overrides }: RunConfig): [string, unknown][] {
  const { scope } = stages[stageNames.find(s => stages[s].phase === phase)!]
  if (overrides.length === 0 || !['region', 'node'].includes(scope)) return []
  const size = 2 ** node.level
  const near = (region: string): boolean =>
    fromKey(region).every((c, a) => c >= node.coord[a]! * size - 1 && c <= (node.coord[a]! + 1) * size)
  return overrides.flatMap(o => o.regions.filter(near).map((r): [string, unknown] => [r, o.stages]))
}

/** Contents of a stage's artifacts that reach into a place, by node. */
async function reaching(
  deps: Deps,
  { context, node }: Place,
  reader: StageName,
  name: string,
  root: Digest,
): Promise<[string, string][]> {
  const input = parseInput(name)
  const summed = async (page: Digest): Promise<string> =>
    (await readPage(deps, page)).stages[input.stage]?.content ?? ''
  if (stages[input.stage].scope === 'dataset' || stages[reader].scope === 'range') return [['all', await summed(root)]]
  if (isOfSections(input.stage) && !isOfSections(reader)) {
    const { min, max } = nodeBox(node, context.region, context.bounds)
    const pages = await sectionPages(deps, root, context.bounds, min[2] - FILL_REACH, max[2] + FILL_REACH)
    return Promise.all(pages.map(async (p, i): Promise<[string, string]> => [String(i), await summed(p)]))
  }
  const grid = gridOf(input.stage, context)
  const around = input.of === 'neighbours' || isOfSections(reader)
  const nodes = around ? nodesAround(grid, node) : node.level > 0 ? [node] : readsAt(input, node, context)
  return Promise.all(
    nodes.map(async (n): Promise<[string, string]> => {
      const { digest, at } = await pageTowards(deps, root, grid, n)
      if (at.level === n.level) return [nodeKey(n), await summed(digest)]
      const cell = cellName(input.stage, n)
      const entry = (await readPage(deps, digest)).entries.find(e => e.stage === input.stage && e.cell === cell)
      return [nodeKey(n), entry?.ref.content ?? '']
    }),
  )
}

/** Identity of the files below a place, of those below a batch as `ingest` found them. */
function joined({ node }: Place, below: readonly { key: string; source?: string }[]): Digest | undefined {
  const sources = below.flatMap(b => b.source ?? [])
  if (sources.length < below.length || sources.length === 0) return undefined
  return node.level === 0 ? sources[0] : sha256(canonicalJson(below.map(b => [b.key, b.source!])))
}

/** The same as the files are now, found out without reading them: of the place and of all below it, by key. */
async function sourcesNow(deps: Deps, place: Place): Promise<Map<string, Digest>> {
  const out = new Map<string, Digest>()
  if (!readsSource(place.phase)) return out
  const { context } = place
  const config = await configOf(deps, context.config)
  const source = openSource(config)
  const grid = gridOf(stagesOf(place)[0]!, context)
  const visit = async (node: Node): Promise<Digest> => {
    const own = node.level === 0 ? await ofBatch(node) : joined({ ...place, node }, await ofBelow(node))!
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
  await visit(place.node)
  return out
}

/** What an earlier run made of a place of this name. A note that is damaged or leads nowhere is forgotten, and the place made again. */
async function recalled(deps: Deps, place: Place, source: Digest | undefined): Promise<Swept | null> {
  const note = memoKey(await nameOf(deps, place, source))
  try {
    const page = await readMemo(deps.objects, note)
    return page === undefined ? null : { ...(await swept(deps, place, page)), ...(source && { source }) }
  } catch (e) {
    if (!isHillockError(e, 'MissingArtifact')) throw e
    log.warn(`forgotten, to be made again: ${e.message}`)
    if (!deps.planning) await deps.objects.remove(note)
    return null
  }
}

async function swept(deps: Deps, { node }: Place, page: Digest): Promise<Swept> {
  const { stages: sums, entries } = await readPage(deps, page)
  const top: Record<string, Refs> = {}
  for (const e of entries) if (e.cell === nodeKey(node)) top[e.stage] = { ...top[e.stage], [e.cell]: e.ref }
  const counts = Object.entries(sums).map(([stage, { count, holes }]) => ({
    ...noCount(stage as StageName),
    found: count,
    quarantined: holes,
  }))
  return { page, counts, top }
}

export async function probe(deps: Deps, place: Place): Promise<Probed> {
  const sources = await sourcesNow(deps, place)
  const found = await recalled(deps, place, sources.get(nodeKey(place.node)))
  if (found) return { found, below: [] }
  const grid = gridOf(stagesOf(place)[0]!, place.context)
  // Where the phase goes from the root down, what lies below depends on what is made here first.
  const below: Node[] =
    isTopDown(place.phase) || place.node.level === 0 ? [] : nodesBelow(grid, place.node, place.node.level - grid.span)
  const each = below.map(node => recalled(deps, { ...place, node }, sources.get(nodeKey(node))))
  return { found: null, below: await Promise.all(each) }
}

export async function savePage(deps: Deps, { place, entries, below }: PageTask): Promise<Saved> {
  const page = await writePage(deps, entries, below)
  const source = readsSource(place.phase) ? joined(place, below) : undefined
  const note = memoKey(await nameOf(deps, place, source))
  await putMemo(deps.objects, note, page)
  return { page, ...(source && { source }) }
}
