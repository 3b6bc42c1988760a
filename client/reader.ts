// A reader as there are many: resolves a channel once, then reads chunk by chunk from that release over HTTP.
import { setTimeout as sleep } from 'node:timers/promises'
import { contentDigest, sha256 } from '../domain/recipe.ts'
import { HillockError } from '../domain/errors.ts'
import type { Channel } from '../domain/release.ts'
import { bucket, channelsOf, readRelease } from './catalogue.ts'

/** Between two readings. */
const PAUSE_MS = 50

export interface Reading {
  readonly release: string
  /** What was read has the digest that the manifest of that one release says: nothing of it came from another. */
  readonly whole: boolean
  readonly chunks: number
}

interface Info {
  readonly scales: readonly {
    readonly key: string
    readonly size: readonly number[]
    readonly chunk_sizes: readonly (readonly number[])[]
  }[]
}

/** Reads the segmentation of what `channel` names. @throws HillockError MissingArtifact for an answer that is none. */
async function readOnce(serving: string, dataset: string, channel: Channel): Promise<Reading> {
  const objects = bucket()
  const { release } = (await channelsOf(objects, dataset))[channel]!
  const manifest = (await readRelease(objects, dataset, release))!
  const base = `${serving}/r/${dataset}/${release}/segmentation`
  const info = (await (await fetch(`${base}/info`)).json()) as Info
  const { key, size, chunk_sizes } = info.scales[0]!
  const outputs = []
  for (const chunk of chunksOf(size, chunk_sizes[0]!)) {
    const path = `${key}/${chunk}`
    const answer = await fetch(`${base}/${path}`)
    // A hole of the release has no chunk.
    if (answer.status === 404) continue
    if (!answer.ok)
      throw new HillockError('MissingArtifact', `${base}/${path}: ${answer.status} ${await answer.text()}`)
    outputs.push({ path, sha256: sha256(new Uint8Array(await answer.arrayBuffer())) })
  }
  return { release, whole: contentDigest(outputs) === manifest.layerDigests.segmentation, chunks: outputs.length }
}

function* chunksOf(size: readonly number[], chunk: readonly number[]): Generator<string> {
  const spans = size.map((n, a) =>
    Array.from({ length: Math.ceil(n / chunk[a]!) }, (_, i) => `${i * chunk[a]!}-${Math.min(n, (i + 1) * chunk[a]!)}`),
  )
  for (const z of spans[2]!) for (const y of spans[1]!) for (const x of spans[0]!) yield `${x}_${y}_${z}`
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
