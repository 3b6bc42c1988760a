// The commands that start, prepare and look at processes: on one machine, or on several.
import type { Command } from 'commander'
import { json } from '../options.ts'

export function processCommands(program: Command): void {
  json(program.command('up'))
    .description('start Temporal, the workers and the serving process of this machine; serves until Ctrl-C')
    .option('--detach', 'leave them running in the background')
    .option(
      '--host <address>',
      'serve releases on this address, for other machines too (default: 127.0.0.1; then `ssh -L PORT:127.0.0.1:PORT` reaches them from elsewhere)',
    )
    .action(async o => (await import('../commands/processes/up.ts')).up(o))
  json(program.command('down'))
    .description('stop what `up` or `run` started')
    .action(async o => (await import('../commands/processes/up.ts')).down(o))
  program
    .command('worker <role...>')
    .description(
      'work in the foreground for a Temporal and a bucket that are configured; roles: workflow, cpu, inference',
    )
    .action(async (roles: string[]) => (await import('../commands/processes/worker.ts')).worker(roles))
  program
    .command('serve')
    .description('serve the releases of a bucket in the foreground')
    .option('--host <address>', 'listen on this address (default: HILLOCK_SERVING_HOST, else 127.0.0.1)')
    .option('--port <port>', 'listen on this port (default: HILLOCK_SERVING_PORT, else 8470)')
    .action(async o => (await import('../commands/processes/worker.ts')).serve(o))
  json(program.command('init'))
    .description('make the configured namespace of Temporal fit for Hillock, or say what it lacks')
    .option(
      '--retention <duration>',
      'keep histories of workflows that have ended for so long (default of a new one: 30d)',
    )
    .action(async o => (await import('../commands/processes/init.ts')).init(o))
  json(program.command('doctor'))
    .description('is all that is configured there and fit: Temporal, namespace, workers, bucket, clocks, models')
    .action(async o => (await import('../commands/processes/doctor.ts')).doctor(o))
  const deployment = program
    .command('deployment')
    .description(
      'builds of the workers under Worker Deployment versioning: list, name the current one, move runs (docs/runbook.md)',
    )
  const deployed = (command: Command): Command =>
    json(command).option('--name <deployment>', 'the deployment (default: HILLOCK_DEPLOYMENT)')
  deployed(deployment.command('list'))
    .description('the builds, what state each is in, and what share of new runs goes to it')
    .action(async o => (await import('../commands/processes/deployment.ts')).list(o))
  deployed(deployment.command('set-current <build>'))
    .description('new runs go to this build; those under way stay with theirs')
    .action(async (build: string, o) => (await import('../commands/processes/deployment.ts')).current(build, o))
  deployed(deployment.command('ramp <build>'))
    .description('a share of new runs goes to this build, the rest to the current one')
    .requiredOption('--percent <n>', 'from 0 (ends it) to 100')
    .action(async (build: string, o) => (await import('../commands/processes/deployment.ts')).rampUp(build, o))
  deployed(deployment.command('rollback'))
    .description('end the ramp; without one, the build that was current before is current again')
    .action(async o => (await import('../commands/processes/deployment.ts')).rollback(o))
  deployed(deployment.command('move <run>'))
    .description('let a run with all its children go on with another build, whose workflow code must fit its history')
    .requiredOption('--to <build>', 'the build, or the beginning of its name')
    .action(async (run: string, o) => (await import('../commands/processes/deployment.ts')).move(run, o))
}
