// Conformance: independent programs read what Hillock writes, voxel for voxel, and Hillock reads what they write.
//
// `node test/conformance/run.ts`; needs python3 and, once per machine, the Python package index. The validator of RO-Crates asks w3id.org.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './check.ts'
import { serveClients } from './clients.ts'
import { writeObjects } from './objects.ts'
import { writeRelease } from './release.ts'
import { python } from './venv.ts'
import { readTheirs, theirs, writeOurs } from './volumes.ts'

const interpreter = python()
const folder = mkdtempSync(join(tmpdir(), 'hillock-conformance-'))
type Verdict = { readonly text: string; readonly skipped?: boolean }
const counts = { ok: 0, skip: 0, FAIL: 0 }
function tell(verdict: keyof typeof counts, name: string, text: string): void {
  counts[verdict]++
  console.log(`${verdict.padEnd(4)} ${name}${text && `\n${text.replaceAll(/^(?=.)/gm, '     ')}`}`)
}
async function told(name: string, f: () => Verdict | Promise<Verdict>): Promise<void> {
  try {
    const { text, skipped } = await f()
    tell(skipped ? 'skip' : 'ok', name, text)
  } catch (e) {
    tell('FAIL', name, (e as Error).message)
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
  const clients = await serveClients(join(folder, 'clients'))
  for (const c of [...checks, ...clients.checks]) await told(c.name, () => run(interpreter, c))
  await clients.close()
  for (const { name, read } of readTheirs(their)) await told(`read by Hillock: ${name}`, read)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${counts.ok} passed, ${counts.FAIL} failed, ${counts.skip} skipped`)
process.exit(counts.FAIL === 0 ? 0 : 1)
