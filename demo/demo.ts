// `hillock demo`: the whole path on the synthetic specimen of examples/demo.yaml.
import { join } from 'node:path'
import { checkout } from '../worker/home.ts'
import { readRunFile } from '../client/run-file.ts'
import { ensureStack, stopStack } from '../client/processes/stack.ts'
import { execute, printReport, type RunOptions } from '../client/commands/run.ts'
import { serveUntilInterrupted } from '../client/commands/processes/up.ts'

export async function demo(o: RunOptions & { exit?: boolean }): Promise<void> {
  const config = readRunFile(join(checkout, 'examples/demo.yaml'), o.set)
  const { stack, started } = await ensureStack()
  const stays = process.stdout.isTTY && !o.exit
  try {
    const report = await execute(stack, config, o)
    if (o.json) console.log(JSON.stringify(report))
    else printReport(report, config)
    if (report.refusal !== null) process.exitCode = 1
  } finally {
    if (!stays && started) await stopStack()
  }
  if (!stays) {
    if (started && !o.json) console.log('\nNothing serves these links now: `./hillock up` does.')
    return
  }
  console.log('\nServing until Ctrl-C.')
  await serveUntilInterrupted()
}
