// A reader as there are many: resolves a channel once, then reads that release shard by shard over HTTP.
import { setTimeout as sleep } from 'node:timers/promises'
import { shapeOf } from '../domain/geometry.ts'
import { contentDigest, sha256 } from '../domain/recipe.ts'
import type { Channel } from '../domain/release.ts'
import { encodeChunks } from '../storage/formats/volume.ts'
import { openVolume } from '../storage/foreign/volume.ts'
import { bucket, channelsOf, readRelease } from '../client/catalogue.ts'

/** Between two readings. */
const PAUSE_MS = 50

export interface Reading {
  readonly release: string
  /** What was read has the digest that the manifest of that one release says: nothing of it came from another. */
  readonly whole: boolean
  readonly chunks: number
}

/** Reads the segmentation of what `channel` names. @throws HillockError StoreError for an answer that is none. */
async function readOnce(serving: string, dataset: string, channel: Channel): Promise<Reading> {
  const objects = bucket()
  const { release } = (await channelsOf(objects, dataset))[channel]!
  const manifest = (await readRelease(objects, dataset, release))!
  const volume = await openVolume(`${serving}/r/${dataset}/${release}/segmentation`, 'precomputed')
  const { bounds } = volume.mips[0]!
  const labels = await volume.read(0, bounds)
  const box = { min: [0, 0, 0], max: shapeOf(bounds) } as const
  // The digest of the layer is that of its plain chunks, in whatever shards they were read.
  const chunks = [...encodeChunks(labels, box, { mip: 0, encoding: 'compressed_segmentation' })]
  const outputs = chunks.map(c => ({ path: c.path, sha256: sha256(c.bytes) }))
  return { release, whole: contentDigest(outputs) === manifest.layerDigests.segmentation, chunks: outputs.length }
}

/** Reads over and over until it is stopped; tells of every release that it had not been reading before. */
export function poll(
  serving: string,
  dataset: string,
  channel: Channel,
  tell: (line: string) => void,
): { stop(): Promise<readonly Reading[]> } {
  const readings: Reading[] = []
  let stopped = false
  const work = async (): Promise<void> => {
    while (!stopped) {
      const r = await readOnce(serving, dataset, channel)
      if (r.release !== readings.at(-1)?.release)
        tell(`reader: ${r.release}, ${r.chunks} chunks${r.whole ? '' : ', which are NOT those of that release'}`)
      readings.push(r)
      await sleep(PAUSE_MS)
    }
  }
  const running = work()
  running.catch(() => {})
  return {
    stop: async () => {
      stopped = true
      await running
      return readings
    },
  }
}
