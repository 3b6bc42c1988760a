// The hillock command: parses the command line and hands over to one file per command.
import { enableCompileCache } from 'node:module'
import { Command } from 'commander'
import { isHillockError, errorTable } from '../domain/errors.ts'
import { setting } from '../domain/settings.ts'
import { codeRevision, packageVersion } from '../worker/runtime.ts'
import { flushTraces } from '../worker/tracing.ts'
import { processCommands } from './processes/process-commands.ts'
import { answer, because, collect, collectSome, json, runOptions, scoped, timed } from './options.ts'

enableCompileCache()

const program = new Command('hillock')
  .description('Connectome reconstruction from electron microscopy as durable Temporal workflows')
  .option('--json', 'print one JSON object instead of text')
  .option('--version', 'print the version and the code revision')
  .on('option:version', () => {
    console.log(`hillock ${packageVersion()}, code ${codeRevision()}`)
    process.exit(0)
  })
  .configureOutput({
    outputError: (text, write) =>
      write(
        text
          .replace(/^error: /, 'hillock: ')
          .replace(/\n\((Did you mean .*\?)\)/, '. $1')
          .replace(/([^?])\n$/, '$1; --help says what there is\n'),
      ),
  })
  .enablePositionalOptions()
  .addHelpText(
    'after',
    '\nState lives under HILLOCK_HOME (default: .hillock in the checkout); `hillock config` prints every setting.',
  )

processCommands(program)
runOptions(program.command('plan <file>'))
  .description(
    'what a run would make and why, with time and cost; makes nothing (the stack is started if need be: it works the plan out)',
  )
  .action(async (file: string, o) => (await import('./commands/plan.ts')).plan(file, o))
runOptions(program.command('run [file]'))
  .option('--plan <id>', 'instead of a file: exactly what a plan says, or what has changed since')
  .description(
    'reconstruct what a run file describes, from tiles to a release; the stack is started if need be and stays up',
  )
  .action(async (file: string | undefined, o) => (await import('./commands/run.ts')).run(file, o))
json(program.command('import <where>'))
  .description(
    'a run file for data of others: an aligned volume (precomputed, Zarr, OME-Zarr, N5; a folder, http(s):// or gs://), tiles with their layout, or a stack (docs/import.md)',
  )
  .requiredOption('--dataset <dataset>', 'name of the dataset')
  .option('--format <format>', 'of a volume: precomputed, zarr or n5 (default: what is there)')
  .option('--mip <n>', 'which mip of a volume (default: 0)')
  .option('--box <x0,y0,z0:x1,y1,z1>', 'only this part, in voxels of that mip')
  .option('--voxel-size <x,y,z>', 'in nanometres, where the data do not say or are wrong; images never say')
  .option('--keep-query', 'keep what follows the ? of the address, such as a token, in the run file')
  .option('--out <file>', 'the run file (default: DATASET.yaml)')
  .action(async (where: string, o) => (await import('./commands/import.ts')).importVolume(where, o))
runOptions(program.command('demo'))
  .description('the whole path on a synthetic specimen (examples/demo.yaml), ending with links to look at')
  .option('--exit', 'end after the table instead of serving until Ctrl-C (as without a terminal)')
  .action(async o => (await import('../demo/demo.ts')).demo(o))
json(program.command('drill [file]'))
  .description('a bad release and its rollback from end to end, told step by step, while a reader reads all the time')
  .action(async (file: string | undefined, o) => (await import('../demo/drill.ts')).drill(file, o))
json(program.command('status [run]'))
  .description('progress of a run (default: the newest), or the list of runs with --all')
  .option('--all', 'list the runs')
  .action(async (run: string | undefined, o) => (await import('./commands/status.ts')).status(run, o))
scoped(program.command('pause <run>'))
  .description('hold back what a run, a stage or a region would begin; what is under way ends')
  .action(async (run: string, o) => (await import('./commands/operate.ts')).pause(run, o))
scoped(program.command('resume <run>'))
  .description('let it go on')
  .option('--budget <cost>', 'with a new limit of cost')
  .action(async (run: string, o) => (await import('./commands/operate.ts')).resume(run, o))
json(program.command('invalidate'))
  .description(
    'mark a section, a box or an artifact as wrong, list the marks or lift one; runs leave out what is marked',
  )
  .option('--dataset <dataset>', 'whose section or box')
  .option('--section <z>', 'neighbouring sections stand in for it')
  .option('--box <x0,y0,z0:x1,y1,z1>', 'what sections show in this box of the aligned volume counts as a gap')
  .option('--artifact <stage/recipe>', 'no run takes it any more; it is made again')
  .option('--damaged', 'its bytes in the store are broken or lost, what it said was right')
  .option('--reason <text>', 'why: plans, holes and lineage repeat it')
  .option('--list', 'the marks that stand')
  .option('--lift <id>', 'take a mark back')
  .action(async o => (await import('./commands/invalidate.ts')).invalidate(o))
for (const decision of ['approve', 'reject', 'retry'] as const)
  answer(program.command(`${decision} <run> [gate]`))
    .description(
      decision === 'retry'
        ? 'try what a run has set aside again, and asks about at its gate `quarantine`'
        : `${decision} at an open gate of a run or workflow; \`status\` lists them`,
    )
    .action(async (run: string, gate: string | undefined, o) =>
      (await import('./commands/operate.ts')).decide(run, gate, decision, o),
    )
json(program.command('quarantine <release>'))
  .description('blocks and regions that failed on every attempt and are holes of a release: where, and the last error')
  .option('--retry', 'set their artifacts aside, so that the next run of the same file makes them again')
  .option('--reason <text>', 'why, for the record')
  .action(async (name: string, o) => (await import('./commands/quarantine.ts')).quarantine(name, o))
answer(program.command('resolve <workflow> <action> [step]'))
  .description('retry, skip or take for done a step of a release or rollback that keeps failing; `status` lists them')
  .action(async (workflow: string, action: string, step: string | undefined, o) =>
    (await import('./commands/operate.ts')).resolve(workflow, action, step, o),
  )
const lineage = json(program.command('lineage <subject>'))
  .description(
    'what made a release, STAGE/RECIPE, RELEASE/LAYER@x,y,z, RELEASE/segment:ID or RELEASE/synapse:ID; RELEASE is a release or a channel, DATASET/NAME if several',
  )
  .option('--format <format>', 'text, json, mermaid or dot', 'text')
  .action(async (name: string, o) => (await import('./commands/lineage.ts')).lineage(name, o))
json(lineage.command('export <release>'))
  .description('the lineage of a release in the forms that others verify and read')
  .requiredOption(
    '--format <format>',
    'slsa (in-toto attestations), prov (W3C PROV-JSON), ro-crate (Workflow Run RO-Crate) or sha256sums',
  )
  .requiredOption('--out <folder>', 'where to')
  .option('--key <file>', 'private ed25519 key (PEM) that signs attestations')
  .action(async (name: string, o) => (await import('./commands/lineage.ts')).exportLineage(name, o))

json(program.command('slo <subject>'))
  .description(
    'service levels of a run, a release or a dataset: throughput, failures, recovery, quality, cost, hot spots',
  )
  .option('--html <file>', 'write them as one page with plots')
  .action(async (subject: string, o) => (await import('./commands/slo.ts')).slo(subject, o))

const release = program.command('release').description('list, show, compare, plan, publish and roll back releases')
json(release.command('list [dataset]'))
  .description('releases and the channels that point at them')
  .action(async (dataset: string | undefined, o) => (await import('./commands/release.ts')).list(dataset, o))
json(release.command('show <release>'))
  .description('layers, quality, holes and cost of a release')
  .action(async (name: string, o) => (await import('./commands/release.ts')).show(name, o))
json(release.command('plan [subject]'))
  .description(
    'the release-plan document: stages, provenance, rollback, links; SUBJECT is a run file, a release or a channel',
  )
  .action(async (subject: string | undefined, o) =>
    (await import('./commands/documents.ts')).printReleasePlan(subject, o),
  )
json(release.command('diff <before> <after>'))
  .description('regions, segments, synapses, quality, holes and cost that differ between two releases')
  .action(async (before: string, after: string, o) => (await import('./commands/diff.ts')).diff(before, after, o))
because(release.command('publish <release>'))
  .option('--force', 'also where the gate of its run file refuses it; needs --reason')
  .description('point a channel at a release')
  .action(async (name: string, o) => (await import('./commands/release.ts')).publish(name, o))
because(release.command('rollback <dataset>'))
  .description('point a channel back at the release before (or at --to)')
  .option('--to <release>', 'the release to go back to (default: the one before)')
  .option('--from <release>', 'the bad release (default: what the channel names)')
  .option(
    '--regions <x_y_z,...>',
    'bad regions: the rest keeps the new version, in a patch release that is made, evaluated and published',
  )
  .action(async (dataset: string, o) => (await import('./commands/release.ts')).rollback(dataset, o))

json(program.command('rebalance <release>'))
  .description(
    'a layer of a release in other chunks, shards or partitions, as a patch release; without a shape: what has been read of it, and what suits',
  )
  .requiredOption('--layer <layer>', 'a volume: em, segmentation, ...; or graph: its tables')
  .option('--chunk <x,y,z>', 'voxels of a chunk: what a viewer fetches at least')
  .option('--shard <x,y,z>', 'largest shard: what an analysis fetches as one object')
  .option('--encoding <encoding>', 'of an image: raw, jpeg or png')
  .option('--partitions <n>', 'objects into which each table is shared out, a power of two')
  .option('--name <run>', 'name of the run in workflow ids (default: date and time)')
  .action(async (name: string, o) => (await import('./commands/rebalance.ts')).rebalance(name, o))

const schedule = program.command('schedule').description('reprocess or evaluate by the clock, or when sections arrive')
timed(schedule.command('create <file>'))
  .description(
    'a schedule of a run file as it is now; it makes only what its plan says, and publishes what the run file gives',
  )
  .requiredOption('--name <name>', 'name within the dataset')
  .option('--what <what>', 'reprocess, or evaluate the published release on evaluate.sentinels', 'reprocess')
  .option('--overlap <policy>', 'skip, buffer-one, buffer-all, cancel-other, allow-all', 'skip')
  .option('--catchup <duration>', 'actions missed while the server was away are made up for this long', '1d')
  .option('--pause-on-failure', 'pause when a run fails')
  .option('--set <path=value>', 'override a key of the run file (repeatable)', collect, [])
  .action(async (file: string, o) => (await import('./commands/schedule.ts')).create(file, o))
timed(schedule.command('update <dataset/name>'))
  .description('give it the run file as it is now; or another file, other overrides or another time')
  .option('--file <file>', 'another run file')
  .option('--set <path=value>', 'override a key of the run file (repeatable; default: as before)', collectSome)
  .action(async (s: string, o) => (await import('./commands/schedule.ts')).update(s, o))
json(schedule.command('list [dataset]'))
  .description('schedules and when they act next')
  .action(async (dataset: string | undefined, o) => (await import('./commands/schedule.ts')).list(dataset, o))
for (const [name, text] of [
  ['show', 'what it does, did and will do'],
  ['plan', 'what it would do now'],
  ['trigger', 'act now'],
  ['delete', 'remove it'],
] as const)
  json(schedule.command(`${name} <dataset/name>`))
    .description(text)
    .action(async (s: string, o) => {
      const commands = await import('./commands/schedule.ts')
      return commands[name === 'delete' ? 'remove' : name](s, o)
    })
for (const name of ['pause', 'resume'] as const)
  json(schedule.command(`${name} <dataset/name>`))
    .description(`${name} it`)
    .option('--reason <text>', 'why, for the record', 'by hand')
    .action(async (s: string, o) => (await import('./commands/schedule.ts'))[name](s, o))

json(program.command('evaluate <release>'))
  .description('score the segmentation of a release: VOI split and merge in bits, adapted Rand error')
  .requiredOption('--truth <volume>', 'labels, as evaluate.truth of a run file names them')
  .option('--offset <x,y,z>', 'voxel of the dataset at which the truth begins')
  .option('--ignore <labels>', 'labels that stand for no object, beside 0 and negative ones')
  .action(async (name: string, o) => (await import('./commands/evaluate.ts')).evaluate(name, o))
json(program.command('audit <release>'))
  .description(
    'hold the histories, the lineage and the bytes of a release against each other, and make a part of it again',
  )
  .option('--sample <n>', 'activities to execute again', '16')
  .option('--all', 'execute all of them again')
  .option('--seed <text>', 'which sample (default: a random one, which the report names)')
  .option('--key <file>', 'private ed25519 key (PEM) that signs the report')
  .action(async (name: string, o) => (await import('./commands/audit.ts')).audit(name, o))
const gc = program.command('gc').description('garbage: what no release, channel or running workflow names')
json(gc.command('plan'))
  .description('list it; deletes nothing')
  .action(async o => (await import('./commands/gc.ts')).plan(o))
json(gc.command('run'))
  .description('delete what was listed, and is still named by nothing; activities wait meanwhile')
  .option('--grace <duration>', 'the list must be this old', '7d')
  .action(async o => (await import('./commands/gc.ts')).run(o))
const token = program.command('token').description('tokens for the server: make, list and revoke (docs/access.md)')
json(token.command('make <name>'))
  .description('a token of that name, which stands in the record of whatever is done with it; shown once')
  .option('--role <role>', 'viewer, proofreader, operator or admin; each may do what those before it may', 'viewer')
  .option('--datasets <a,b>', 'for these datasets (default: *, all)', '*')
  .option('--expires <duration>', 'when it ends, for example 12h, 90d; or never', '90d')
  .action(async (name: string, o) => (await import('./commands/token.ts')).make(name, o))
json(token.command('list'))
  .description('tokens that were not revoked')
  .action(async o => (await import('./commands/token.ts')).list(o))
answer(token.command('revoke <name>'))
  .description('end a token for good; NAME is its name or its id')
  .action(async (name: string, o) => (await import('./commands/token.ts')).revoke(name, o))
json(program.command('export <release> <target>'))
  .description(
    'copy a release into a bucket or folder as plain files: precomputed layers, OME-Zarr, tables, provenance, SHA256SUMS; goes on where it was interrupted',
  )
  .action(async (name: string, target: string, o) => (await import('./commands/export.ts')).exportTo(name, target, o))
json(program.command('verify [release]'))
  .description(
    'make the manifest of a release again from what it rests on, and hold every byte of that, or of the bucket, against the digest that names it',
  )
  .option('--all', 'name everything that is wrong, not only the first')
  .option(
    '--key <file>',
    'public ed25519 key (PEM): releases, and what channels name, must be signed with its other half',
  )
  .action(async (name: string | undefined, o) => (await import('./commands/verify.ts')).verify(name, o))
runOptions(program.command('phantom <file>'))
  .description('write the synthetic tiles, their layout and the ground truth of a run file into a folder')
  .requiredOption('--out <folder>', 'where to')
  .action(async (file: string, o) => (await import('../demo/phantom.ts')).phantom(file, o))
program
  .command('run-file')
  .description('every key of the run file, as Markdown')
  .action(async () => console.log((await import('../domain/run-file/run-file.ts')).runFileMarkdown().trimEnd()))
program
  .command('config')
  .description('every setting of the environment, as Markdown')
  .action(async () => console.log((await import('../domain/settings.ts')).settingsMarkdown().trimEnd()))
json(program.command('stages'))
  .description('the stage table and its diagram, as Markdown')
  .action(async o => (await import('./commands/documents.ts')).stages(o))

const ended = program.parseAsync().finally(flushTraces)
ended.then(
  // Connections that are still open hold nobody up; what was printed goes out first, however slow its reader.
  () => process.stdout.write('', () => process.exit()),
  (e: unknown) => {
    const known = isHillockError(e)
    const message = e instanceof Error ? e.message : String(e)
    if (process.argv.includes('--json'))
      console.log(JSON.stringify({ error: { type: known ? e.type : 'Error', message } }))
    console.error(`hillock: ${message}`)
    if (known) console.error(`  (${e.type}: ${errorTable[e.type].means}; ${errorTable[e.type].todo})`)
    if (!known && setting('HILLOCK_DEBUG')) console.error(e)
    process.exit(1)
  },
)
