// Finds the Temporal CLI, whose dev server and UI Hillock runs on one machine, or builds it from the pinned Go module.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface TemporalCli {
  readonly path: string
  readonly from: string
  readonly version: string
}

const module_ = fileURLToPath(new URL('../deploy/temporal-cli/', import.meta.url))

const versionOf = (path: string): string | undefined => {
  const run = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  return run.status === 0 ? run.stdout.trim().replace(/^temporal version /, '') : undefined
}

function onPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(d => join(d, name))
    .find(existsSync)
}

/** Where the SDK's test environment keeps the CLI that it downloads. */
function sdkDownload(): string {
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string }
  return join(tmpdir(), `temporal-cli-sdk-typescript-${version}`)
}

/** Where a build of the Go module is kept: named by the digest of go.sum, so that another pin is another file. */
function builtBinary(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const pin = createHash('sha256')
    .update(readFileSync(join(module_, 'go.sum')))
    .digest('hex')
    .slice(0, 16)
  return join(cache, 'hillock', `temporal-${pin}`)
}

function build(target: string): void {
  const go = onPath('go')
  if (!go)
    throw new Error(
      'no Temporal CLI found and no Go (1.21 or newer) to build it with: install the CLI (docs.temporal.io/cli) ' +
        'and put it on the PATH, or name it in HILLOCK_TEMPORAL_CLI',
    )
  console.error('building the Temporal CLI from deploy/temporal-cli (once per machine; about ten minutes on two cores)')
  mkdirSync(join(target, '..'), { recursive: true })
  const partial = `${target}.${process.pid}`
  const run = spawnSync(
    go,
    ['build', '-trimpath', '-ldflags', '-s -w', '-o', partial, 'github.com/temporalio/cli/cmd/temporal'],
    {
      cwd: module_,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
    },
  )
  if (run.status !== 0) throw new Error(`go build in deploy/temporal-cli ended with ${run.status}`)
  renameSync(partial, target)
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
    ['deploy/temporal-cli, built earlier', builtBinary()],
  ]
  for (const [from, path] of candidates) {
    const version = path && existsSync(path) ? versionOf(path) : undefined
    if (path && version) return { path, from, version }
    if (from === 'HILLOCK_TEMPORAL_CLI' && named)
      throw new Error(`HILLOCK_TEMPORAL_CLI names ${named}, which does not run`)
  }
  const target = builtBinary()
  build(target)
  return { path: target, from: 'deploy/temporal-cli, built now', version: versionOf(target) ?? 'unknown' }
}

if (import.meta.main) {
  const cli = findTemporalCli()
  console.log(`Temporal CLI: ${cli.path} (from ${cli.from}; ${cli.version})`)
}
