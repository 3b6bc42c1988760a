// Every field of every kind of object, forged with all seals and names made to fit: verify and audit name each. docs/provenance.md says what is proved against whom.
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Held } from '../../client/audit/held.ts'
import { Findings } from '../../client/audit/report.ts'
import { connect } from '../../client/connection.ts'
import { verify, type Finding } from '../../client/verify.ts'
import { canonicalJson, type Json } from '../../domain/canonical.ts'
import { ChannelValue } from '../../domain/releases/channel.ts'
import { Lineage } from '../../domain/lineage.ts'
import { Page, pageOf } from '../../domain/index/page.ts'
import { contentDigest, recipeId, sha256, type Digest } from '../../domain/recipe.ts'
import { Release, releaseName } from '../../domain/release.ts'
import { fileStore } from '../../storage/file-store.ts'
import { archiveFolder, HistoryIndex } from '../../storage/provenance/histories.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { getRaw, rawKey } from '../../storage/raw.ts'
import { getSealed, sealed, unsealed } from '../../storage/sealed.ts'
import { forgeries } from '../forgeries.ts'
import { Hillock } from './harness.ts'

const keys = mkdtempSync(join(tmpdir(), 'hillock-keys-'))
const pem = (name: string): string => join(keys, `${name}.pem`)
const hillock = new Hillock({ HILLOCK_SIGNING_KEY: pem('private') })
const objects = remembering(fileStore(join(hillock.home, 'bucket')))
let client: Client
let release: Release

beforeAll(async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  writeFileSync(pem('private'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(pem('public'), publicKey.export({ type: 'spki', format: 'pem' }))
  writeFileSync(pem('other'), generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }))
  const run = await hillock.fromTiny()
  await hillock.cli('up', '--detach')
  client = await connect(hillock.stack().temporal)
  rememberHistories(client)
  release = await hillock.json<Release>('release', 'show', run.release)
  release = Release.parse(await getSealed(objects, releaseKey(release.release)))
}, 300_000)
afterAll(async () => {
  await client?.connection.close()
  await hillock.close()
  rmSync(keys, { recursive: true })
}, 60_000)

const releaseKey = (name: string): string => `releases/tiny/${name}.json`
const channelKey = 'refs/tiny/published'

/** Reads every object once. */
function remembering(store: ObjectStore): ObjectStore {
  const known = new Map<string, ReturnType<ObjectStore['get']>>()
  const get: ObjectStore['get'] = key => {
    if (!known.has(key)) known.set(key, store.get(key))
    return known.get(key)!
  }
  return {
    ...store,
    get,
    getRange: async (key, offset, length) => (await get(key))?.slice(offset, offset + length),
    size: async key => (await get(key))?.length,
  }
}

/** Asks the server for each history once. */
function rememberHistories({ workflow }: Client): void {
  const known = new Map<string, Promise<never>>()
  const getHandle = workflow.getHandle.bind(workflow)
  workflow.getHandle = (workflowId, runId, ...rest) => {
    const handle = getHandle(workflowId, runId, ...rest)
    const [name, fetch] = [`${workflowId} ${runId}`, handle.fetchHistory.bind(handle)]
    handle.fetchHistory = () => known.get(name) ?? known.set(name, fetch() as Promise<never>).get(name)!
    return handle as never
  }
}

type Forged = Map<string, string | null>

/** The bucket with other objects (null: gone) in it. */
function withForged(forged: Forged): ObjectStore {
  const get: ObjectStore['get'] = async key => {
    const text = forged.get(key)
    return text === undefined ? objects.get(key) : text === null ? undefined : new Uint8Array(Buffer.from(text))
  }
  return {
    ...objects,
    get,
    getRange: async (key, offset, length) => (await get(key))?.slice(offset, offset + length),
    size: async key => (await get(key))?.length,
    readRef: async key => (forged.get(key) ? { value: forged.get(key)!, version: '1' } : objects.readRef(key)),
    async *list(prefix) {
      const keys = new Set([...forged.keys()].filter(k => k.startsWith(prefix)))
      for await (const k of objects.list(prefix)) keys.add(k)
      yield* [...keys].filter(k => forged.get(k) !== null).sort()
    },
  }
}

/** A manifest under the name that fits it, instead of the one that is there. */
const placed = (m: Release, forged: Forged = new Map()): { name: string; forged: Forged } => {
  const name = m.release === release.release ? releaseName(m) : m.release
  forged.set(releaseKey(release.release), null)
  return { name, forged: forged.set(releaseKey(name), sealed({ ...m, release: name })) }
}

async function byVerify(name: string, forged: Forged): Promise<readonly Finding[]> {
  const options = { all: true, progress: () => {} }
  return (await verify(withForged(forged), { dataset: 'tiny', release: name }, options)).findings
}

async function byAudit(name: string, forged: Forged): Promise<readonly Finding[]> {
  const store = withForged(forged)
  const parsed = Release.safeParse(await getSealed(store, releaseKey(name)))
  // Such a manifest is refused before there is anything to audit.
  if (!parsed.success) return [{ what: releaseKey(name), why: parsed.error.message }]
  const findings = new Findings()
  const held = new Held(store, client, parsed.data, findings)
  for await (const _ of held.histories());
  await held.end()
  return findings.list
}

/** Whether a finding tells of the object, and of the field or what holds it. */
const names = (findings: readonly Finding[], object: string, field: string): boolean =>
  findings.some(f => `${f.what} ${f.why}`.includes(object) && `${f.field} ${f.why}`.includes(field.split('.')[0]!))

interface Case {
  readonly field: string
  readonly name: string
  readonly forged: Forged
  /** What must be named: part of the object's key, and the field; '' where the object is enough. */
  readonly object: string
  readonly told?: string
}

async function table(cases: AsyncIterable<Case> | Iterable<Case>): Promise<void> {
  const missed: string[] = []
  let n = 0
  for await (const c of cases) {
    n++
    for (const [by, look] of [
      ['verify', byVerify],
      ['audit', byAudit],
    ] as const) {
      const findings = await look(c.name, c.forged)
      if (!names(findings, c.object, c.told ?? c.field))
        missed.push(
          `${by} ${c.field}: ${findings
            .map(f => `${f.what} ${f.why} ${f.field}`)
            .join(' | ')
            .slice(0, 300)}`,
        )
    }
  }
  expect(missed).toEqual([])
  expect(n).toBeGreaterThan(4)
}

describe('forgeries', () => {
  test('nothing is found where nothing is forged', async () => {
    expect(await byVerify(release.release, new Map())).toEqual([])
    expect(await byAudit(release.release, new Map())).toEqual([])
  })

  test('manifest', async () => {
    await table(
      [...forgeries(Release, release)].map(([field, value]) => {
        const { name, forged } = placed(value as Release)
        return { field, name, forged, object: name }
      }),
    )
  }, 600_000)

  test('page: the root of a phase and the lowest below it', async () => {
    const read = async (digest: Digest): Promise<Page> =>
      Page.parse(JSON.parse(Buffer.from(await getRaw(objects, digest)).toString()))
    const root = await read(release.pages['products']!)
    const lowest = await read(root.below[0]!.page)
    const store = (page: unknown, forged: Forged): Digest => {
      const text = canonicalJson(page as Json)
      forged.set(rawKey(sha256(text)), text)
      return sha256(text)
    }
    const cases: Case[] = []
    for (const [page, place] of [
      [root, 'root'],
      [lowest, 'lowest'],
    ] as const)
      for (const [field, value] of forgeries(Page, page)) {
        const forged: Forged = new Map()
        const digest = store(value, forged)
        let top = digest
        if (place === 'lowest') {
          const below = root.below.with(0, { ...root.below[0]!, page: digest, stages: (value as Page).stages })
          top = store(pageOf(root.entries, below), forged)
        }
        const { name } = placed({ ...release, pages: { ...release.pages, products: top } }, forged)
        cases.push({ field: `${place} ${field}`, name, forged, object: releaseKey(name), told: 'pages' })
      }
    await table(cases)
  }, 600_000)

  test('lineage record: of a cell, of a batch of sections', async () => {
    const cases: Case[] = []
    for (const stage of ['segment', 'stitch']) {
      const { recipe } = release.stages[stage]![0]!
      const key = `artifacts/${stage}/${recipe}/lineage.json`
      const record = Lineage.parse(await getSealed(objects, key))
      for (const [field, value] of forgeries(Lineage, record)) {
        const forged = { ...(value as Lineage) }
        if (field.startsWith('recipe.')) forged.recipeId = recipeId(forged.recipe)
        if (field.startsWith('outputs')) {
          forged.content = contentDigest(forged.outputs)
          forged.bytes = forged.outputs.reduce((n, o) => n + o.bytes, 0)
        }
        cases.push({
          field: `${stage} ${field}`,
          name: release.release,
          forged: new Map([[key, sealed(forged)]]),
          object: recipe,
          told: '',
        })
      }
    }
    await table(cases)
  }, 600_000)

  test('channel', async () => {
    const value = unsealed((await objects.readRef(channelKey))!.value, channelKey) as ChannelValue
    await table(
      [...forgeries(ChannelValue, value)].map(([field, v]) => ({
        field,
        name: release.release,
        forged: new Map([[channelKey, sealed(v as object)]]),
        object: channelKey,
      })),
    )
  }, 600_000)

  test('index of the histories', async () => {
    const key = `${archiveFolder(release.run)}/index.json`
    const index = HistoryIndex.parse(await getSealed(objects, key))
    await table(
      [...forgeries(HistoryIndex, index)].map(([field, v]) => ({
        field,
        name: release.release,
        forged: new Map([[key, sealed(v as object)]]),
        object: '',
        told: '',
      })),
    )
  }, 600_000)
})

test('a release is signed when it is published where there is a key, and verify demands that key', async () => {
  const check = (name: string): Promise<{ ok: boolean; findings: Finding[] }> =>
    hillock.json('verify', release.release, '--key', pem(name))
  expect((await check('public')).findings[0]!.why).toContain('is not signed with this key')
  await hillock.json('release', 'publish', release.release, '--reason', 'to sign it')
  expect(await check('public')).toMatchObject({ ok: true, findings: [] })
  expect((await check('other')).ok).toBe(false)
  const refused = await hillock.cli('verify', '--key', pem('private').replace('private', 'none'))
  expect(refused.stderr).toContain('none.pem')
}, 120_000)
