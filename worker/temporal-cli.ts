// Finds the Temporal CLI, whose dev server and UI Hillock runs on one machine, or builds it from the pinned Go module.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setting } from '../domain/settings.ts'
import { buildGoTool, builtBinary, onPath } from './go-tool.ts'

export interface TemporalCli {
  readonly path: string
  readonly from: string
}

const TOOL = { module: 'temporal-cli', command: 'github.com/temporalio/cli/cmd/temporal', name: 'temporal' }

/** Options of the dev server that older releases lack. */
const OPTIONS = ['--ui-disable-news-fetch', '--sqlite-pragma', '--search-attribute', '--dynamic-config-value']

const said = (path: string, ...args: string[]): string | undefined => {
  const run = spawnSync(path, args, { encoding: 'utf8', timeout: 10_000 })
  return run.status === 0 ? run.stdout.trim() : undefined
}
const versionOf = (path: string): string | undefined => said(path, '--version')?.replace(/^temporal version /, '')

/** Why a CLI that is there does not serve; undefined where it does. */
function unfit(path: string): string | undefined {
  const help = said(path, 'server', 'start-dev', '--help')
  const lacks = OPTIONS.filter(o => !help?.includes(o))
  if (lacks.length === 0) return undefined
  const version = versionOf(path)
  return version === undefined ? 'does not run' : `is ${version}, too old: it has no ${lacks.join(', ')}`
}

/** Where the SDK's test environment keeps the CLI that it downloads. */
function sdkDownload(): string {
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string }
  return join(tmpdir(), `temporal-cli-sdk-typescript-${version}`)
}

/**
 * The first of: HILLOCK_TEMPORAL_CLI, `temporal` on the PATH, the SDK's cached download, a build of the pinned Go module.
 * @throws Error that says what to install when none can be had.
 */
export function findTemporalCli(): TemporalCli {
  const named = setting('HILLOCK_TEMPORAL_CLI')
  const candidates: [string, string | undefined][] = [
    ['HILLOCK_TEMPORAL_CLI', named],
    ['the PATH', onPath('temporal')],
    ["the SDK's cached download", sdkDownload()],
    ['deploy/temporal-cli, built earlier', builtBinary(TOOL)],
  ]
  for (const [from, path] of candidates) {
    if (!path || !(existsSync(path) || path === named)) continue
    const why = unfit(path)
    if (why === undefined) return { path, from }
    if (path === named) throw new Error(`HILLOCK_TEMPORAL_CLI names ${named}, which ${why}`)
    console.error(`Temporal CLI: ${path} (from ${from}) is passed over: it ${why}`)
  }
  if (!onPath('go'))
    throw new Error(
      'no Temporal CLI found and no Go (1.21 or newer) to build it with: install the CLI (docs.temporal.io/cli) ' +
        'and put it on the PATH, or name it in HILLOCK_TEMPORAL_CLI',
    )
  const path = buildGoTool(TOOL)
  return { path, from: 'deploy/temporal-cli, built now' }
}

if (import.meta.main) {
  const cli = findTemporalCli()
  console.log(`Temporal CLI: ${cli.path} (from ${cli.from}; ${versionOf(cli.path)})`)
}
