// What goes out about the lineage of a release, read by tools of other people: runs where HILLOCK_PYTHON names a Python that has them.
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { provJson } from '../../client/provenance/prov.ts'
import { roCrate } from '../../client/provenance/ro-crate.ts'
import { attestations } from '../../client/provenance/slsa.ts'
import { sums } from '../../client/provenance/sums.ts'
import { provenanceOf } from '../../client/provenance/walk.ts'
import { fileStore } from '../../storage/file-store.ts'
import { layerProvenance } from '../../storage/formats/provenance.ts'
import { makeFixture } from '../serving/fixture.ts'

const python = process.env['HILLOCK_PYTHON']

test.skipIf(!python)(
  'in-toto, PROV, RO-Crate and sha256sum take what is exported',
  async () => {
    const fixture = await makeFixture()
    try {
      const out = join(fixture.folder, '.export')
      mkdirSync(out)
      const { privateKey, publicKey } = generateKeyPairSync('ed25519')
      const pem = join(out, '..', '.key.pem')
      writeFileSync(pem, publicKey.export({ type: 'spki', format: 'pem' }))
      const p = await provenanceOf(fileStore(fixture.folder), fixture.release)
      for (const files of [attestations(p, privateKey), provJson(p), roCrate(p), sums(p)])
        for (const [name, text] of Object.entries(files)) writeFileSync(join(out, name), text)
      const records = p.steps.map(s => s.record)
      writeFileSync(
        join(out, '..', '.provenance'),
        JSON.stringify(layerProvenance(fixture.release, 'segmentation', records)),
      )
      const script = join(import.meta.dirname, 'provenance.py')
      const args = [script, out, pem, fixture.folder, join(out, '..', '.provenance')]
      const { stdout } = await promisify(execFile)(python!, args, { maxBuffer: 1 << 26 })
      expect(stdout).toMatch(/in-toto: \d+ statements verified[^]*prov: [^]*sha256sum: [^]*rocrate: /)
    } finally {
      await fixture.remove()
    }
  },
  300_000,
)
