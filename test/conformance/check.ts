// A check in Python: a function of a script of this folder, called with keyword arguments; it fails when the process does.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export interface Check {
  readonly name: string
  readonly script: string
  readonly call: string
  readonly args: object
}

/** Exit status of a check that could not be made here. */
const SKIPPED = 77

/**
 * What it printed; each in a process of its own, because a damaged layer can take a reader down.
 * @throws Error with the end of what it complained about.
 */
export function run(interpreter: string, { script, call, args }: Check): { text: string; skipped: boolean } {
  const given = [join(import.meta.dirname, script), call, JSON.stringify(args)]
  const { status, signal, stdout, stderr } = spawnSync(interpreter, given, { encoding: 'utf8' })
  if (status !== 0 && status !== SKIPPED) throw new Error(`${signal ?? `status ${status}`}: ${stderr.slice(-2000)}`)
  return { text: stdout.trim(), skipped: status === SKIPPED }
}
