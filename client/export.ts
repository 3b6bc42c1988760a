// Export: the static layout of a release copied into another bucket or folder, every byte held against its digest.
import { configError } from '../domain/errors.ts'
import type { LayerName, Release } from '../domain/release.ts'
import { sha256 } from '../domain/recipe.ts'
import { artifactStore } from '../storage/artifacts.ts'
import { mapBounded } from '../storage/bounded.ts'
import { layerProvenance } from '../storage/formats/provenance.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { ownFolders, staticFiles, type ListedFile } from '../storage/static-layout.ts'
import { recordsOf } from './lineage/subject.ts'

const WIDTH = 8
export const SUMS = 'SHA256SUMS'

export interface Exported {
  readonly files: number
  readonly bytes: number
  /** Written now; the others were there from an earlier attempt. */
  readonly written: number
}

/**
 * Goes on where an earlier attempt ended. The list of digests is written last.
 * @throws HillockError ConfigError when the target holds something else at one of the paths; MissingArtifact when a source is damaged.
 */
export async function exportRelease(
  objects: ObjectStore,
  release: Release,
  target: ObjectStore,
  progress: (done: number, total: number, bytes: number) => void,
): Promise<Exported> {
  const artifacts = artifactStore(objects, { quarantined: true })
  const listed = await Array.fromAsync(staticFiles(release, artifacts))
  const files: ListedFile[] = [{ path: 'release.json', json: release as never }, ...listed]
  const records = await recordsOf(objects, release)
  for (const { layer } of ownFolders(release))
    files.push({
      path: `${layer}/provenance`,
      json: layerProvenance(release, layer as LayerName, records),
    })
  const sums: string[] = []
  let [bytes, written] = [0, 0]
  const put = async (path: string, content: Uint8Array): Promise<void> => {
    if ((await target.putIfAbsent(path, content)) === 'created') written++
    else if (sha256((await target.get(path)) ?? '') !== sha256(content))
      throw configError(`${target.url} holds another ${path}: export into a place of its own`)
    bytes += content.length
  }
  await mapBounded(files, WIDTH, async file => {
    const content = 'json' in file ? Buffer.from(JSON.stringify(file.json)) : await artifacts.get(file.ref, file.output)
    await put(file.path, content)
    progress(sums.push(`${sha256(content)}  ${file.path}\n`), files.length, bytes)
  })
  const list = sums.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('')
  await put(SUMS, Buffer.from(list))
  return { files: files.length + 1, bytes, written }
}
