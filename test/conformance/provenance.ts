// Exports the lineage of a small release in every format, for tools of other people to check (provenance.py).
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { provJson } from '../../client/provenance/prov.ts'
import { roCrate } from '../../client/provenance/ro-crate.ts'
import { attestations } from '../../client/provenance/slsa.ts'
import { sums } from '../../client/provenance/sums.ts'
import { provenanceOf } from '../../client/provenance/walk.ts'
import { fileStore } from '../../storage/file-store.ts'
import { layerProvenance } from '../../storage/formats/provenance.ts'
import { makeFixture } from '../serving/fixture.ts'
import type { Check } from './check.ts'

export async function writeProvenance(folder: string): Promise<Check[]> {
  const bucket = join(folder, 'bucket')
  const out = join(folder, 'export')
  mkdirSync(out, { recursive: true })
  const fixture = await makeFixture()
  try {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    writeFileSync(join(folder, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
    const p = await provenanceOf(fileStore(fixture.folder), fixture.release)
    for (const files of [attestations(p, privateKey), provJson(p), roCrate(p), sums(p)])
      for (const [name, text] of Object.entries(files)) writeFileSync(join(out, name), text)
    const records = p.steps.map(s => s.record)
    const layer = layerProvenance(fixture.release, 'segmentation', records)
    writeFileSync(join(folder, 'provenance'), JSON.stringify(layer))
    cpSync(fixture.folder, bucket, { recursive: true })
  } finally {
    await fixture.remove()
  }
  const names = {
    attestations: 'in-toto and securesystemslib: SLSA statements and their signatures',
    prov: 'prov: W3C PROV-JSON',
    crate: 'rocrate and roc-validator: Workflow Run RO-Crate',
    sums: 'sha256sum: every object of the bucket',
    layer: 'provenance file of a layer',
  }
  return Object.entries(names).map(([call, name]) => ({ name, script: 'provenance.py', call, args: { folder } }))
}
