// The artifact store: no lineage, no artifact; one recipe, one result; nothing damaged is handed out.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { digestOf, Lineage, type ArtifactRef, type Source } from '../../domain/lineage.ts'
import { contentDigest, Recipe, recipeId, sha256 } from '../../domain/recipe.ts'
import type { Attempt } from '../../storage/artifact-writer.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import { lineageBytes, parseLineage } from '../../storage/lineage-record.ts'
import { putRaw } from '../../storage/raw.ts'
import { sealed } from '../../storage/sealed.ts'
import { attempt, bytesOf, freshFolder, memoryStore, random, recipeOf, startWriter } from './fixtures.ts'

const recipe = recipeOf(1)
const id = recipeId(recipe)
const bytes = (s: string): Uint8Array => Buffer.from(s)
const ofType = (type: string, message?: RegExp): unknown =>
  expect.objectContaining({ type, ...(message && { message: expect.stringMatching(message) }) })

async function fresh(): Promise<{ root: string; store: ArtifactStore }> {
  const root = await freshFolder()
  return { root, store: artifactStore(fileStore(root)) }
}
const keysOf = async (store: ArtifactStore): Promise<string[]> => {
  const out: string[] = []
  for await (const k of store.objects.list('')) out.push(k)
  return out
}
async function commit(
  store: ArtifactStore,
  outputs: Record<string, string> = { 'b/2': 'two', a: 'one' },
): Promise<Awaited<ReturnType<ArtifactStore['find']>>> {
  const writer = store.write(recipe)
  for (const [path, s] of Object.entries(outputs)) await writer.put(path, bytes(s))
  return writer.commit(attempt)
}

test('an artifact is found by its recipe once it is committed, and not before', async () => {
  const { store } = await fresh()
  const writer = store.write(recipe)
  expect(writer.recipeId).toBe(id)
  await writer.put('b/2', bytes('two'))
  await writer.put('a', bytes('one'))
  expect(await store.find(recipe)).toBeUndefined()
  expect(await store.lineage('render', id)).toBeUndefined()
  const made = await writer.commit(attempt)
  const found = (await store.find(recipe))!
  expect(found).toEqual(made)
  expect(found.lineage.outputs.map(o => o.path)).toEqual(['a', 'b/2'])
  expect(found.lineage.bytes).toBe(6)
  expect(found.content).toBe(
    contentDigest([
      { path: 'a', sha256: sha256('one') },
      { path: 'b/2', sha256: sha256('two') },
    ]),
  )
  const reader = await store.open(found)
  expect(reader.outputs).toEqual(found.lineage.outputs)
  expect(reader.output('a')).toBeDefined()
  expect(reader.output('c')).toBeUndefined()
  expect(Buffer.from(await reader.get('b/2')).toString()).toBe('two')
  expect(Buffer.from(await store.getRange(found, 'b/2', 1, 2)).toString()).toBe('wo')
  expect((await keysOf(store)).sort()).toEqual([
    `artifacts/render/${id}/a`,
    `artifacts/render/${id}/b/2`,
    `artifacts/render/${id}/lineage.json`,
  ])
})

describe('a commit is refused', () => {
  const filled = new Set(['recipeId', 'recipe', 'outputs', 'content', 'bytes'])
  const fields = Object.keys(Lineage.shape).filter(f => !filled.has(f))
  const nested = ['runtime', 'seconds'].flatMap(f => Object.keys(attempt[f as 'runtime']).map(k => `${f}.${k}`))

  const without = (path: string): Attempt => {
    const copy = structuredClone(attempt) as unknown as Record<string, Record<string, unknown>>
    const [first, second] = path.split('.') as [string, string?]
    if (second === undefined) delete copy[first]
    else delete copy[first]![second]
    return copy as unknown as Attempt
  }
  const refused = async (wrong: Attempt, path: string): Promise<void> => {
    const { store } = await fresh()
    const writer = store.write(recipe)
    await writer.put('a', bytes('one'))
    await expect(writer.commit(wrong)).rejects.toEqual(
      ofType('ProvenanceError', new RegExp(`(^|[ :;])${path.replace('.', '\\.')}: `)),
    )
    expect(await store.find(recipe)).toBeUndefined()
    expect(await keysOf(store)).toEqual([`artifacts/render/${id}/a`])
    await expect(
      store.open({ stage: 'render', recipe: id, content: contentDigest([{ path: 'a', sha256: sha256('one') }]) }),
    ).rejects.toEqual(ofType('MissingArtifact'))
    // The same writer commits once the record is complete.
    await writer.commit(attempt)
    expect(await store.find(recipe)).toBeDefined()
  }

  test('the fields tested are all there are', () => expect(fields.sort()).toEqual(Object.keys(attempt).sort()))
  test.each([...fields, ...nested])('without %s', path => refused(without(path), path))
  test.each([
    ['codeRevision', { codeRevision: '' }],
    ['attempt', { attempt: 0 }],
    ['start', { start: 'yesterday' }],
    ['cost', { cost: -1 }],
    ['cost', { cost: Number.NaN }],
    ['voxels', { voxels: 1.5 }],
    ['summary.x', { summary: { x: undefined as never } }],
  ] as [string, Partial<Attempt>][])('with a wrong %s', (path, part) => refused({ ...attempt, ...part }, path))

  test('with a field that the record does not have', async () => {
    const { store } = await fresh()
    const writer = store.write(recipe)
    await writer.put('a', bytes('one'))
    await expect(writer.commit({ ...attempt, author: 'me' } as Attempt)).rejects.toEqual(
      ofType('ProvenanceError', /author/),
    )
  })

  test('naming every missing field at once', async () => {
    const { store } = await fresh()
    const writer = store.write(recipe)
    await writer.put('a', bytes('one'))
    const error: Error = (await writer.commit({} as Attempt).catch((e: unknown) => e as Error)) as Error
    for (const f of fields) expect(error.message).toContain(`${f}:`)
  })

  test.each(Object.keys(Recipe.shape).filter(f => f !== 'generation'))('when the recipe lacks %s', async field => {
    const { store } = await fresh()
    const broken = Object.fromEntries(Object.entries(recipe).filter(([k]) => k !== field)) as unknown as typeof recipe
    expect(() => store.write(broken)).toThrow(ofType('ProvenanceError', new RegExp(`${field}: `)) as Error)
    expect(() => store.write({ ...recipe, parameters: { x: Number.NaN } })).toThrow(ofType('ProvenanceError') as Error)
  })

  test('without outputs, with outputs that vanished or shrank, with one that is still being written', async () => {
    const { root, store } = await fresh()
    await expect(store.write(recipe).commit(attempt)).rejects.toEqual(ofType('ProvenanceError', /outputs/))
    const writer = store.write(recipe)
    await writer.put('a', bytes('one'))
    await writer.put('b', bytes('two'))
    await rm(join(root, 'artifacts/render', id, 'a'))
    await writeFile(join(root, 'artifacts/render', id, 'b'), 'tw')
    await expect(writer.commit(attempt)).rejects.toEqual(
      ofType('ProvenanceError', /a has no bytes.*b has 2 bytes.*instead of 3/),
    )
    const early = store.write(recipeOf(2))
    const pending = early.put('late', new Uint8Array(1_000_000))
    await expect(early.commit(attempt)).rejects.toEqual(ofType('ProvenanceError', /late/))
    await pending
    await expect(early.put('later', bytes('x'))).rejects.toEqual(ofType('ProvenanceError', /later/))
    expect((await keysOf(store)).filter(k => k.endsWith('lineage.json'))).toEqual([])
  })

  test('for a path given twice, or that of the record, or one that leaves the artifact', async () => {
    const { store } = await fresh()
    const writer = store.write(recipe)
    await writer.put('a', bytes('one'))
    await expect(writer.put('a', bytes('one'))).rejects.toEqual(ofType('ProvenanceError', /twice/))
    await expect(writer.put('lineage.json', bytes('{}'))).rejects.toEqual(ofType('ProvenanceError'))
    await expect(writer.put('../../x/lineage.json', bytes('{}'))).rejects.toThrow(TypeError)
  })
})

describe('inputs', () => {
  interface Stock {
    readonly store: ArtifactStore
    readonly made: ArtifactRef
    readonly twin: ArtifactRef
    readonly raw: string
  }
  /** Two artifacts of other content, one object of the raw archive. */
  async function stock(): Promise<Stock> {
    const store = artifactStore(memoryStore())
    const make = async (seed: number, text: string): Promise<ArtifactRef> => {
      const writer = store.write(recipeOf(seed))
      await writer.put('x', bytes(text))
      await writer.put('y', bytes(`${text} y`))
      const { stage, recipe, content } = await writer.commit(attempt)
      return { stage, recipe, content }
    }
    return {
      store,
      made: await make(1, 'one'),
      twin: await make(2, 'two'),
      raw: await putRaw(store.objects, bytes('tile')),
    }
  }
  const part = (of: ArtifactRef, path: string, text: string): Source => ({ of, path, sha256: sha256(text) })
  const right = ({ made, raw }: Stock): Record<string, Source> => ({
    'render/1': made,
    slice: part(made, 'y', 'one y'),
    'tile/a': raw,
  })
  const write = (s: Stock, sources: Record<string, Source>, inputs?: Record<string, string>) => {
    const digests = inputs ?? Object.fromEntries(Object.entries(sources).map(([k, v]) => [k, digestOf(v)]))
    const next = { ...recipeOf(9), inputs: digests }
    const writer = s.store.write(next, sources)
    return { next, commit: async () => (await writer.put('out', bytes('out')), writer.commit(attempt)) }
  }

  test('an artifact of inputs that exist is committed; an input without a source is an object of the raw archive', async () => {
    const s = await stock()
    await write(s, right(s)).commit()
    const { next, commit } = write(s, {}, { 'tile/a': s.raw })
    await commit()
    expect(await s.store.find(next)).toBeDefined()
  })

  const foreign = 'e'.repeat(64)
  /** Ways in which one of three right inputs can be foreign: what it says, and what it does. */
  const wrongs: [string, (s: Stock) => Record<string, Source>][] = [
    ['no artifact .*e{64}', ({ made }) => ({ 'render/1': { ...made, recipe: foreign } })],
    ['has content', ({ made }) => ({ 'render/1': { ...made, content: foreign } })],
    ['has content', ({ made, twin }) => ({ 'render/1': { ...made, content: twin.content } })],
    ['no artifact', ({ made }) => ({ 'render/1': { ...made, stage: 'segment' } })],
    ['taken from an artifact of render', ({ made }) => ({ 'segment/1': made })],
    ['y of render', ({ made }) => ({ slice: part(made, 'y', 'other') })],
    ['z of render', ({ made }) => ({ slice: part(made, 'z', 'one y') })],
    ['y of render', ({ twin }) => ({ slice: part(twin, 'y', 'one y') })],
    ['no artifact', ({ made }) => ({ slice: part({ ...made, recipe: foreign }, 'y', 'one y') })],
    ['raw archive does not hold', () => ({ 'tile/a': foreign })],
    ['raw archive does not hold', ({ made }) => ({ 'tile/a': made.content })],
  ]
  test.each(wrongs)('one that is foreign is refused: %s', async (why, wrong) => {
    const s = await stock()
    const { next, commit } = write(s, { ...right(s), ...wrong(s) })
    await expect(commit()).rejects.toEqual(
      ofType('ProvenanceError', new RegExp(`input ${Object.keys(wrong(s))[0]!}: .*${why}`)),
    )
    expect(await s.store.find(next)).toBeUndefined()
  })

  test('whatever digest a recipe takes in place of the right one, it is refused; so is a source that it does not name', async () => {
    const s = await stock()
    const digests = Object.fromEntries(Object.entries(right(s)).map(([k, v]) => [k, digestOf(v)]))
    const hex = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: 64, maxLength: 64 })
    const known = fc.constantFrom(...Object.values(digests), s.twin.content)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(digests)),
        fc.oneof(hex, known),
        fc.boolean(),
        async (name, d, drop) => {
          fc.pre(d !== digests[name])
          const inputs = { ...digests, [name]: d }
          if (drop) delete inputs[name]
          const { next, commit } = write(s, right(s), inputs)
          await expect(commit()).rejects.toEqual(ofType('ProvenanceError', new RegExp(`input ${name}: `)))
          expect(await s.store.find(next)).toBeUndefined()
        },
      ),
      { numRuns: 60 },
    )
  })

  test('a model that is not in the raw archive is foreign too', async () => {
    const s = await stock()
    const commit = async (model: string): Promise<unknown> => {
      const writer = s.store.write({ ...recipeOf(9), model })
      await writer.put('out', bytes('out'))
      return writer.commit(attempt)
    }
    await expect(commit(foreign)).rejects.toEqual(ofType('ProvenanceError', /model: the raw archive/))
    await commit(s.raw)
  })
})

describe('a recipe has one result', () => {
  test('what a killed attempt left is taken over when equal, refused when not', async () => {
    const { store } = await fresh()
    await store.write(recipe).put('a', bytes('one'))
    const again = store.write(recipe)
    await again.put('a', bytes('one'))
    await again.commit(attempt)
    const other = store.write(recipe)
    await expect(other.put('a', bytes('two'))).rejects.toEqual(
      ofType('NondeterminismError', new RegExp(`a of artifact.*${sha256('two')}.*${sha256('one')}`)),
    )
    await expect(other.commit(attempt)).rejects.toEqual(ofType('ProvenanceError', /not written to the end: a/))
  })

  test('a racing attempt with the same content gets the first record; with more or less it is refused', async () => {
    const { store } = await fresh()
    const first = await commit(store)
    const second = store.write(recipe)
    await second.put('a', bytes('one'))
    await second.put('b/2', bytes('two'))
    expect(await second.commit({ ...attempt, attempt: 2 })).toEqual(first)
    await expect(commit(store, { a: 'one' })).rejects.toEqual(ofType('NondeterminismError', new RegExp(first!.content)))
    await expect(commit(store, { a: 'one', 'b/2': 'two', c: 'three' })).rejects.toEqual(ofType('NondeterminismError'))
    expect(await store.find(recipe)).toEqual(first)
  })

  test('many attempts at once commit one artifact', async () => {
    const { root } = await fresh()
    const made = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const writer = artifactStore(fileStore(root)).write(recipe)
        await Promise.all(['x', 'y'].map(p => writer.put(p, bytes(p))))
        return writer.commit({ ...attempt, attempt: i + 1 })
      }),
    )
    expect(new Set(made.map(m => canonicalJson(m as unknown as Json))).size).toBe(1)
  })
})

describe('damage is found', () => {
  test.each([0, 1, 2])('a flipped bit in byte %i of an output', async at => {
    const { root, store } = await fresh()
    const ref = (await commit(store))!
    const path = join(root, 'artifacts/render', id, 'a')
    const file = await readFile(path)
    file[at]! ^= 1
    await writeFile(path, file)
    await expect(store.get(ref, 'a')).rejects.toEqual(ofType('MissingArtifact', /a of artifact.*damaged/))
    expect(await store.get(ref, 'b/2')).toHaveLength(3)
  })

  test('an output that is cut, gone, or was never named; a range beyond its end', async () => {
    const { root, store } = await fresh()
    const ref = (await commit(store))!
    await expect(store.getRange(ref, 'a', 2, 2)).rejects.toEqual(ofType('MissingArtifact', /ends before/))
    await writeFile(join(root, 'artifacts/render', id, 'a'), 'on')
    await expect(store.get(ref, 'a')).rejects.toEqual(ofType('MissingArtifact', /2 bytes/))
    await rm(join(root, 'artifacts/render', id, 'a'))
    await expect(store.get(ref, 'a')).rejects.toEqual(ofType('MissingArtifact', /gone/))
    await expect(store.getRange(ref, 'a', 0, 1)).rejects.toEqual(ofType('MissingArtifact', /gone/))
    await expect(store.get(ref, 'c')).rejects.toEqual(ofType('MissingArtifact', /names no such output/))
    await expect(store.open({ ...ref, recipe: recipeId(recipeOf(2)) })).rejects.toEqual(ofType('MissingArtifact'))
  })

  const record = (): Record<string, unknown> => {
    const outputs = [{ path: 'a', sha256: sha256('one'), bytes: 3 }]
    return {
      ...structuredClone(attempt),
      recipeId: id,
      recipe: structuredClone(recipe),
      outputs,
      content: contentDigest(outputs),
      bytes: 3,
    }
  }
  const planted = async (json: string): Promise<ArtifactStore> => {
    const { store } = await fresh()
    await store.objects.putIfAbsent(`artifacts/render/${id}/lineage.json`, bytes(json))
    return store
  }
  test('a complete record counts', async () =>
    expect(await (await planted(sealed(record()))).find(recipe)).toBeDefined())
  test.each(Object.keys(Lineage.shape))('a record without %s counts for nothing', async field => {
    const r = record()
    delete r[field]
    const store = await planted(JSON.stringify(r))
    await expect(store.find(recipe)).rejects.toEqual(ofType('ProvenanceError', new RegExp(`${field}: `)))
    await expect(store.open({ stage: 'render', recipe: id, content: record()['content'] as string })).rejects.toEqual(
      ofType('ProvenanceError'),
    )
    const writer = store.write(recipe)
    await writer.put('a', bytes('one'))
    await expect(writer.commit(attempt)).rejects.toEqual(ofType('ProvenanceError'))
  })
  test.each([
    ['recipeId', { recipeId: 'b'.repeat(64) }],
    ['recipe', { recipe: recipeOf(2) }],
    ['recipe.stage', { recipe: { ...recipe, stage: 'affinity' } }],
    ['content', { content: 'b'.repeat(64) }],
    ['content', { outputs: [{ path: 'a', sha256: 'c'.repeat(64), bytes: 3 }] }],
    ['bytes', { bytes: 4 }],
  ])('a record whose %s is not its own', async (field, part) => {
    const store = await planted(JSON.stringify({ ...record(), ...part }))
    await expect(store.find(recipe)).rejects.toEqual(ofType('ProvenanceError', new RegExp(`${field}: `)))
  })
  const leaves = (value: unknown, path: readonly string[] = []): string[][] =>
    value !== null && typeof value === 'object'
      ? Object.entries(value).flatMap(([k, v]) => leaves(v, [...path, k]))
      : [[...path]]
  const at = (r: unknown, path: readonly string[]): Record<string, unknown> =>
    path.slice(0, -1).reduce((o, k) => (o as Record<string, unknown>)[k], r) as Record<string, unknown>
  test('a record in which anything is altered or removed is refused', () => {
    const bytesOfRecord = lineageBytes(record() as Lineage)
    expect(parseLineage(bytesOfRecord, 'render', id)).toEqual(record())
    const whole = JSON.parse(Buffer.from(bytesOfRecord).toString()) as Record<string, unknown>
    const other = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constant(null),
      fc.constant('f'.repeat(64)),
    )
    fc.assert(
      fc.property(fc.constantFrom(...leaves(whole)), fc.option(other, { nil: undefined }), (path, value) => {
        const changed = structuredClone(whole)
        const [holder, leaf] = [at(changed, path), path.at(-1)!]
        fc.pre(holder[leaf] !== value)
        if (value === undefined) delete holder[leaf]
        else holder[leaf] = value
        expect(() => parseLineage(Buffer.from(canonicalJson(changed as Json)), 'render', id)).toThrow(
          ofType('ProvenanceError') as Error,
        )
      }),
      { numRuns: 500 },
    )
  })
  test('a record with any one bit flipped is refused', () => {
    const good = lineageBytes(record() as Lineage)
    for (let bit = 0; bit < 8 * good.length; bit++) {
      const bad = Uint8Array.from(good)
      bad[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => parseLineage(bad, 'render', id)).toThrow(ofType('ProvenanceError') as Error)
    }
  })
  test('a record that is cut', async () => {
    const store = await planted(JSON.stringify(record()).slice(0, -9))
    await expect(store.find(recipe)).rejects.toEqual(ofType('ProvenanceError', /not JSON/))
  })

  test('a reference with another content than the record, also when the record is rebuilt under a reader', async () => {
    const { root, store } = await fresh()
    const first = (await commit(store))!
    await expect(store.open({ ...first, content: 'd'.repeat(64) })).rejects.toEqual(ofType('ProvenanceError'))
    await store.open(first)
    await rm(join(root, 'artifacts/render', id), { recursive: true })
    const second = (await commit(store, { a: 'new' }))!
    expect(Buffer.from(await store.get(second, 'a')).toString()).toBe('new')
    await expect(store.get(first, 'a')).rejects.toEqual(ofType('ProvenanceError'))
  })
})

test('processes killed at random moments leave whole artifacts or none, and the next attempt takes over', async () => {
  const root = await freshFolder()
  const next = random(11)
  const store = artifactStore(fileStore(root))
  const complete = async (): Promise<number> => {
    let n = 0
    for (let i = 0; i < 20; i++) {
      const found = await store.find(recipeOf(i))
      if (!found) continue
      n++
      expect(found.lineage.outputs.map(o => o.path)).toEqual(['part/0', 'part/1', 'part/2'])
      const reader = await store.open(found)
      for (const o of found.lineage.outputs) await reader.get(o.path)
    }
    return n
  }
  for (let round = 0; round < 4; round++) {
    const writers = await Promise.all([0, 1].map(() => startWriter('artifacts', root, '20')))
    for (const w of writers) {
      await new Promise(r => setTimeout(r, next() * 80))
      w.child.kill('SIGKILL')
    }
    await Promise.all(writers.map(w => w.done))
    await complete()
  }
  await (
    await startWriter('artifacts', root, '20')
  ).done
  expect(await complete()).toBe(20)
  const last = (await store.find(recipeOf(19)))!
  expect(Buffer.compare(await store.get(last, 'part/2'), bytesOf(59))).toBe(0)
})
