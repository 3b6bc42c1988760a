// Files that lie compressed one by one, as cloud-volume leaves them in a folder (NAME.gz, NAME.br) and a copy of a bucket may (NAME).
import { brotliDecompressSync } from 'node:zlib'
import { gunzip, isGzip } from '../formats/unpack.ts'
import type { Files } from './files.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A web server may have undone the compression that the name speaks of. */
const unpack: Readonly<Record<string, (bytes: Bytes) => Bytes>> = {
  '': bytes => bytes,
  '.gz': bytes => (isGzip(bytes) ? gunzip(bytes) : bytes),
  '.br': bytes => {
    try {
      return new Uint8Array(brotliDecompressSync(bytes))
    } catch {
      return bytes
    }
  },
}

/** Finds a file under any of its names; the name that was right last is tried first. */
export function packedFiles(files: Files): Pick<Files, 'get' | 'stamp'> {
  let names: readonly string[] = Object.keys(unpack)
  async function first<T>(find: (name: string) => Promise<T | undefined>): Promise<T | undefined> {
    for (const name of names) {
      const found = await find(name)
      if (found === undefined) continue
      names = [name, ...names.filter(n => n !== name)]
      return found
    }
    return undefined
  }
  return {
    get: path =>
      first(async name => {
        const bytes = await files.get(path + name)
        return bytes && unpack[name]!(bytes)
      }),
    stamp: path =>
      first(async name => {
        const stamp = await files.stamp(path + name)
        return stamp && `${name} ${stamp}`.trim()
      }),
  }
}
