// The raw archive: bytes named by their own digest, for tiles, resolved run files and lists of artifacts.
import { HillockError } from '../domain/errors.ts'
import { Digest, sha256 } from '../domain/recipe.ts'
import type { ObjectStore } from './object-store.ts'

export const rawKey = (digest: Digest): string => `raw/sha256/${digest.slice(0, 2)}/${digest}`

/** Archives `bytes` unless they are archived already. */
export async function putRaw(objects: ObjectStore, bytes: Uint8Array): Promise<Digest> {
  const digest = sha256(bytes)
  await objects.putIfAbsent(rawKey(digest), bytes)
  return digest
}

/** @throws HillockError MissingArtifact when the bytes are gone or no longer have that digest. */
export async function getRaw(objects: ObjectStore, digest: Digest): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await objects.get(rawKey(Digest.parse(digest)))
  if (!bytes) throw new HillockError('MissingArtifact', `raw object ${digest} is gone`, { digest })
  if (sha256(bytes) !== digest) throw new HillockError('MissingArtifact', `raw object ${digest} is damaged`, { digest })
  return bytes
}
