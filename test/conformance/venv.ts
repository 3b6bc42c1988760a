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

/** Path of an interpreter with the packages of some lists. The folder is named by the digest of the lists, so that other pins are another one. */
export function pythonWith(...lists: readonly [string, ...string[]]): string {
  const pin = createHash('sha256')
  for (const list of lists) pin.update(readFileSync(list))
  const name = `conformance-${pin.digest('hex').slice(0, 16)}`
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hillock', name)
  const found = join(folder, 'bin', 'python')
  if (existsSync(found) && existsSync(join(folder, 'complete'))) return found
  rmSync(folder, { recursive: true, force: true })
  console.error(`installing the packages of ${lists[0]} into ${folder} (once per machine)`)
  run('python3', '-m', 'venv', folder)
  run(found, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', lists[0])
  mkdirSync(join(folder, 'making'), { recursive: true })
  renameSync(join(folder, 'making'), join(folder, 'complete'))
  return found
}

/** One with the independent readers. */
export const python = (): string => pythonWith(requirements, locked)
