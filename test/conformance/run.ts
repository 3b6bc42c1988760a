// Conformance: independent programs read what Hillock writes, voxel for voxel, and Hillock reads what they write.
//
// `node test/conformance/run.ts`; needs python3 and, once per machine, the Python package index. Each layer is opened in a process of its own.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { python } from './venv.ts'
import { readTheirs, theirs, writeOurs, type Check } from './volumes.ts'

const interpreter = python()
const folder = mkdtempSync(join(tmpdir(), 'hillock-conformance-'))
let failed = 0
const tell = (name: string, problem: string | null): void => {
  if (problem !== null) failed++
  console.log(
    `${problem === null ? 'ok  ' : 'FAIL'} ${name}${problem === null ? '' : `\n     ${problem.trim().replaceAll('\n', '\n     ')}`}`,
  )
}

function check({ name, script, call, args }: Check): void {
  const { status, signal, stderr } = spawnSync(
    interpreter,
    [join(import.meta.dirname, script), call, JSON.stringify(args)],
    { encoding: 'utf8' },
  )
  tell(name, status === 0 ? null : `${signal ?? `status ${status}`}: ${stderr.slice(-2000)}`)
}

try {
  const ours = join(folder, 'ours')
  const their = join(folder, 'theirs')
  for (const c of await writeOurs(ours)) check(c)
  for (const c of theirs(their, ours)) {
    mkdirSync(join(their, c.call), { recursive: true })
    check(c)
  }
  for (const name of await readTheirs(their)) tell(`read by Hillock: ${name}`, null)
} catch (e) {
  tell('read by Hillock', (e as Error).message)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(failed === 0 ? 'all conform' : `${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
