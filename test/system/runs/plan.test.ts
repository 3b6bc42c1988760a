// The plan of a change names what the run then makes, and the outcome is byte for byte that of a full run.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../../client/commands/run.ts'
import type { Plan, PlanRow } from '../../../domain/plan/plan.ts'
import type { Lineage } from '../../../domain/lineage.ts'
import { counts, Hillock, made, TINY } from '../harness.ts'

const hillock = new Hillock()
const scratch = mkdtempSync(join(tmpdir(), 'hillock-plan-'))
const file = join(scratch, 'tiles.yaml')
const tiles = join(scratch, 'specimen')

beforeAll(async () => {
  // The same specimen: what tiles show, not where they lie, names what is made of them.
  await hillock.fromTiny()
  const written = await hillock.cli('phantom', TINY, '--out', tiles)
  expect(written.code, written.stderr).toBe(0)
  const yaml = readFileSync(TINY, 'utf8')
  const rest = yaml.slice(yaml.indexOf('grid:')).replace('truth: phantom', `truth: ${tiles}/labels.npy.gz`)
  const model = 'model: models/fib-affinity'
  expect(yaml).toContain(model)
  writeFileSync(
    file,
    `dataset: tiles\nvoxelSizeNm: [10, 10, 10]\n${model}\nsource:\n  layout: ${tiles}/layout.json\n${rest}`,
  )
  const first = await hillock.run(file, 'release.channel=published')
  // Of the section with the missing tile its record says in other words why it is not there.
  expect(made(first)).toEqual(['ingest', 'stitch', 'evaluate'])
  expect([counts(first)['ingest'], counts(first)['stitch']]).toEqual([
    [1, 63],
    [1, 63],
  ])
}, 300_000)
afterAll(async () => {
  await hillock.close()
  rmSync(scratch, { recursive: true, force: true })
}, 60_000)

type Planned = Plan & { rows: PlanRow[] }

/** `stage cell` of every artifact that a run made, from their lineage records. */
function madeBy(run: string): Set<string> {
  const made = new Set<string>()
  const folder = join(hillock.home, 'bucket', 'artifacts')
  for (const stage of readdirSync(folder))
    for (const recipe of readdirSync(join(folder, stage))) {
      const record = JSON.parse(readFileSync(join(folder, stage, recipe, 'lineage.json'), 'utf8')) as Lineage
      if (record.workflowId.split('/')[2] === run) made.add(`${stage} ${cellOf(record)}`)
    }
  return made
}

function cellOf({ recipe: { extent } }: Lineage): string {
  if (extent === 'dataset') return 'all'
  if ('range' in extent) return `0_0_${extent.range}`
  if ('node' in extent) return `${extent.level}/${extent.node}`
  if ('sections' in extent) return extent.sections.join('-')
  if ('section' in extent) return String(extent.section)
  return extent.min.map(v => v / 64).join('_')
}

/** Plans a change, runs that plan, and holds the two against each other and against a full run in an empty home. */
async function planned(
  name: string,
  ...sets: string[]
): Promise<{ plan: Planned; report: RunReport; made: Set<string> }> {
  const plan = await hillock.json<Planned>('plan', file, ...sets.flatMap(s => ['--set', s]))
  const report = await hillock.json<RunReport>('run', '--plan', plan.id, '--name', name)
  const made = madeBy(name)
  const all = new Set(plan.items.map(i => `${i.stage} ${i.cell}`))
  expect(
    [...made].filter(m => !all.has(m)),
    'made, but not in the plan',
  ).toEqual([])
  const certain = plan.items.filter(i => i.certain).map(i => `${i.stage} ${i.cell}`)
  expect(
    certain.filter(c => !made.has(c)),
    'certain in the plan, but not made',
  ).toEqual([])
  for (const row of plan.rows) {
    const { found, made: count } = report.stages.find(s => s.stage === row.stage)!
    expect(count, row.stage).toBeGreaterThanOrEqual(row.make)
    expect(found, row.stage).toBeGreaterThanOrEqual(row.exists)
  }
  // A full run per change takes minutes: in the suite the last change stands for all, with HILLOCK_FULL each has its own.
  if (name !== 'tile' && !process.env['HILLOCK_FULL']) return { plan, report, made }
  const fresh = new Hillock()
  try {
    const full = await fresh.run(file, ...sets)
    expect(full.digest).toBe(report.digest)
    expect(full.layerDigests).toEqual(report.layerDigests)
  } finally {
    await fresh.close()
  }
  return { plan, report, made }
}

const stagesOf = (items: Iterable<string>): string[] => [...new Set([...items].map(i => i.split(' ')[0]!))]

test('the same file: nothing is to be made', async () => {
  const plan = await hillock.json<Planned>('plan', file)
  expect(plan.items).toEqual([])
}, 60_000)

test('the threshold of one region: its leaf, its neighbours above, the path to the root', async () => {
  const override = 'overrides=[{regions: [1_0_0], stages: {agglomerate: {threshold: 0.8}}}]'
  const { plan, made } = await planned('threshold', override)
  const certain = plan.items.filter(i => i.certain)
  // Contacts across a face take the higher threshold of the two: the region above in y looks down at this one.
  expect(certain.map(i => `${i.stage} ${i.cell}`)).toEqual(['agglomerate 0/1_0_0', 'agglomerate 0/1_1_0'])
  expect(certain[0]!.why.join()).toContain('agglomerate.threshold 0.4 -> 0.8')
  expect(stagesOf(made)).not.toContain('rag')
  expect(made.has('agglomerate 0/0_0_0')).toBe(false)
}, 300_000)

test('one byte of the model: inference and what follows from it', async () => {
  const model = join(scratch, 'model')
  cpSync('models/fib-affinity', model, { recursive: true })
  const card = JSON.parse(readFileSync(join(model, 'card.json'), 'utf8'))
  const bytes = readFileSync(join(model, card.file))
  bytes[Math.floor(bytes.length / 2) & ~3]! ^= 1
  writeFileSync(join(model, card.file), bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(join(model, 'card.json'), JSON.stringify({ ...card, sha256 }))
  const { plan } = await planned('model', `model=${model}`)
  const certain = plan.items.filter(i => i.certain)
  expect(stagesOf(certain.map(i => i.stage))).toEqual(['affinity'])
  expect(certain.every(i => i.why.some(w => w.startsWith('model ')))).toBe(true)
  expect(stagesOf(plan.items.map(i => i.stage))).not.toContain('synapse-map')
}, 300_000)

test('one section left out: the alignment, and the images that its fields reach', async () => {
  const { plan, made } = await planned('section', 'exclude.sections=[{section: 30, reason: knife mark}]')
  const certain = plan.items.filter(i => i.certain)
  expect(certain.map(i => `${i.stage} ${i.cell}`)).toEqual(['align all'])
  expect(stagesOf(made)).not.toContain('ingest')
  expect(stagesOf(made)).not.toContain('match')
  expect(stagesOf(made)).toContain('render')
}, 300_000)

test('one tile: its section, the pairs it is matched in, and what shows it', async () => {
  cpSync(join(tiles, 'tiles/z00040/r1c1.png'), join(tiles, 'tiles/z00041/r1c1.png'))
  const { plan, report } = await planned('tile')
  const certain = plan.items.filter(i => i.certain)
  expect(certain.map(i => `${i.stage} ${i.cell}`)).toEqual(['ingest 41'])
  expect(certain[0]!.why).toEqual(['tile/r1c1 replaced'])
  const follow = plan.items.filter(i => ['stitch', 'match'].includes(i.stage)).map(i => i.cell)
  expect(follow).toEqual(['41', '39-41', '40-41', '41-42', '41-43'])
  expect(report.stages.find(s => s.stage === 'match')!.made).toBe(4)
}, 300_000)

test('a plan that no longer holds is refused, and says what has changed', async () => {
  const { id } = await hillock.json<Planned>('plan', file, '--set', 'stages.mesh.ratio=0.5')
  await hillock.run(file, 'stages.mesh.ratio=0.5')
  const late = await hillock.cli('run', '--plan', id)
  expect(late.code).toBe(1)
  expect(late.stderr).toContain('PlanChanged')
  expect(late.stderr).toContain('no longer to be made')
}, 300_000)
