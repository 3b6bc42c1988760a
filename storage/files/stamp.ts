// What a file system says of a file without reading it; like git's index, by size, times and inode.
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** A file that changed less than this ago may change again under the same times: clocks of file systems tick slowly. */
const SETTLED_MS = 1000

/** Differs whenever the bytes of `file` do; for a file that cannot be looked at, why (`ENOENT`, `EACCES`, ...). */
export async function stampOf(file: string): Promise<string> {
  for (;;) {
    const s = await stat(file, { bigint: true }).catch((e: NodeJS.ErrnoException) => e.code ?? e.message)
    if (typeof s === 'string') return s
    const age = Date.now() - Number(s.ctimeNs / 1_000_000n)
    // A time ahead of this clock says nothing about the age.
    if (age >= SETTLED_MS || age < 0) return [s.size, s.mtimeNs, s.ctimeNs, s.ino].join()
    await sleep(SETTLED_MS - age)
  }
}
