// Signatures of releases: DSSE envelopes beside the manifests, one for each key, that name the manifest by its digest.
import { createPublicKey, type KeyObject } from 'node:crypto'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { differences } from '../../domain/provenance/differences.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import { manifestDigest, type Release } from '../../domain/release.ts'
import { keyId, opened, sign, type Envelope } from './envelope.ts'
import { archiveFolder } from './histories.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Wrong } from './reach.ts'
import { SIGNATURE } from '../releases.ts'

const TYPE = 'application/vnd.hillock.release.v1+json'

const signatureKey = ({ dataset, release }: Release, key: KeyObject): string =>
  `releases/${dataset}/${release}.${keyId(key).slice(0, 16)}${SIGNATURE}`

const statement = (manifest: Release): Json => ({
  dataset: manifest.dataset,
  release: manifest.release,
  manifest: manifestDigest(manifest),
})

/** Signs a release unless this key has signed it. @param key the private half. */
export async function putSignature(objects: ObjectStore, manifest: Release, key: KeyObject): Promise<void> {
  const envelope = sign(TYPE, canonicalJson(statement(manifest)), key)
  const name = signatureKey(manifest, createPublicKey(key))
  await objects.putIfAbsent(name, Buffer.from(canonicalJson(envelope as unknown as Json)))
}

export const AUDIT = 'application/vnd.hillock.audit.v1+json'

/** Holds a release against the audits of it that this key has signed; those of others say nothing. */
async function proveAudits(objects: ObjectStore, manifest: Release, key: KeyObject, wrong: Wrong): Promise<void> {
  const index = await objects.get(`${archiveFolder(manifest.run)}/index.json`)
  for await (const name of objects.list(`audits/${manifest.dataset}/${manifest.release}/`)) {
    const envelope = JSON.parse(Buffer.from((await objects.get(name))!).toString()) as Envelope
    if (!envelope.signatures.some(s => s.keyid === keyId(key))) continue
    try {
      const said = JSON.parse(opened(envelope, AUDIT, key)) as { manifest?: Digest; archive: Digest | null }
      const now = { manifest: manifestDigest(manifest), archive: index ? sha256(index) : null }
      const then = { manifest: said.manifest ?? now.manifest, archive: said.archive ?? now.archive }
      for (const d of differences(then, now)) wrong(name, 'was signed when this was otherwise', d)
    } catch (e) {
      wrong(name, (e as Error).message)
    }
  }
}

/** Wants a signature of the manifest as it is, and no signed audit of another. @param key the public half. */
export async function proveSignature(
  objects: ObjectStore,
  manifest: Release,
  key: KeyObject,
  wrong: Wrong,
): Promise<void> {
  await proveAudits(objects, manifest, key, wrong)
  const name = signatureKey(manifest, key)
  const bytes = await objects.get(name)
  if (!bytes) return wrong(name, `${manifest.dataset}/${manifest.release} is not signed with this key`)
  try {
    const said = opened(JSON.parse(Buffer.from(bytes).toString()) as Envelope, TYPE, key)
    for (const d of differences(JSON.parse(said), statement(manifest)))
      wrong(name, 'was signed for another manifest', d)
  } catch (e) {
    wrong(name, (e as Error).message)
  }
}
