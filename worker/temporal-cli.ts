// Finds the Temporal CLI, whose dev server and UI Hillock runs on one machine, or builds it from the pinned Go module.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildGoTool, builtBinary, onPath } from './go-tool.ts'

export interface TemporalCli {
  readonly path: string
  readonly from: string
  readonly version: string
}

const TOOL = { module: 'temporal-cli', command: 'github.com/temporalio/cli/cmd/temporal', name: 'temporal' }

const versionOf = (path: string): string | undefined => {
  const run = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  return run.status === 0 ? run.stdout.trim().replace(/^temporal version /, '') : undefined
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
  const named = process.env['HILLOCK_TEMPORAL_CLI']
  const candidates: [string, string | undefined][] = [
    ['HILLOCK_TEMPORAL_CLI', named],
    ['the PATH', onPath('temporal')],
    ["the SDK's cached download", sdkDownload()],
    ['deploy/temporal-cli, built earlier', builtBinary(TOOL)],
  ]
  for (const [from, path] of candidates) {
    const version = path && existsSync(path) ? versionOf(path) : undefined
    if (path && version) return { path, from, version }
    if (from === 'HILLOCK_TEMPORAL_CLI' && named)
      throw new Error(`HILLOCK_TEMPORAL_CLI names ${named}, which does not run`)
  }
  if (!onPath('go'))
    throw new Error(
      'no Temporal CLI found and no Go (1.21 or newer) to build it with: install the CLI (docs.temporal.io/cli) ' +
        'and put it on the PATH, or name it in HILLOCK_TEMPORAL_CLI',
    )
  const path = buildGoTool(TOOL)
  return { path, from: 'deploy/temporal-cli, built now', version: versionOf(path) ?? 'unknown' }
}

if (import.meta.main) {
  const cli = findTemporalCli()
  console.log(`Temporal CLI: ${cli.path} (from ${cli.from}; ${cli.version})`)
}
