// Tools in Go that Hillock builds from a pinned module under deploy/, once per machine.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { checkout } from './home.ts'

export interface GoTool {
  /** Folder under deploy/ that holds go.mod and go.sum. */
  readonly module: string
  /** Go package of the command. */
  readonly command: string
  /** First part of the binary's name. */
  readonly name: string
}

export const onPath = (name: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(d => join(d, name))
    .find(existsSync)

/** Where a build is kept: named by the digest of go.sum, so that another pin is another file. */
export function builtBinary({ module, name }: GoTool): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const pin = createHash('sha256')
    .update(readFileSync(join(checkout, 'deploy', module, 'go.sum')))
    .digest('hex')
    .slice(0, 16)
  return join(cache, 'hillock', `${name}-${pin}`)
}

/** Builds the tool and returns its path. @throws Error without Go, or when the build fails. */
export function buildGoTool(tool: GoTool): string {
  const go = onPath('go')
  if (!go) throw new Error(`no Go (1.21 or newer) to build deploy/${tool.module} with`)
  const target = builtBinary(tool)
  console.error(`building ${tool.name} from deploy/${tool.module} (once per machine; minutes)`)
  mkdirSync(join(target, '..'), { recursive: true })
  const partial = `${target}.${process.pid}`
  const run = spawnSync(go, ['build', '-trimpath', '-ldflags', '-s -w', '-o', partial, tool.command], {
    cwd: join(checkout, 'deploy', tool.module),
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
  })
  if (run.status !== 0) throw new Error(`go build in deploy/${tool.module} ended with ${run.status}`)
  renameSync(partial, target)
  return target
}
