// What people write on a command line: names of runs, durations, run files that are none.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isCalled, slugOf } from '../../client/names.ts'
import { secondsOf } from '../../client/numbers.ts'
import { readRunFile } from '../../client/run-file.ts'
import { checkKey } from '../../storage/keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-names-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('any text is the name of a run, and its slug part of a key; different names stay different', () => {
  const names = [
    'first',
    'first try (2)',
    'a/../b',
    'a..b',
    '..',
    '.x',
    'Übersicht',
    '山',
    'first try  (2)',
    'x'.repeat(200),
  ]
  const slugs = names.map(n => slugOf('--name', n))
  for (const s of slugs) checkKey(`histories/demo/${s}/x`, 'object')
  expect(slugs[0]).toBe('first')
  expect(new Set(slugs).size).toBe(names.length)
  for (const none of ['', '  ', 'x'.repeat(201)]) expect(() => slugOf('--name', none)).toThrow('a name has 1 to 200')
})

test.each([
  ['90s', 90],
  ['15 min', 900],
  ['1h30m', 5400],
  ['2 hours', 7200],
  ['1d', 86_400],
  ['1w', 604_800],
  ['PT6H', 21_600],
  ['P1DT12H', 129_600],
])('%s is a duration', (text, seconds) => expect(secondsOf('--every', text, 1)).toBe(seconds))

test.each(['', '0', '6', '-5m', '0s', 'P1M', '1mo', '500ms', '1h30', '99999999d', 'every 5m', '1M', '1h 30M'])(
  '%s is none',
  text => expect(() => secondsOf('--every', text, 1)).toThrow('--every'),
)

test('what is no run file is refused in words, and nothing waits for it', () => {
  const file = join(folder, 'run.yaml')
  const refusal = (make: () => void): string => {
    make()
    try {
      readRunFile(file)
      return ''
    } catch (e) {
      return (e as Error).message
    } finally {
      rmSync(file, { recursive: true, force: true })
    }
  }
  expect(refusal(() => execFileSync('sh', ['-c', 'mkfifo "$0"', file]))).toContain(
    `${file}: this is no file but a pipe`,
  )
  expect(refusal(() => execFileSync('mkdir', [file]))).toContain('a folder')
  expect(refusal(() => {})).toContain('no such run file')
  expect(refusal(() => writeFileSync(file, Buffer.from([0x89, 0x50, 0xff])))).toContain('no text in UTF-8')
  expect(refusal(() => writeFileSync(file, 'a\0b'))).toContain('no text')
  expect(refusal(() => writeFileSync(file, Buffer.alloc(5 << 20, 'x')))).toContain('5 MB')
  expect(refusal(() => writeFileSync(file, 'a: ['))).toContain('not valid YAML')
  expect(refusal(() => writeFileSync(file, 'a: &a [1]\n'.concat('b: [*a, *a]\n'.repeat(3))))).toContain(
    'not valid YAML',
  )
})

test('a run is found by its id, its name as it was given, and as it stands in the id', () => {
  const id = `reconstruct/demo/${slugOf('--name', 'first try (2)')}`
  for (const name of [id, 'first try (2)', id.split('/').at(-1)!]) expect(isCalled(id, name), name).toBe(true)
  for (const name of ['first try', 'try (2)', '(2)', '']) expect(isCalled(id, name), name).toBe(false)
})
