// Every field of every kind of object, forged with all seals and names made to fit: verify and audit name each. docs/provenance.md says what is proved against whom.
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { connect } from '../../../client/connection.ts'
import type { Finding } from '../../../client/verify.ts'
import { canonicalJson, type Json } from '../../../domain/canonical.ts'
import { ChannelValue } from '../../../domain/releases/channel.ts'
import { Lineage } from '../../../domain/lineage.ts'
import { IndexNode, indexNodeOf } from '../../../domain/index/index-node.ts'
import { contentDigest, recipeId, sha256, type Digest } from '../../../domain/recipe.ts'
import { Release, releaseName } from '../../../domain/release.ts'
import { fileStore } from '../../../storage/file-store.ts'
import { archiveFolder, HistoryIndex } from '../../../storage/provenance/histories.ts'
import { getRaw, rawKey } from '../../../storage/raw.ts'
import { getSealed, sealed, unsealed } from '../../../storage/sealed.ts'
import { forgeries } from '../../forgeries.ts'
import { looks, remembering, rememberHistories, type Forged } from './forging.ts'
import { Hillock } from '../harness.ts'

vi.mock('../../../storage/lineage-record.ts', async original =>
  (await import('./remembered-records.ts')).rememberingRecords(await original()),
)

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

const look = looks(objects, () => client)
const releaseKey = (name: string): string => `releases/tiny/${name}.json`
const channelKey = 'refs/tiny/published'

/** A manifest under the name that fits it, instead of the one that is there. */
const placed = (m: Release, forged: Forged = new Map()): { name: string; forged: Forged } => {
  const name = m.release === release.release ? releaseName(m) : m.release
  forged.set(releaseKey(release.release), null)
  return { name, forged: forged.set(releaseKey(name), sealed({ ...m, release: name })) }
}

/** Whether a finding tells of the object, and of the field or what holds it. */
const names = (findings: readonly Finding[], object: string, field: string): boolean =>
  findings.some(f => `${f.what} ${f.why}`.includes(object) && `${f.field} ${f.why}`.includes(field.split('.')[0]!))

/** What is named of a forged record: the field where its names, or the answer of the activity for it alone, repeat it. */
function toldOf(field: string, alone: boolean): string {
  const [head] = field.split('.')
  if (['recipe', 'recipeId', 'content', 'bytes'].includes(head!)) return head!
  // The digest of the outputs is over names and bytes.
  if (/^outputs\.\d+\.(path|sha256)$/.test(field)) return 'content'
  if (!alone) return ''
  if (head === 'start') return 'end'
  return ['workflowId', 'runId', 'attempt', 'end', 'voxels', 'cost'].includes(head!) ? head! : ''
}

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
    for (const by of ['verify', 'audit'] as const) {
      const findings = await look[by](c.name, c.forged)
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
    expect(await look.verify(release.release, new Map())).toEqual([])
    expect(await look.audit(release.release, new Map())).toEqual([])
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
    const read = async (digest: Digest): Promise<IndexNode> =>
      IndexNode.parse(JSON.parse(Buffer.from(await getRaw(objects, digest)).toString()))
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
      for (const [field, value] of forgeries(IndexNode, page)) {
        const forged: Forged = new Map()
        const digest = store(value, forged)
        let top = digest
        if (place === 'lowest') {
          const below = root.below.with(0, { ...root.below[0]!, page: digest, stages: (value as IndexNode).stages })
          top = store(indexNodeOf(root.entries, below), forged)
        }
        const { name } = placed({ ...release, pages: { ...release.pages, products: top } }, forged)
        cases.push({ field: `${place} ${field}`, name, forged, object: releaseKey(name), told: 'pages' })
      }
    await table(cases)
  }, 600_000)

  test('lineage record: of a cell, of a batch of sections', async () => {
    const cases: Case[] = []
    for (const stage of ['segment', 'stitch']) {
      const { recipe } = release.stages![stage]![0]!
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
          told: toldOf(field, stage === 'segment'),
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
