// Conformance: independent programs read what Hillock writes, voxel for voxel, and Hillock reads what they write.
//
// `node test/conformance/run.ts`; needs python3 and, once per machine, the Python package index. The validator of RO-Crates asks w3id.org.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './check.ts'
import { writeObjects } from './objects.ts'
import { writeRelease } from './release.ts'
import { python } from './venv.ts'
import { readTheirs, theirs, writeOurs } from './volumes.ts'

const interpreter = python()
const folder = mkdtempSync(join(tmpdir(), 'hillock-conformance-'))
let [passed, failed] = [0, 0]
async function told(name: string, f: () => string | Promise<string>): Promise<void> {
  const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '     ')
  try {
    const found = await f()
    passed++
    console.log(`ok   ${name}${found && `\n${indented(found)}`}`)
  } catch (e) {
    failed++
    console.log(`FAIL ${name}\n${indented((e as Error).message)}`)
  }
}

try {
  const [ours, their] = [join(folder, 'ours'), join(folder, 'theirs')]
  const checks = [
    ...(await writeOurs(ours)),
    ...(await writeObjects(join(folder, 'objects'))),
    ...(await writeRelease(join(folder, 'release'))),
    ...theirs(their, ours),
  ]
  for (const c of checks) await told(c.name, () => run(interpreter, c))
  for (const { name, read } of readTheirs(their)) await told(`read by Hillock: ${name}`, read)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
