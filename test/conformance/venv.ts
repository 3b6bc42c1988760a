// A Python environment with the pinned packages of independent readers, made once per machine.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const requirements = join(import.meta.dirname, 'requirements.txt')
/** Every package that they bring along, so that pip has nothing to work out: `pip freeze` after a change of the requirements. */
const locked = join(import.meta.dirname, 'locked.txt')

function run(command: string, ...args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`)
}

/** Path of its interpreter. The folder is named by the digest of both lists, so that other pins are another one. */
export function python(): string {
  const pin = createHash('sha256')
    .update(readFileSync(requirements))
    .update(readFileSync(locked))
    .digest('hex')
    .slice(0, 16)
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hillock', `conformance-${pin}`)
  const found = join(folder, 'bin', 'python')
  if (existsSync(found) && existsSync(join(folder, 'complete'))) return found
  rmSync(folder, { recursive: true, force: true })
  console.error(`installing the readers of test/conformance/requirements.txt into ${folder} (once per machine)`)
  run('python3', '-m', 'venv', folder)
  run(found, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements)
  mkdirSync(join(folder, 'making'), { recursive: true })
  renameSync(join(folder, 'making'), join(folder, 'complete'))
  return found
}
