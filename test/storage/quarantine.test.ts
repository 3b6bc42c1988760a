// Marks of artifacts: what is set aside is handed to nobody who does not ask for it, from the moment it is marked until the mark is lifted.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { refuseAgain, standing } from '../../activities/generation.ts'
import type { Deps } from '../../activities/context.ts'
import { liftingOwn } from '../../activities/housekeeping/own-marks.ts'
import type { ArtifactRef, Lineage } from '../../domain/lineage.ts'
import { recipeId, type Recipe } from '../../domain/recipe.ts'
import { artifactStore, type ArtifactStore } from '../../storage/artifacts.ts'
import { fileStore } from '../../storage/file-store.ts'
import { listMarks } from '../../storage/quarantine.ts'
import { attempt, freshFolder, memoryStore, recipeOf } from './fixtures.ts'

const ofType = (type: string, message = /./): unknown =>
  expect.objectContaining({ type, message: expect.stringMatching(message) })
const bad = { kind: 'bad', reason: 'smeared', by: 'ann' } as const
const damaged = { kind: 'damaged', reason: 'lost on disk', by: 'ann' } as const
const lift = { reason: 'looked again', by: 'bob' } as const

async function make(store: ArtifactStore, recipe: Recipe, text = 'one'): Promise<ArtifactRef & { lineage: Lineage }> {
  const writer = store.write(recipe)
  await writer.put('a', Buffer.from(text))
  return writer.commit(attempt)
}

test('a marked artifact is opened, read and found by none but those who ask for it', async () => {
  const objects = memoryStore()
  const store = artifactStore(objects)
  const ref = await make(store, recipeOf(1))
  const other = await make(store, recipeOf(2))
  await store.open(ref)
  const mark = await store.quarantine(ref, bad)
  expect(mark).toMatchObject({
    stage: 'render',
    recipe: ref.recipe,
    content: ref.content,
    extent: recipeOf(1).extent,
    ...bad,
  })
  for (const s of [store, artifactStore(objects)]) {
    const refused = ofType('QuarantinedArtifact', /marked bad: smeared/)
    await expect(s.open(ref)).rejects.toEqual(refused)
    await expect(s.get(ref, 'a')).rejects.toEqual(refused)
    await expect(s.getRange(ref, 'a', 0, 1)).rejects.toEqual(refused)
    await expect(s.find(recipeOf(1))).rejects.toEqual(refused)
    await s.open(other)
  }
  const reader = artifactStore(objects, { quarantined: true })
  expect(Buffer.from(await reader.get(ref, 'a')).toString()).toBe('one')
  expect((await reader.find(recipeOf(1)))!.content).toBe(ref.content)
  expect(await store.lineage('render', ref.recipe)).toBeDefined()
})

test('a mark set by another process is seen within a second, by a store that has the record in memory', async () => {
  const root = await freshFolder()
  const store = artifactStore(fileStore(root))
  const ref = await make(store, recipeOf(1))
  const clock = vi.spyOn(Date, 'now')
  onTestFinished(() => clock.mockRestore())
  clock.mockReturnValue(1_000_000)
  await store.open(ref)
  await artifactStore(fileStore(root)).quarantine(ref, bad)
  clock.mockReturnValue(1_001_000)
  await expect(store.open(ref)).rejects.toEqual(ofType('QuarantinedArtifact'))
  // Opened again and again: what is remembered is when it was looked up, not when it was used.
  await artifactStore(fileStore(root)).lift(ref, lift)
  for (const t of [0, 600]) {
    clock.mockReturnValue(2_000_000 + t)
    await store.open(ref)
  }
  await artifactStore(fileStore(root)).quarantine(ref, bad)
  clock.mockReturnValue(2_001_000)
  await expect(store.open(ref)).rejects.toEqual(ofType('QuarantinedArtifact'))
})

test('an open costs one small read more, none while it is remembered, and none for those who do not look', async () => {
  const plain = memoryStore()
  const gets: string[] = []
  const counting = { ...plain, get: (key: string) => (gets.push(key), plain.get(key)) }
  const ref = await make(artifactStore(plain), recipeOf(1))
  const clock = vi.spyOn(Date, 'now').mockReturnValue(5_000_000)
  onTestFinished(() => clock.mockRestore())
  const store = artifactStore(counting)
  await store.open(ref)
  await store.open(ref)
  expect(gets).toHaveLength(2)
  await artifactStore(counting, { quarantined: true }).open(ref)
  expect(gets).toHaveLength(3)
})

test('marks are written once, lifted once, and may be set again; the same mark twice is one', async () => {
  const objects = memoryStore()
  const store = artifactStore(objects)
  const ref = await make(store, recipeOf(1))
  const keys = async (): Promise<string[]> => {
    const out: string[] = []
    for await (const k of objects.list('quarantine/')) out.push(k.replace(`quarantine/render/${ref.recipe}`, ''))
    return out
  }
  expect(await store.lift(ref, lift)).toBe(false)
  const [one, two] = await Promise.all([store.quarantine(ref, bad), store.quarantine(ref, { ...bad, by: 'zoe' })])
  expect(two).toEqual(one)
  expect(await keys()).toEqual(['.json'])
  expect(await listMarks(objects)).toEqual([{ id: `render/${ref.recipe}`, ...one }])
  expect(await store.lift(ref, lift)).toBe(true)
  expect(await store.lift(ref, lift)).toBe(false)
  expect(await listMarks(objects)).toEqual([])
  await store.open(ref)
  await store.quarantine(ref, bad)
  await expect(store.open(ref)).rejects.toEqual(ofType('QuarantinedArtifact'))
  expect((await listMarks(objects)).map(m => m.id)).toEqual([`render/${ref.recipe}.2`])
  // The other kind takes its place.
  await store.quarantine(ref, damaged)
  expect((await listMarks(objects)).map(m => [m.id, m.kind])).toEqual([[`render/${ref.recipe}.3`, 'damaged']])
  expect((await keys()).sort()).toEqual(['.2.json', '.2.lifted.json', '.3.json', '.json', '.lifted.json'])
})

test('what has lost its record can be marked damaged, not bad, and concerns everything', async () => {
  const root = await freshFolder()
  const store = artifactStore(fileStore(root))
  const ref = await make(store, recipeOf(1))
  const file = join(root, 'artifacts/render', ref.recipe, 'lineage.json')
  await writeFile(file, '{ broken')
  await expect(store.quarantine(ref, bad)).rejects.toEqual(ofType('MissingArtifact'))
  await rm(file)
  expect(await store.quarantine(ref, damaged)).toMatchObject({ content: null, extent: 'dataset' })
  await writeFile(file, '{ broken')
  await expect(artifactStore(fileStore(root)).open(ref)).rejects.toEqual(ofType('QuarantinedArtifact', /damaged/))
  const { recipe } = await standing({ artifacts: store } as Deps, recipeOf(1))
  expect(recipe).toEqual({ ...recipeOf(1), generation: 1 })
})

test('generations: absent for the first, raised past every mark, bad content is not taken again', async () => {
  const objects = memoryStore()
  const store = artifactStore(objects)
  const deps = { artifacts: store } as Deps
  const base = recipeOf(1)
  expect(await standing(deps, base)).toEqual({ recipe: base, found: undefined, marks: [] })
  const first = await make(store, base)
  expect(first.recipe).toBe(recipeId(base))
  await store.quarantine(first, damaged)
  const next = await standing(deps, base)
  expect(next).toMatchObject({ recipe: { ...base, generation: 1 }, found: undefined })
  expect(recipeId(next.recipe)).not.toBe(first.recipe)
  // The same bytes are just right for what was damaged, and the very thing that is refused for what was bad.
  const second = await make(store, next.recipe)
  expect(second.content).toBe(first.content)
  refuseAgain(second, next.marks)
  expect((await standing(deps, base)).found).toEqual(second)
  await store.quarantine(second, bad)
  const third = await standing(deps, base)
  expect(third.recipe.generation).toBe(2)
  expect(third.marks.map(m => m.kind)).toEqual(['damaged', 'bad'])
  expect(() => refuseAgain({ ...second, recipe: recipeId(third.recipe) }, third.marks)).toThrow(
    ofType('QuarantinedArtifact', /made again, the same bytes: change parameters or lift the mark/) as Error,
  )
  refuseAgain({ ...second, content: 'f'.repeat(64) }, third.marks)
  await store.lift(first, lift)
  expect((await standing(deps, base)).found).toEqual(first)
})

test('only the patch of a rollback lifts its marks: not one that a person set with the name of that run in its reason', async () => {
  const objects = memoryStore()
  const store = artifactStore(objects)
  const [own, persons] = [await make(store, recipeOf(1)), await make(store, recipeOf(2))]
  await store.quarantine(own, { ...bad, patch: 'rollback-1' })
  await store.quarantine(persons, { ...bad, reason: 'rollback-1: not this one' })
  const patch = liftingOwn({ artifacts: store } as unknown as Deps, { run: 'rollback-1' }).artifacts
  const other = liftingOwn({ artifacts: store } as unknown as Deps, { run: 'rollback' }).artifacts
  await expect(other.find(recipeOf(1))).rejects.toEqual(ofType('QuarantinedArtifact'))
  expect((await patch.find(recipeOf(1)))!.content).toBe(own.content)
  await expect(patch.find(recipeOf(2))).rejects.toEqual(ofType('QuarantinedArtifact'))
})
