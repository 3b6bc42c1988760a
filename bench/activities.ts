// `node bench/activities.ts 100 1000 10000`: the activities of a run over so many thin regions, four at a time in one process and without Temporal.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseRunConfig } from '../domain/config.ts'
import { product } from '../domain/geometry.ts'
import { stageNames } from '../domain/stages.ts'
import { tried } from '../domain/models.ts'
import { runPhase, runPhases } from '../domain/index/order.ts'
import { asActivity, directWorker, evaluated } from '../test/metamorphic/direct.ts'
import { mostOf, stageRows, type Largest } from './largest.ts'
import { n, peakOf, table } from './common/print.ts'
import { cellsOf, thinRegions } from './common/thin-regions.ts'

interface Measured {
  readonly regions: number
  readonly seconds: number
  readonly peakMiB: number
  readonly largest: Largest
}

async function measure(regions: number): Promise<Measured> {
  const home = mkdtempSync(join(tmpdir(), 'hillock-activities-'))
  const began = performance.now()
  const largest: Largest = {}
  let done = 0
  try {
    const cells = cellsOf(regions)
    const config = parseRunConfig(thinRegions(home, cells), 'cells')
    const { activities, steps } = directWorker(join(home, 'bucket'), (stage, made) => {
      mostOf(largest, stage, made.requests ?? {})
      if (++done % 1000 === 0)
        process.stderr.write(
          `${n(regions)}: ${done} activities, ${n((performance.now() - began) / 1000)} s, ${stage}\n`,
        )
    })
    await asActivity(async () => {
      const input = { dataset: 'cells', run: 'r', config }
      const at = await tried(await activities.survey(input), model => activities.tryModel(model))
      const roots = await evaluated(at, await runPhases(at, subtree => runPhase(subtree, steps)), steps)
      await activities.assemble({ context: at, roots, cost: 0, approver: 'bench', runId: 'bench' })
    })
    const seconds = (performance.now() - began) / 1000
    return { regions: product(cells), seconds, peakMiB: peakOf(process.pid), largest }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

if (process.send) {
  process.send(await measure(Number(process.argv[2])))
  process.exit(0)
}
const all: Measured[] = []
// A process for each: peaks are those of its whole life.
for (const regions of process.argv.slice(2)) {
  const child = fork(fileURLToPath(import.meta.url), [regions])
  const made = await new Promise<Measured>((hear, fail) => {
    child.once('message', hear)
    child.once('exit', code => fail(new Error(`${regions} regions: ended with ${code}`)))
  })
  console.error(JSON.stringify(made))
  all.push(made)
}
console.log(
  table(
    ['', ...all.map(m => `${n(m.regions)} regions`)],
    [
      ['seconds', ...all.map(m => n(m.seconds))],
      ['peak of the process, MiB', ...all.map(m => n(m.peakMiB))],
      ...stageRows(
        stageNames,
        all.map(m => m.largest),
      ),
    ],
  ),
)
