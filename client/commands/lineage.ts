// `hillock lineage SUBJECT` and `hillock lineage export RELEASE`: what made it, in words, pictures, and the forms of others.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configError } from '../../domain/errors.ts'
import { readKey } from '../../storage/provenance/envelope.ts'
import { makeFolders } from '../../storage/files/system.ts'
import { bucket, findRelease } from '../catalogue.ts'
import { ancestry, dot, json, mermaid, text } from '../lineage/graph.ts'
import { subjectOf } from '../lineage/subject.ts'
import { provJson } from '../provenance/prov.ts'
import { roCrate } from '../provenance/ro-crate.ts'
import { attestations } from '../provenance/slsa.ts'
import type { JsonOption } from '../report.ts'
import { provenanceOf, sums } from '../provenance/walk.ts'

const printers = { text, json, mermaid: (_, g) => mermaid(g), dot: (_, g) => dot(g) } satisfies Record<
  string,
  typeof text
>

export async function lineage(name: string, o: { json?: boolean; format: string }): Promise<void> {
  const print = printers[(o.json ? 'json' : o.format) as keyof typeof printers]
  if (!print) throw configError(`--format ${o.format}: one of ${Object.keys(printers).join(', ')}`)
  const subject = await subjectOf(bucket(), name)
  console.log(print(subject, ancestry(subject.records, subject.focus)))
}

interface ExportOptions extends JsonOption {
  readonly format: string
  readonly out: string
  readonly key?: string
}

export async function exportLineage(name: string, o: ExportOptions): Promise<void> {
  const objects = bucket()
  const key = o.key === undefined ? undefined : readKey(o.key)
  const writers = { slsa: attestations, prov: provJson, 'ro-crate': roCrate, sha256sums: sums }
  const write = writers[o.format as keyof typeof writers]
  if (!write) throw configError(`--format ${o.format}: one of ${Object.keys(writers).join(', ')}`)
  const files = write(await provenanceOf(objects, await findRelease(objects, name)), key)
  makeFolders(o.out)
  for (const [file, content] of Object.entries(files)) await writeFile(join(o.out, file), content)
  const written = Object.keys(files).map(f => join(o.out, f))
  console.log(o.json ? JSON.stringify({ files: written, signed: key !== undefined }) : written.join('\n'))
}
