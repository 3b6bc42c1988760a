// Counts what readers fetch of each layer, so that its chunks can be fitted to them.
import type { Reads } from '../domain/releases/read-cost.ts'

/** A reader who asks for nothing for so long has seen what he wanted. */
const PAUSE_MS = 1000

/** Objects of voxels: `em/0/1f.shard`, `zarr/labels/segmentation/0/c/0/1/2`; all else is small. */
const VOXELS = /^([a-z-]+)\/(\d+)\/[0-9a-f]+\.shard$|^(zarr(?:\/labels\/[a-z-]+)?|[a-z-]+\.zarr)\/(\d+)\/c\//

interface Count {
  requests: number
  bytes: number
  views: number
}

export type ReadCounter = ReturnType<typeof readCounter>

/** Files that hold many things for many readers. */
const SHARD = /\.shard$|\/c\//

/** @param onShard told of every shard that is read */
export function readCounter(onShard?: (name: string, bytes: number) => void) {
  const counts = new Map<string, Map<string, Count>>()
  const last = new Map<string, number>()
  return {
    /** @param path below the release. @param at in ms. */
    count(release: string, path: string, bytes: number, reader: string, at: number): void {
      if (SHARD.test(path)) onShard?.(`${release}/${path}`, bytes)
      const [, layer, mip, zarr, zarrMip] = VOXELS.exec(path) ?? []
      const what = layer ? `${layer} ${mip}` : zarr && `${zarr} ${zarrMip}`
      if (!what) return
      const own = counts.get(release) ?? new Map<string, Count>()
      counts.set(release, own)
      const sum = own.get(what) ?? { requests: 0, bytes: 0, views: 0 }
      own.set(what, sum)
      sum.requests++
      sum.bytes += bytes
      const view = `${release} ${what} ${reader}`
      if (at - (last.get(view) ?? -Infinity) > PAUSE_MS) sum.views++
      // The newest last, so that readers who have left can be forgotten.
      last.delete(view)
      last.set(view, at)
      for (const [gone, then] of last) {
        if (at - then <= PAUSE_MS) break
        last.delete(gone)
      }
    },
    /** Since the server was started. */
    of: (release: string): Reads[] =>
      [...(counts.get(release) ?? [])]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([what, sum]) => {
          const [layer, mip] = what.split(' ') as [string, string]
          return { layer, mip: Number(mip), ...sum }
        }),
  }
}
