// Local copies of table objects by digest, for DuckDB to read: verified when they are fetched, bounded in bytes, gone when the server ends.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HillockError } from '../../domain/errors.ts'
import type { ArtifactRef, Output } from '../../domain/lineage.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { countCache } from '../../storage/cache-counts.ts'
import { Problem } from '../problem.ts'

/** An object of a table. */
export interface TableFile extends Output {
  readonly ref: ArtifactRef
}

/** Read and digested at a time: what a fetch takes of memory. */
const PART = 8 << 20
const FETCHES = 4

interface Copy {
  readonly bytes: number
  readonly path: Promise<string>
  there: boolean
  users: number
}

/** @param parent folder in which that of the copies is made */
export function tableCache(artifacts: ArtifactStore, maxBytes: number, parent = tmpdir()) {
  const folder = mkdtempSync(join(parent, 'hillock-tables-'))
  // Used last at the end.
  const copies = new Map<string, Copy>()
  const pathOf = (digest: string): string => join(folder, `${digest}.parquet`)
  let total = 0
  let fetched = 0

  async function fetch({ ref, path, bytes, sha256 }: TableFile): Promise<string> {
    const reader = await artifacts.open(ref)
    await mkdir(folder, { recursive: true })
    const part = join(folder, randomUUID())
    const file = await open(part, 'wx')
    try {
      const digest = createHash('sha256')
      for (let at = 0; at < bytes; at += PART) {
        const read = await reader.getRange(path, at, Math.min(PART, bytes - at))
        digest.update(read)
        await file.write(read)
        fetched += read.length
      }
      if (digest.digest('hex') !== sha256)
        throw new HillockError(
          'MissingArtifact',
          `${path} of artifact ${ref.stage}/${ref.recipe}: is damaged: its digest is not the one in the lineage record`,
          { stage: ref.stage, recipe: ref.recipe, path },
        )
    } catch (e) {
      await rm(part, { force: true })
      throw e
    } finally {
      await file.close()
    }
    await rename(part, pathOf(sha256))
    return pathOf(sha256)
  }

  function forget(digest: string, copy: Copy): void {
    copies.delete(digest)
    total -= copy.bytes
    copy.path.then(path => rm(path, { force: true })).catch(() => {})
  }

  function makeRoom(bytes: number): void {
    for (const [digest, copy] of copies) {
      if (total + bytes <= maxBytes) return
      if (copy.users === 0) forget(digest, copy)
    }
    if (total + bytes > maxBytes)
      throw new Problem(503, 'other queries hold all the room that there is for tables', 'try again', {
        'retry-after': '5',
      })
  }

  function take(file: TableFile): Copy {
    let known = copies.get(file.sha256)
    // What cleans up temporary folders may have taken it.
    if (known?.there && !existsSync(pathOf(file.sha256))) {
      copies.delete(file.sha256)
      total -= known.bytes
      known = undefined
    }
    countCache('tables', known !== undefined)
    if (!known) makeRoom(file.bytes)
    const copy = known ?? { bytes: file.bytes, path: fetch(file), there: false, users: 0 }
    if (!known) {
      total += file.bytes
      copy.path.then(
        () => (copy.there = true),
        () => copies.get(file.sha256) === copy && forget(file.sha256, copy),
      )
    }
    copies.delete(file.sha256)
    copies.set(file.sha256, copy)
    copy.users++
    return copy
  }

  return {
    folder,
    /** Bytes fetched from the bucket since the server was started. */
    get fetched(): number {
      return fetched
    },
    /**
     * Copies that stay until they are dropped.
     * @throws HillockError MissingArtifact for an object that is gone or damaged
     * @throws Problem 413 where they are more than the cache holds, 503 where others hold too much of it now
     */
    async hold(files: readonly TableFile[]): Promise<{ readonly paths: readonly string[]; drop(): void }> {
      const bytes = files.reduce((sum, f) => sum + f.bytes, 0)
      if (bytes > maxBytes)
        throw new Problem(
          413,
          `this reads ${bytes} bytes of tables, more than the ${maxBytes} that this server gives room to`,
          'name the segments that you ask about, or export the tables (`hillock export`) and query them where they are',
        )
      const held: Copy[] = []
      const drop = (): void => {
        for (const copy of held.splice(0)) copy.users--
      }
      try {
        const paths = await mapBounded(files, FETCHES, async file => {
          const copy = take(file)
          held.push(copy)
          return copy.path
        })
        return { paths, drop }
      } catch (e) {
        drop()
        throw e
      }
    },
    close: (): void => rmSync(folder, { recursive: true, force: true }),
  }
}
