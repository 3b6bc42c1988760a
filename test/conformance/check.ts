// A check in Python: a function of a script of this folder, called with keyword arguments; it fails when the process does.
import { execFile } from 'node:child_process'
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
export function run(interpreter: string, { script, call, args }: Check): Promise<{ text: string; skipped: boolean }> {
  const given = [join(import.meta.dirname, script), call, JSON.stringify(args)]
  // Not in its way: some of them ask a server of this process.
  return new Promise((done, fail) => {
    execFile(interpreter, given, { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (error && error.code !== SKIPPED)
        fail(new Error(`${error.signal ?? `status ${error.code}`}: ${stderr.slice(-2000)}`))
      else done({ text: stdout.trim(), skipped: error !== null })
    })
  })
}
