// `hillock drill`: a bad release and its rollback from end to end, told step by step, while a reader reads all the time.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunConfig } from '../domain/config.ts'
import type { Release } from '../domain/release.ts'
import { checkout } from '../worker/home.ts'
import { bucket, channelsOf, readRelease } from '../client/catalogue.ts'
import { connect } from '../client/connection.ts'
import { poll } from './reader.ts'
import { rollBack } from '../client/channels.ts'
import { readRunFile } from '../client/run-file.ts'
import { ensureStack, stopStack } from '../client/processes/stack.ts'
import { operator } from '../client/commands/operate.ts'
import { execute } from '../client/commands/run.ts'

const CHANNEL = 'published'
/** One region is improved by the bad release, another is spoilt: everything in it becomes one segment. */
const BETTER = '0_0_0'
const WRONG = '1_1_0'
const spoilt = (config: RunConfig): RunConfig => ({
  ...config,
  overrides: [
    { regions: [BETTER], stages: { agglomerate: { threshold: 0.6 } } },
    { regions: [WRONG], stages: { agglomerate: { threshold: 0 } } },
  ],
})

const began = Date.now()
const tell = (line: string): void => console.error(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`)

export async function drill(file: string | undefined, o: { json?: boolean }): Promise<void> {
  // A home of its own: what it quarantines is in nobody's way.
  const own = process.env['HILLOCK_HOME'] === undefined
  if (own) process.env['HILLOCK_HOME'] = mkdtempSync(join(tmpdir(), 'hillock-drill-'))
  let failures: string[]
  try {
    failures = await drilled(readRunFile(file ?? join(checkout, 'examples/drill.yaml')), o)
  } finally {
    await stopStack()
    if (own) rmSync(process.env['HILLOCK_HOME']!, { recursive: true, force: true })
  }
  for (const f of failures) tell(`FAILED: ${f}`)
  process.exit(failures.length === 0 ? 0 : 1)
}

/** What went otherwise than it should; empty when nothing did. */
async function drilled(config: RunConfig, o: { json?: boolean }): Promise<string[]> {
  const { dataset } = config
  tell('starting Temporal, workers and serving')
  const { stack } = await ensureStack()
  const say = (what: string, r: Release): void =>
    tell(
      `${what} is release ${r.release}: VOI ${r.quality.voiSum?.toFixed(3) ?? '-'}, ${r.quality.segments ?? '-'} segments`,
    )
  const made = async (name: string, c: RunConfig): Promise<Release> => {
    const { release } = await execute(stack, c, { name })
    const r = (await readRelease(bucket(), dataset, release))!
    say(`the ${name} one`, r)
    return r
  }
  tell('a good release is made and published')
  const good = await made('good', config)
  const reader = poll(stack.serving, dataset, CHANNEL, tell)
  tell(`a bad one follows: better in region ${BETTER}, but in ${WRONG} everything is one segment`)
  const bad = await made('bad', spoilt(config))
  tell(`somebody notices: rollback of region ${WRONG}`)
  const input = {
    dataset,
    channel: CHANNEL,
    from: bad.release,
    to: null,
    by: operator(),
    reason: `everything in ${WRONG} is one segment`,
    regions: [WRONG],
  } as const
  const result = await rollBack(await connect(stack.temporal), input, tell)
  const patch = (await readRelease(bucket(), dataset, result.patch!))!
  tell(`${result.tainted} artifacts of the bad one are quarantined`)
  say('the patch', patch)
  const readings = await reader.stop()
  const seen = readings.map(r => r.release).filter((r, i, all) => r !== all[i - 1])
  tell(`the reader read ${readings.length} times and saw ${seen.join(', then ')}`)
  const now = (await channelsOf(bucket(), dataset))[CHANNEL]!.release
  if (o.json)
    console.log(
      JSON.stringify({
        good: good.release,
        bad: bad.release,
        ...result,
        now,
        seen,
        reads: readings.length,
        parent: patch.parent,
      }),
    )
  // Every step from one release to the next is one of these; a reader need not be quick enough for all.
  const order = [good.release, bad.release, good.release, patch.release]
  return [
    ...readings.filter(r => !r.whole).map(r => `a reader of ${r.release} saw chunks of another release`),
    ...(isPart(seen, order) ? [] : [`the reader saw ${seen.join(', ')}, not in the order ${order.join(', ')}`]),
    ...(now === patch.release ? [] : [`${CHANNEL} names ${now} at the end, not the patch`]),
    ...(patch.parent === bad.release ? [] : [`the parent of the patch is ${patch.parent}`]),
    ...(result.tainted > 0 ? [] : ['nothing was quarantined']),
  ]
}

/** Whether `part` is `whole` with some left out. */
function isPart(part: readonly string[], whole: readonly string[]): boolean {
  let i = 0
  for (const w of whole) if (part[i] === w) i++
  return i === part.length
}
