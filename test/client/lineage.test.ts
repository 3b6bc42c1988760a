// What an artifact rests on, and the forms in which provenance goes out, on a small synthetic release.
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ancestry, dot, json, mermaid, text } from '../../client/lineage/graph.ts'
import { subjectOf } from '../../client/lineage/subject.ts'
import { provJson } from '../../client/provenance/prov.ts'
import { roCrate } from '../../client/provenance/ro-crate.ts'
import { attestations } from '../../client/provenance/slsa.ts'
import { provenanceOf, sums, type Provenance } from '../../client/provenance/walk.ts'
import { sha256 } from '../../domain/recipe.ts'
import { fileStore } from '../../storage/file-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { makeFixture, type Fixture } from '../serving/fixture.ts'

let fixture: Fixture
let objects: ObjectStore
let provenance: Provenance
beforeAll(async () => {
  fixture = await makeFixture()
  objects = fileStore(fixture.folder)
  provenance = await provenanceOf(objects, fixture.release)
})
afterAll(() => fixture.remove())

test('a voxel rests on the artifacts of its region and the tiles under them', async () => {
  const subject = await subjectOf(objects, 'published/segmentation@1,1,1')
  expect(subject.focus.map(r => r.recipe.stage)).toEqual(['segment'])
  expect(subject.focus[0]!.recipeId).toBe(fixture.release.layers.segmentation!.regions!['0_0_0']!.recipe)
  const graph = ancestry(subject.records, subject.focus)
  expect(graph.nodes.map(n => [n.label.split(',')[0], n.count, n.focus])).toEqual([
    ['tile (raw archive)', 1, false],
    ['render', 1, false],
    ['segment', 1, true],
  ])
  expect(graph.edges).toHaveLength(2)
  expect(text(subject, graph)).toContain('stage version 1')
  const printed = JSON.parse(json(subject, graph)) as { what: string; artifacts: unknown[] }
  expect(printed).toMatchObject({ what: 'segmentation@1,1,1', artifacts: [{ recipeId: subject.focus[0]!.recipeId }] })
  const node = graph.nodes[2]!.id
  expect(mermaid(graph)).toContain(`${node}["segment, `)
  expect(dot(graph)).toMatch(new RegExp(`-> ${node}\\n`))
})

test('many artifacts of a stage are one node; every edge leads from one node to another', async () => {
  const whole = await subjectOf(objects, 'blobs/r1')
  const graph = ancestry(whole.records, whole.focus)
  const count = new Map(graph.nodes.map(n => [n.id, n.count]))
  for (const [stage, refs] of Object.entries(fixture.release.stages!)) expect(count.get(stage), stage).toBe(refs.length)
  for (const e of graph.edges) expect(count.has(e.from) && count.has(e.to)).toBe(true)
  const inputs = whole.records.reduce((n, r) => n + Object.keys(r.recipe.inputs).length, 0)
  expect(graph.edges.reduce((n, e) => n + e.inputs, 0)).toBe(inputs)
  expect(text(whole, graph)).toContain('segment v1: ')

  const mesh = fixture.release.stages!['mesh']![0]!
  const one = await subjectOf(objects, `mesh/${mesh.recipe}`)
  expect(one.focus.map(r => r.recipeId)).toEqual([mesh.recipe])
  await expect(subjectOf(objects, `mesh/${'0'.repeat(64)}`)).rejects.toThrow('no release names an artifact')
  await expect(subjectOf(objects, 'r1/em@1,2')).rejects.toThrow('is no place of a layer')
  await expect(subjectOf(objects, 'r1/em@9999,0,0')).rejects.toThrow('no artifact of the release holds it')
})

test('attestations name every output with its digest, and are signed', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const lines = attestations(provenance, privateKey)['provenance.intoto.jsonl']!.trim().split('\n')
  expect(lines).toHaveLength(provenance.steps.length + 1)
  const subjects = new Map<string, string>()
  for (const line of lines) {
    const { payload, payloadType, signatures } = JSON.parse(line) as {
      payload: string
      payloadType: string
      signatures: { sig: string }[]
    }
    const body = Buffer.from(payload, 'base64')
    const signed = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body])
    expect(
      verify(
        null,
        signed,
        createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })),
        Buffer.from(signatures[0]!.sig, 'base64'),
      ),
    ).toBe(true)
    const { subject } = JSON.parse(body.toString()) as { subject: { name: string; digest: { sha256: string } }[] }
    for (const s of subject) subjects.set(s.name, s.digest.sha256)
  }
  for (const [key, digest] of subjects) expect(sha256((await objects.get(key))!), key).toBe(digest)
  expect(subjects.size).toBe(1 + provenance.steps.reduce((n, s) => n + s.record.outputs.length, 0))
})

test('the list of digests is that of the bucket', async () => {
  const lines = sums(provenance)['SHA256SUMS']!.trim().split('\n')
  for (const line of lines) {
    const [digest, key] = line.split('  ') as [string, string]
    expect(sha256((await objects.get(key))!), key).toBe(digest)
  }
  const keys = new Set(lines.map(l => l.split('  ')[1]))
  for await (const key of objects.list('')) if (!key.startsWith('refs/')) expect(keys, key).toContain(key)
})

test('whatever PROV and RO-Crate refer to is there', () => {
  const prov = JSON.parse(provJson(provenance)['provenance.prov.json']!) as Record<
    string,
    Record<string, Record<string, string>>
  >
  const { prefix: _, entity, activity, agent, ...relations } = prov
  const kinds: Record<string, object> = { entity: entity!, collection: entity!, activity: activity!, agent: agent! }
  let links = 0
  for (const relation of Object.values(relations).flatMap(r => Object.values(r)))
    for (const [role, id] of Object.entries(relation)) {
      const kind = kinds[role.replace('prov:', '')]
      if (kind && ++links) expect(kind, role).toHaveProperty([id])
    }
  expect(links).toBeGreaterThan(provenance.steps.length * 4)

  const crate = JSON.parse(roCrate(provenance)['ro-crate-metadata.json']!) as { '@graph': { '@id': string }[] }
  const ids = crate['@graph'].map(e => e['@id'])
  expect(new Set(ids).size).toBe(ids.length)
  const referred: string[] = []
  JSON.stringify(crate['@graph'], (k, v: unknown) => {
    if (k === '@id') referred.push(v as string)
    return v
  })
  const outside = new Set(referred.filter(id => !ids.includes(id)))
  expect([...outside].filter(id => !id.startsWith('http'))).toEqual([])
})
