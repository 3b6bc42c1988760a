// A small release as `hillock export` leaves it, for readers of volumes (volumes.py); its lineage in every format, for tools of other people (provenance.py).
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportRelease } from '../../client/export.ts'
import { provJson } from '../../client/provenance/prov.ts'
import { roCrate } from '../../client/provenance/ro-crate.ts'
import { attestations } from '../../client/provenance/slsa.ts'
import { provenanceOf, sums } from '../../client/provenance/walk.ts'
import { boxAt, cellBox, fromKey, map3, shapeOf, voxels, type Box } from '../../domain/geometry.ts'
import { fileStore } from '../../storage/file-store.ts'
import { writeNpy } from '../../storage/formats/npy.ts'
import { HOLE, makeFixture } from '../serving/fixture.ts'
import { BOUNDS, fill, grey, label, REGION } from '../serving/neurites.ts'
import type { Check } from './check.ts'

export async function writeRelease(folder: string): Promise<Check[]> {
  const bucket = join(folder, 'bucket')
  const out = join(folder, 'lineage')
  const files = join(folder, 'release')
  mkdirSync(out, { recursive: true })
  const fixture = await makeFixture()
  try {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    writeFileSync(join(folder, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
    const p = await provenanceOf(fileStore(fixture.folder), fixture.release)
    for (const lineage of [attestations(p, privateKey), provJson(p), roCrate(p), sums(p)])
      for (const [name, text] of Object.entries(lineage)) writeFileSync(join(out, name), text)
    cpSync(fixture.folder, bucket, { recursive: true })
    await exportRelease(fileStore(bucket), fixture.release, fileStore(files), () => {})
  } finally {
    await fixture.remove()
  }
  const names = {
    attestations: 'in-toto and securesystemslib: SLSA statements and their signatures',
    prov: 'prov: W3C PROV-JSON',
    crate: 'rocrate: Workflow Run RO-Crate',
    valid_crate: 'roc-validator: Workflow Run RO-Crate',
    sums: 'sha256sum: every object of the bucket, every file of an export',
    layer: 'provenance file of a layer',
  }
  const lineage = Object.entries(names).map(([call, name]) => ({
    name,
    script: 'provenance.py',
    call,
    args: { folder },
  }))
  return [...lineage, ...volumes(folder, files)]
}

/** Both layouts of both layers at both mips. */
function volumes(folder: string, files: string): Check[] {
  const half = map3(a => Math.ceil(BOUNDS.max[a] / 2))
  const hole = cellBox(fromKey(HOLE), REGION, BOUNDS)
  const seen = (x: number, y: number, z: number): number =>
    [x, y, z].every((v, a) => v >= hole.min[a]! && v < hole.max[a]!) ? 0 : grey(x, y, z)
  const npy = (name: string, box: Box, data: Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>): string => {
    writeFileSync(join(folder, name), writeNpy(data, shapeOf(box).toReversed()))
    return join(folder, name)
  }
  const arrays = (
    name: string,
    make: (box: Box, mip: number) => Uint8Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
  ): string[] => [BOUNDS, boxAt([0, 0, 0], half)].map((box, mip) => npy(`${name}.${mip}.npy`, box, make(box, mip)))
  const em = arrays('em', (box, mip) => fill(new Uint8Array(voxels(box)), box, 2 ** mip, mip === 0 ? seen : grey))
  const ids = arrays('ids', (box, mip) => fill(new BigUint64Array(voxels(box)), box, 2 ** mip, label))
  return (
    [
      ['em', em, 'zarr'],
      ['segmentation', ids, 'zarr/labels/segmentation'],
    ] as const
  ).flatMap(([layer, expected, zarr]) => {
    const check = (call: string, path: string, more: object): Check => ({
      name: `exported release, ${layer}: ${call}`,
      script: 'volumes.py',
      call,
      args: { url: `file://${join(files, path)}`, expected, ...more },
    })
    return [
      check('precomputed_by_cloud_volume', layer, { lossy: false }),
      check('precomputed_by_tensorstore', layer, { lossy: false }),
      check('zarr_by_tensorstore', zarr, {}),
      check('zarr_by_ome_zarr', zarr, { name: layer }),
    ]
  })
}
