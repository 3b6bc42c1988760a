// `hillock deployment`: the builds of the workers, where new runs go, and a run moved from one build to another.
import type { Client } from '@temporalio/client'
import { configError } from '../../../domain/errors.ts'
import { setting } from '../../../domain/settings.ts'
import { onRunningStack } from '../../call.ts'
import { numberOf } from '../../numbers.ts'
import { buildNamed, buildsOf, moveRun, ramp, setCurrent, type Build } from '../../processes/builds.ts'
import { say, table, type JsonOption } from '../../report.ts'
import { findRun } from '../../runs.ts'

interface Options extends JsonOption {
  readonly name?: string
}

interface Known {
  readonly client: Client
  readonly name: string
  readonly builds: readonly Build[]
}

async function known(o: Options): Promise<Known> {
  const name = o.name ?? setting('HILLOCK_DEPLOYMENT')
  if (!name) throw configError('which deployment: set HILLOCK_DEPLOYMENT as its workers do, or give --name')
  const { client } = await onRunningStack()
  return { client, name, builds: await buildsOf(client, name) }
}

/** What is known afterwards. */
async function show(o: Options, { client, name }: Known, also: object = {}, line?: string): Promise<void> {
  const builds = (await buildsOf(client, name)).sort((a, b) => b.lastCurrent - a.lastCurrent)
  const columns = {
    build: (b: Build) => b.build,
    state: (b: Build) => b.state,
    'new runs': (b: Build) => `${b.percent} %`,
  }
  say(o, { deployment: name, builds, ...also }, [...(line === undefined ? [] : [line]), table(columns, builds)])
}

export const list = async (o: Options): Promise<void> => show(o, await known(o))

export async function current(build: string, o: Options): Promise<void> {
  const at = await known(o)
  await setCurrent(at.client, at.name, buildNamed(at.builds, build).build)
  await show(o, at)
}

export async function rampUp(build: string, o: Options & { readonly percent: string }): Promise<void> {
  const at = await known(o)
  const percent = numberOf('--percent', o.percent)
  if (!(percent >= 0 && percent <= 100)) throw configError(`--percent ${o.percent}: from 0 to 100`)
  await ramp(at.client, at.name, buildNamed(at.builds, build).build, percent)
  await show(o, at)
}

/** Ends a ramp, where there is one; else the build that was current before is current again. */
export async function rollback(o: Options): Promise<void> {
  const at = await known(o)
  const ramping = at.builds.find(b => b.state === 'ramping')
  const [now, before] = at.builds.filter(b => b.lastCurrent > 0).sort((a, b) => b.lastCurrent - a.lastCurrent)
  if (ramping) await ramp(at.client, at.name, ramping.build, 0)
  else if (now && before) await setCurrent(at.client, at.name, before.build)
  else throw configError(`deployment ${at.name} has had no other current build: there is nothing to go back to`)
  const from = (ramping ?? now)!.build
  const left = `runs that began with ${from} stay with it: \`hillock deployment move RUN --to BUILD\` takes one away`
  await show(o, at, { from }, left)
}

export async function move(run: string, o: Options & { readonly to: string }): Promise<void> {
  const at = await known(o)
  const { build } = buildNamed(at.builds, o.to)
  const { workflowId } = await findRun(at.client, run)
  const moved = await moveRun(at.client, workflowId, at.name, build)
  say(
    o,
    { workflowId, build, moved },
    `${workflowId} goes on with build ${build}, with ${moved - 1} workflows below it`,
  )
}
