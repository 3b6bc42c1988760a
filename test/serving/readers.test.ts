// Readers under load while `published` is published, rolled back and patched: each of their answers is of one release, whole, and none fails.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tableFromIPC } from 'apache-arrow'
import type { FastifyInstance } from 'fastify'
import type { Deps } from '../../activities/context.ts'
import { publish, rollBack } from '../../activities/release/channels.ts'
import type { Release } from '../../domain/release.ts'
import { createServer } from '../../serving/server.ts'
import { artifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import { recordChannelMove } from '../../storage/provenance/channel-moves.ts'
import { putRelease } from '../../storage/releases.ts'
import { artifactWith, makeFixture, SYNAPSES, type Fixture, PARTNERS } from './fixture.ts'
import { IDS } from './neurites.ts'

/** Answers that every reader has got of what a channel names before it moves again. */
const ANSWERS = 2
/** A time at which r1 was published. */
const THEN = '2026-01-02T00:00:00Z'

let fixture: Fixture
let app: FastifyInstance
let deps: Deps
let address: string
const errors: unknown[] = []

/** Another release of the fixture: its tables have other counts, and its segmentation is without one region. */
async function other(release: string, factor: number, without: string): Promise<void> {
  const ids = (values: readonly bigint[]) => BigUint64Array.from(values)
  const numbers = (values: readonly number[]) => Float64Array.from(values)
  const pairs = [
    { name: 'count', data: numbers([3 * factor, factor]) },
    { name: 'score', data: numbers([0.5, 0.5]) },
    { name: 'size', data: numbers([factor, factor]) },
  ]
  const synapses = Object.entries(SYNAPSES).map(([name, values]) => ({
    name,
    data: typeof values[0] === 'bigint' ? ids(values as bigint[]) : numbers((values as number[]).map(v => v * factor)),
  }))
  const edges = [{ name: 'pre', data: ids([IDS[0], IDS[0]]) }, { name: 'post', data: ids([IDS[1], IDS[2]]) }, ...pairs]
  const graph = await artifactWith(fileStore(fixture.folder), {
    'segments.parquet': [
      { name: 'segment', data: ids(IDS) },
      { name: 'voxels', data: numbers(IDS.map((_, i) => factor * (i + 1))) },
      ...Object.entries(PARTNERS).map(([name, values]) => ({ name, data: numbers(values) })),
    ],
    ...Object.fromEntries(['edges', 'edges-by-post'].map(t => [`${t}.parquet`, edges])),
    ...Object.fromEntries(['synapses', 'synapses-by-pre', 'synapses-by-post'].map(t => [`${t}.parquet`, synapses])),
  })
  const { layers } = fixture.release
  const mips = layers.segmentation!.mips.map(({ artifacts, ...mip }) => ({
    ...mip,
    artifacts: Object.fromEntries(Object.entries(artifacts!).filter(([cell]) => cell !== without)),
  }))
  const segmentation = { ...layers.segmentation!, mips }
  await putRelease(fileStore(fixture.folder), {
    ...fixture.release,
    release,
    layers: { ...layers, segmentation, synapses: graph, graph },
  } as Release)
}

beforeAll(async () => {
  fixture = await makeFixture()
  const objects = fileStore(fixture.folder)
  await other('bad', 2, '1_0_0')
  await other('patch', 3, '0_1_0')
  await recordChannelMove(objects, 'blobs', 'published', { release: 'r1', by: 't', reason: 't' }, Date.parse(THEN) - 1)
  deps = { objects, artifacts: artifactStore(objects) } as Deps
  app = createServer({ store: fileStore(fixture.folder), viewerDir: '/nonexistent', onError: e => errors.push(e) })
  address = await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await app.close()
  await fixture.remove()
})

interface Answer {
  readonly release: string
  readonly text: string
}
async function ask(path: string, payload?: object): Promise<Answer> {
  const answer = await fetch(
    address + path,
    payload && {
      method: 'POST',
      body: JSON.stringify(payload),
      headers: { 'content-type': 'application/json' },
    },
  )
  const text = Buffer.from(await answer.arrayBuffer()).toString('latin1')
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`)
  return { release: answer.headers.get('hillock-release')?.split('/')[1] ?? '', text }
}

const api = (release: string): string => `/api/v1/datasets/blobs/releases/${release}`

/** What readers ask of a release, by its name, a channel or a time. */
const QUESTIONS: Readonly<Record<string, (release: string) => Promise<Answer>>> = {
  partners: r => ask(`${api(r)}/segments/${IDS[0]}/partners`),
  segment: r => ask(`${api(r)}/segments/${IDS[1]}`),
  points: r => ask(`${api(r)}/segments-at`, { points: [[20, 50, 10], [100, 20, 30], [30, 100, 30]] }), // prettier-ignore
  cutout: r => ask(`${api(r)}/cutout/segmentation?box=0,0,0,128,128,64`),
  // Page after page: those after the first are of the release of the first.
  async synapses(r) {
    const texts: string[] = []
    const releases = new Set<string>()
    for (let next: string | null = `${api(r)}/synapses?limit=2&min_score=0`; next !== null;) {
      const page = await ask(next)
      releases.add(page.release)
      texts.push(page.text)
      next = (JSON.parse(page.text) as { next: string | null }).next
    }
    expect([...releases]).toHaveLength(1)
    return {
      release: [...releases][0]!,
      text: texts.map(t => t.slice(t.indexOf('"rows"'), t.indexOf('"next"'))).join(),
    }
  },
  neuprint: r =>
    ask('/api/custom/custom', {
      dataset: r === 'published' ? 'blobs' : `blobs:${r}`,
      cypher: 'MATCH (n:Neuron)-[e:ConnectsTo]->(m:Neuron) RETURN n.bodyId, m.bodyId, e.weight ORDER BY m.bodyId',
    }),
  // The newest version, then a table of it, as caveclient asks; other releases by the version that they are.
  async cave(r) {
    const stack = '/materialize/api/v3/datastack/blobs'
    const versions = JSON.parse((await ask(`${stack}/versions`)).text) as number[]
    let version = versions.at(-1)!
    if (r !== 'published')
      for (const v of versions) {
        const { release } = await ask(`${stack}/version/${v}/table/synapses/count`)
        if (release === r || r === THEN) {
          version = v
          break
        }
      }
    const { release, text } = await ask(`${stack}/version/${version}/table/synapses/query`, {})
    const sizes = tableFromIPC(Buffer.from(text, 'latin1')).getChild('size')!.toArray() as Float64Array
    return { release, text: String(sizes) }
  },
  // The channel is asked for its release, and chunks are read by the name of that.
  async chunks(r) {
    const { release } = await ask(api(r))
    const at = `/r/blobs/${release}/segmentation`
    const found = await Promise.all(
      ['0/0.shard', '0/1.shard', '0/2.shard'].map(async path => {
        const answer = await fetch(`${address}${at}/${path}`)
        const { length } = Buffer.from(await answer.arrayBuffer())
        // 404 where a release has a hole.
        if (answer.status !== 200 && answer.status !== 404) throw new Error(`${path}: ${answer.status}`)
        return answer.status === 200 ? `${answer.headers.get('etag')} ${length}` : 'hole'
      }),
    )
    return { release, text: found.join(' ') }
  },
}
const kinds = Object.keys(QUESTIONS)
const RELEASES = ['r1', 'bad', 'patch']

test('whole releases only, no failure, and what has a name or a time is the same before and after', async () => {
  const move = { dataset: 'blobs', channel: 'published', by: 'test', reason: 'test', via: 'test' } as const
  const to = async (release: string): Promise<void> => void (await publish(deps, { ...move, release } as never))
  const back = async (from: string): Promise<void> => void (await rollBack(deps, { ...move, from, to: null }))
  // Each has been a version once.
  await to('bad')
  await back('bad')
  await to('patch')
  await back('patch')

  const fixed = async (): Promise<Record<string, string>> => {
    const all: Record<string, string> = {}
    for (const kind of kinds)
      for (const name of [...RELEASES, THEN]) {
        const { release, text } = await QUESTIONS[kind]!(name)
        expect(release, `${kind} ${name}`).toBe(name === THEN ? 'r1' : name)
        all[`${kind} ${name}`] = text
      }
    return all
  }
  const before = await fixed()
  for (const kind of kinds) {
    expect(new Set(RELEASES.map(r => before[`${kind} ${r}`])).size, `${kind}: the releases differ`).toBe(3)
    expect(before[`${kind} ${THEN}`]).toBe(before[`${kind} r1`])
  }

  let reading = true
  const got = new Map<string, number>()
  const seen = new Set<string>()
  const readers = kinds.map(async kind => {
    while (reading) {
      const { release, text } = await QUESTIONS[kind]!('published')
      expect(text === before[`${kind} ${release}`], `${kind}: an answer is not that of ${release}`).toBe(true)
      seen.add(`${kind} ${release}`)
      got.set(kind, (got.get(kind) ?? 0) + 1)
    }
  })
  const failed = Promise.all(readers)
  /** None of them stands still: each has got its answers. */
  const answered = async (): Promise<void> => {
    const from = new Map(got)
    const more = async (): Promise<void> => {
      while (kinds.some(k => (got.get(k) ?? 0) < (from.get(k) ?? 0) + ANSWERS))
        await new Promise(go => setTimeout(go, 5))
    }
    await Promise.race([more(), failed])
  }
  for (const step of [() => to('bad'), () => back('bad'), () => to('patch'), () => back('patch')]) {
    await step()
    await answered()
  }
  reading = false
  await failed
  for (const kind of kinds) for (const release of RELEASES) expect(seen).toContain(`${kind} ${release}`)
  expect(await fixed()).toEqual(before)
  expect(errors).toEqual([])
}, 600_000)
