// Options that several commands take.
import type { Command } from 'commander'

export const json = (c: Command): Command => c.option('--json', 'print one JSON object instead of text')
export const collect = (value: string, before: string[]): string[] => [...before, value]
export const collectSome = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]
export const runOptions = (c: Command): Command =>
  json(c)
    .option(
      '--set <path=value>',
      'override a key of the run file, e.g. stages.agglomerate.threshold=0.4 (repeatable)',
      collect,
      [],
    )
    .option('--name <run>', 'name of the run in workflow ids (default: date and time)')
export const scoped = (c: Command): Command =>
  json(c)
    .option('--stage <stage>', 'only this stage')
    .option('--region <x_y_z>', 'only this region')
    .requiredOption('--reason <text>', 'why, for the record')
export const answer = (c: Command): Command => json(c).requiredOption('--reason <text>', 'why, for the record')
export const because = (c: Command): Command =>
  json(c)
    .option('--channel <channel>', 'candidate or published', 'published')
    .option('--reason <text>', 'why, for the record (default: by hand)')
export const timed = (c: Command): Command =>
  json(c)
    .option('--cron <expression>', 'for example "0 3 * * *": minute hour day month weekday, in the time zone')
    .option('--time-zone <zone>', 'in which --cron is read, for example Europe/Zurich (default: UTC)')
    .option('--every <duration>', 'for example 90s, 15m, 6h, 1d, 1w, 1h30m or PT6H')
    .option('--on-arrival <duration>', 'look for new or changed tiles this often')
