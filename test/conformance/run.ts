// Conformance: independent programs read what Hillock writes, voxel for voxel, and Hillock reads what they write.
//
// `node test/conformance/run.ts`; needs python3 and, once per machine, the Python package index. The validator of RO-Crates asks w3id.org.
// `--dataset NAME[=TRUTH]`, once or more: the clients alone, on what that dataset of this HILLOCK_HOME publishes, in place of a small release made here; `--only TEXT`: of those the checks whose name has it.
// TRUTH is a volume of the true objects (.npy.gz), `truth.json` beside it has the true synapses: `hillock phantom` writes both.
// `HILLOCK_REQUESTS=20000`: so many of schemathesis, of which there are 1000 else.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bucket } from '../../client/catalogue.ts'
import { run } from './check.ts'
import { serveFixture, serveRelease } from './clients.ts'
import { writeObjects } from './objects.ts'
import { writeRelease } from './release.ts'
import { python } from './venv.ts'
import { readTheirs, theirs, writeOurs } from './volumes.ts'

const { values } = parseArgs({
  options: { dataset: { type: 'string', multiple: true, default: [] }, only: { type: 'string', default: '' } },
})
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

async function toldBy({ checks, close }: Awaited<ReturnType<typeof serveFixture>>): Promise<void> {
  for (const c of checks) if (c.name.includes(values.only)) await told(c.name, () => run(interpreter, c))
  await close()
}

async function all(): Promise<void> {
  const [ours, their] = [join(folder, 'ours'), join(folder, 'theirs')]
  const checks = [
    ...(await writeOurs(ours)),
    ...(await writeObjects(join(folder, 'objects'))),
    ...(await writeRelease(join(folder, 'release'))),
    ...theirs(their, ours),
  ]
  for (const c of checks) await told(c.name, () => run(interpreter, c))
  await toldBy(await serveFixture(join(folder, 'clients')))
  for (const { name, read } of readTheirs(their)) await told(`read by Hillock: ${name}`, read)
}

try {
  if (values.dataset.length === 0) await all()
  for (const given of values.dataset) {
    const [dataset, truth] = given.split('=') as [string, string?]
    await toldBy(await serveRelease(join(folder, dataset), bucket(), dataset, truth))
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${counts.ok} passed, ${counts.FAIL} failed, ${counts.skip} skipped`)
process.exit(counts.FAIL === 0 ? 0 : 1)
