// Worker Deployment versioning on a real server: a run ends on the build that started it, whatever has become current; and a bad rollout.
import { fork, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunReport } from '../../../client/commands/run.ts'
import { connect } from '../../../client/connection.ts'
import type { Build } from '../../../client/processes/builds.ts'
import type { Release } from '../../../domain/release.ts'
import { artifactStore } from '../../../storage/artifacts.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { makeCurrent } from '../../../worker/deployment.ts'
import { checkout } from '../../../worker/home.ts'
import { Hillock, MANY_REGIONS, TINY } from '../harness.ts'

const DEPLOYMENT = 'hillock-test'
const IMAGES = 'through=render'
/** Builds are named as `codeRevision` names those of a checkout with changes. */
const [ONE, TWO, BAD] = [`${'1'.repeat(40)}+changes`, '2'.repeat(40), '3'.repeat(40)] as const
const MAIN = join(checkout, 'worker/main.ts')
const hillock = new Hillock({ HILLOCK_DEPLOYMENT: DEPLOYMENT, HILLOCK_REVISION: ONE })
const second: ChildProcess[] = []
afterAll(async () => {
  for (const c of second) c.kill('SIGKILL')
  await hillock.close()
}, 60_000)

function startBuild(temporal: string, revision: string, roles: readonly string[], file = MAIN): void {
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: temporal,
    HILLOCK_BUCKET: join(hillock.home, 'bucket'),
    HILLOCK_DEPLOYMENT: DEPLOYMENT,
    HILLOCK_REVISION: revision,
  }
  for (const role of roles) second.push(fork(file, [role], { env, stdio: 'ignore', execArgv: [] }))
}

/** Its workflow code throws whatever it is asked. */
function startBadBuild(temporal: string): void {
  const [worker, rows] = ['worker.ts', 'rows.ts'].map(f => join(hillock.home, f)) as [string, string]
  const inbound = `[{ execute() { throw new TypeError('a bad build') } }]`
  writeFileSync(rows, `export const interceptors = () => ({ inbound: ${inbound} })`)
  const role = JSON.stringify(join(checkout, 'worker/role.ts'))
  const own = JSON.stringify({ activities: {}, rows: [rows] })
  writeFileSync(worker, `import { roleProcess } from ${role}\nroleProcess(${own})`)
  startBuild(temporal, BAD, ['workflow'], worker)
}

/** Code revisions of a release's artifacts, by stage. */
async function revisions(report: RunReport): Promise<Record<string, string[]>> {
  const store = artifactStore(fileStore(join(hillock.home, 'bucket')))
  const { stages } = await hillock.json<Release>('release', 'show', report.release)
  const out: Record<string, string[]> = {}
  for (const [stage, refs] of Object.entries(stages!))
    out[stage] = [...new Set(await Promise.all(refs.map(async r => (await store.open(r)).lineage.codeRevision)))]
  return out
}

test('a run keeps its build, the next one has the new build; a bad build is rolled back, and its runs go on', async () => {
  await hillock.cli('up', '--detach')
  const { done } = hillock.start('run', TINY, '--json', '--set', IMAGES)
  let ended = false
  void done.then(() => (ended = true))
  const { temporal } = hillock.stack()
  startBuild(temporal, TWO, ['workflow', 'cpu', 'inference'])
  await makeCurrent(temporal, { deploymentName: DEPLOYMENT, buildId: TWO })
  expect(ended).toBe(false)
  const { code, stdout, stderr } = await done
  expect(code, stderr).toBe(0)
  const first = JSON.parse(stdout) as RunReport
  expect(new Set(Object.values(await revisions(first)).flat())).toEqual(new Set([ONE]))

  const next = await revisions(await hillock.run(TINY, IMAGES, 'stages.render.std=31'))
  expect(next['align']).toEqual([ONE])
  expect(next['render']).toEqual([TWO])

  // A run that began with the new build goes on with the old one, and what is below it, when its build is gone.
  const sets = [IMAGES, 'stages.render.std=37', 'gates=[{name: look, before: image}]', ...MANY_REGIONS].flatMap(s => [
    '--set',
    s,
  ])
  const moved = hillock.start('run', TINY, '--json', '--name', 'moved', ...sets)
  const tell = async (...args: string[]): Promise<boolean> =>
    (await hillock.cli(...args, '--reason', 'to be moved')).code === 0
  while (!(await tell('pause', 'moved', '--stage', 'render'))) await sleep(200)
  while (!(await tell('approve', 'moved', 'look'))) await sleep(200)
  const client = await connect(hillock.stack().temporal)
  const images = `WorkflowType = 'fanOut' AND HillockStage = 'render' AND ExecutionStatus = 'Running'`
  while ((await client.workflow.count(images)).count === 0) await sleep(200)
  expect((await hillock.cli('deployment', 'rollback')).code).toBe(0)
  const builds = await hillock.json<{ builds: Build[] }>('deployment', 'list')
  expect(builds.builds.map(b => [b.build, b.state, b.percent])).toEqual([
    [ONE, 'current', 100],
    [TWO, 'draining', 0],
  ])
  for (const c of second) c.kill('SIGKILL')
  const { moved: workflows } = await hillock.json<{ moved: number }>('deployment', 'move', 'moved', '--to', '111')
  expect(workflows).toBeGreaterThan(1)
  expect(await tell('resume', 'moved', '--stage', 'render')).toBe(true)
  const last = await moved.done
  expect(last.code, last.stderr).toBe(0)
  expect((await revisions(JSON.parse(last.stdout) as RunReport))['render']).toEqual([ONE])

  // A bad rollout: no workflow task of the new build goes well. Runs that began with it go on with the build before.
  startBadBuild(hillock.stack().temporal)
  await makeCurrent(hillock.stack().temporal, { deploymentName: DEPLOYMENT, buildId: BAD })
  const unlucky = hillock.start('run', TINY, '--json', '--name', 'unlucky', '--set', IMAGES)
  let said = ''
  unlucky.child.stderr!.on('data', (d: Buffer) => (said += d.toString()))
  while (!/reconstruct\/tiny\/unlucky cannot go on and tries again: .*a bad build/.test(said)) await sleep(200)
  expect((await hillock.cli('deployment', 'rollback')).code).toBe(0)
  expect((await hillock.cli('deployment', 'move', 'unlucky', '--to', '111')).code).toBe(0)
  const recovered = await unlucky.done
  expect(recovered.code, recovered.stderr).toBe(0)
  expect((JSON.parse(recovered.stdout) as RunReport).digest).toBe(first.digest)

  // Without the name of the deployment new runs go to workers that take no part in it.
  await hillock.cli('down')
  const plain = new Hillock({ HILLOCK_HOME: hillock.home })
  const plan = await plain.json<{ dataset: string }>('plan', TINY, '--set', IMAGES)
  expect(plan.dataset).toBe('tiny')
}, 600_000)
