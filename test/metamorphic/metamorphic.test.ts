// What is made of a run file never depends on what was made before: each key and each input is changed below a home that knows the run of before, and the outcome is that of an empty home.
import { fork, type ChildProcess } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRunConfig, type RunConfig } from '../../domain/config.ts'
import { specimen, stack, tiles, volume, type Base } from './bases.ts'
import type { DirectRun } from './direct.ts'
import { changed, hasPlaceFor, leaves } from './keys.ts'

/** Keys and inputs in the suite, of the hundred or so; HILLOCK_FULL=1 takes all. */
const SAMPLE = 14
const full = process.env['HILLOCK_FULL'] === '1'

/** Keys that cannot be changed here. */
const elsewhere: Readonly<Record<string, string>> = {
  'models.affinity': 'another name of `model`: test/domain/config.test.ts',
  bucket: 'where things are kept: the same run on another bucket is test/system/runs/gcs.test.ts',
}

/** Keys of which every other value is refused on these small inputs. */
const refused: Readonly<Record<string, string>> = { 'overrides.0.regions': 'there is one region' }

type Outcome = DirectRun | string

class Worker {
  private readonly child: ChildProcess = fork(new URL('./worker.ts', import.meta.url), { execArgv: [] })

  run(config: RunConfig, bucket: string): Promise<Outcome> {
    this.child.send({ config, bucket, run: 'r' })
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the worker ended (${code})`))
      this.child.once('exit', ended)
      this.child.once('message', (m: { done?: DirectRun; failed?: string }) => {
        this.child.off('exit', ended)
        resolve(m.done ?? m.failed!)
      })
    })
  }

  end(): void {
    this.child.kill('SIGKILL')
  }
}

/** In a process of its own. */
async function once(config: RunConfig, bucket: string): Promise<Outcome> {
  const worker = new Worker()
  try {
    return await worker.run(config, bucket)
  } finally {
    worker.end()
  }
}

/** What a reader can see of an outcome. */
const seen = (o: Outcome): unknown =>
  typeof o === 'string'
    ? o
    : { digest: o.digest, holes: o.holes, refusal: o.refusal, quality: o.quality, files: o.files }

const root = mkdtempSync(join(tmpdir(), 'hillock-metamorphic-'))
const folder = (name: string): string => mkdtempSync(join(root, `${name}-`))

/** A web server that offers nothing by which a change could be told, or what most offer. */
function web(files: string, tags: boolean): Promise<Server> {
  const server = createServer((request, response) => {
    try {
      const bytes = readFileSync(join(files, decodeURIComponent(request.url!)))
      if (tags) response.setHeader('etag', `"${bytes.reduce((s, b) => (s * 31 + b) | 0, bytes.length)}"`)
      response.end(request.method === 'HEAD' ? undefined : bytes)
    } catch {
      response.writeHead(404).end()
    }
  })
  return new Promise(done => server.listen(0, '127.0.0.1', () => done(server)))
}

/** One run file, run once in a process that stays; what comes after starts from there. */
class Stand {
  readonly base: Base
  readonly name: string
  private readonly warm = new Worker()
  private home: Promise<string> | undefined

  constructor(name: string, base: Base) {
    this.name = name
    this.base = base
  }

  private first(): Promise<string> {
    this.home ??= (async () => {
      await this.base.bytes['made before']?.()
      const home = folder('home')
      const before = await this.warm.run(parseRunConfig(this.base.tree, this.name), home)
      expect(before, `${this.name} as it stands`).toMatchObject({ refusal: null })
      return home
    })()
    return this.home
  }

  /** Runs `config` where the base was run, in the process that ran it or also in a new one, and in an empty home. */
  async check(config: RunConfig, also: 'cold' | 'warm', mayFail = false): Promise<void> {
    const before = await this.first()
    const expected = seen(await once(config, folder('empty')))
    // Two refusals are alike, and say nothing.
    if (!mayFail) expect(expected).not.toBeTypeOf('string')
    for (const how of also === 'cold' ? ['warm', 'cold'] : ['warm']) {
      const home = folder('after')
      cpSync(before, home, { recursive: true })
      const after = how === 'cold' ? await once(config, home) : await this.warm.run(config, home)
      expect(seen(after), how).toEqual(expected)
      if (typeof after !== 'string') planned(after)
    }
  }

  async afterBytes(what: string): Promise<void> {
    await this.first()
    await this.base.bytes[what]!()
    await this.check(parseRunConfig(this.base.tree, this.name), 'cold')
  }

  /** What is found by name in a home whose cache has been spoilt is what was made. */
  async withCache(spoil: (notes: readonly string[]) => void): Promise<void> {
    const home = folder('spoilt')
    cpSync(await this.first(), home, { recursive: true })
    const memo = join(home, 'memo')
    spoil(
      readdirSync(memo, { recursive: true, withFileTypes: true }).flatMap(e =>
        e.isFile() ? [join(e.parentPath, e.name)] : [],
      ),
    )
    const config = parseRunConfig(this.base.tree, this.name)
    const expected = seen(await once(config, folder('empty')))
    // The first mends the cache, the second finds all.
    expect(seen(await once(config, home))).toEqual(expected)
    const again = await once(config, home)
    expect(seen(again)).toEqual(expected)
    expect(again).toMatchObject({ made: {} })
  }

  end(): void {
    this.warm.end()
  }
}

/** The plan said what was made: all of what it called certain, and nothing that it did not name. */
function planned({ made, planned: { make, may } }: DirectRun): void {
  const of = (list: readonly string[], stage: string): number => list.filter(i => i.startsWith(`${stage} `)).length
  for (const stage of new Set([...Object.keys(made), ...make.map(i => i.split(' ')[0]!)])) {
    const n = made[stage] ?? 0
    expect(n, `${stage}: made, of what the plan calls certain`).toBeGreaterThanOrEqual(of(make, stage))
    expect(n, `${stage}: made, of all that the plan names`).toBeLessThanOrEqual(of(make, stage) + of(may, stage))
  }
}

const servers: Server[] = []
const stands: Stand[] = []
let sources: Record<string, () => Base>
beforeAll(async () => {
  const [tagged, bare] = [folder('tagged'), folder('bare')]
  servers.push(await web(tagged, true), await web(bare, false))
  const [a, b] = servers.map(s => `http://127.0.0.1:${(s.address() as AddressInfo).port}`)
  sources = {
    specimen: () => specimen(folder('specimen')),
    'truth of others': () => specimen(folder('truth'), 'truth of others'),
    tiles: () => tiles(folder('tiles'), false),
    layout: () => tiles(folder('layout'), true),
    stack: () => stack(folder('stack')),
    folder: () => {
      const f = folder('folder')
      return volume(f, f)
    },
    'web with tags': () => volume(tagged, a!),
    'web without': () => volume(bare, b!),
  }
})
afterAll(() => {
  for (const s of servers) s.close()
  for (const s of stands) s.end()
  rmSync(root, { recursive: true, force: true })
})

const shared = new Map<string, Stand>()
const stand = (name: string, again = false): Stand => {
  const known = again ? undefined : shared.get(name)
  if (known) return known
  const made = new Stand(name, sources[name]!())
  stands.push(made)
  if (!again) shared.set(name, made)
  return made
}

/** The same few for everybody on one day's code, others as the list changes. */
const sampled = <T>(items: readonly T[], n: number): readonly T[] =>
  full ? items : items.filter((_, i) => Math.floor(((i + 1) * n) / items.length) > Math.floor((i * n) / items.length))

describe('each key of the run file', () => {
  const kinds = ['specimen', 'tiles', 'layout', 'stack', 'folder']
  const keys = [...leaves.keys()].filter(k => !(k in elsewhere))
  const place = (key: string): [Base, string] | undefined => {
    for (const kind of kinds) {
      const { base } = stand(kind)
      if (hasPlaceFor(base.tree, key) && changed(base.tree, key, base.known?.[key])) return [base, kind]
    }
    return undefined
  }

  test('has another value that can be tried', () => {
    expect(keys.filter(k => !place(k))).toEqual([])
    expect(keys.length).toBeGreaterThan(90)
  })
  test.each(sampled(keys, SAMPLE))('%s', async key => {
    const [base, kind] = place(key)!
    await stand(kind).check(changed(base.tree, key, base.known?.[key])!, 'warm', key in refused)
  })
})

describe('bytes that change under the same name', () => {
  const cases = [
    ['specimen', 'card of the model'],
    ['specimen', 'bytes of the model'],
    ['truth of others', 'truth'],
    ['tiles', 'tile'],
    ['tiles', 'tile put in place of another'],
    ['tiles', 'tile that goes'],
    ['layout', 'layout'],
    ['stack', 'stack'],
    ['stack', 'stack of another shape'],
    ...['folder', 'web with tags', 'web without'].flatMap(kind =>
      ['chunk', 'chunk that goes', 'metadata of a volume'].map(what => [kind, what] as const),
    ),
  ] as const
  test.each(sampled(cases, 8))('%s: %s', async (kind, what) => {
    await stand(kind, true).afterBytes(what)
  })
})

describe('a cache that is damaged is made again', () => {
  const bytes = (file: string): Buffer => Buffer.from(readFileSync(file))
  const spoils: Record<string, (notes: readonly string[]) => void> = {
    'a bit of each note': notes => {
      for (const [i, file] of notes.entries()) {
        const b = bytes(file)
        b[(i * 7) % b.length]! ^= 1
        writeFileSync(file, b)
      }
    },
    'notes that are cut or empty': notes => {
      for (const [i, file] of notes.entries()) writeFileSync(file, bytes(file).subarray(0, i % 3 ? 40 : 0))
    },
    'notes that stand for each other': notes => {
      const all = notes.map(bytes)
      for (const [i, file] of notes.entries()) writeFileSync(file, all[(i + 1) % all.length]!)
    },
    'pages that are gone': notes => {
      for (const file of notes) {
        const { page } = JSON.parse(bytes(file).toString()) as { page: string }
        rmSync(join(file, '../../../raw/sha256', page.slice(0, 2), page), { force: true })
      }
    },
  }
  test.each(Object.keys(spoils))('%s', async what => {
    await stand('tiles').withCache(spoils[what]!)
  })
})
