// The revision of a build: its own commit, whoever owns it; not that of a repository around it.
import { execFileSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkout } from '../../worker/home.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'hillock-revision-')))
afterAll(() => rmSync(folder, { recursive: true }))

const copy = join(folder, 'vendor', 'hillock')
const env = { ...process.env, HOME: folder, HILLOCK_REVISION: '' }
const git = (at: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: at, env, encoding: 'utf8' }).trim()
const revision = (): string =>
  execFileSync(process.execPath, ['-e', "import('./worker/runtime.ts').then(m => console.log(m.codeRevision()))"], {
    cwd: copy,
    env,
    encoding: 'utf8',
  }).trim()

test('an unpacked copy below another repository is told by its sources; its own repository by the commit', () => {
  mkdirSync(copy, { recursive: true })
  for (const part of ['worker', 'domain', 'storage', 'package.json'])
    cpSync(join(checkout, part), join(copy, part), { recursive: true })
  symlinkSync(join(checkout, 'node_modules'), join(copy, 'node_modules'))
  git(folder, 'init', '-q')
  git(folder, 'commit', '-q', '--allow-empty', '-m', 'x')
  const unpacked = revision()
  expect(unpacked).toMatch(/^package-0\.\d+\.\d+-[0-9a-f]{16}$/)
  appendFileSync(join(copy, 'domain/ids.ts'), '\n')
  expect(revision()).not.toBe(unpacked)

  git(copy, 'init', '-q')
  git(copy, 'add', 'worker', 'domain', 'storage', 'package.json')
  git(copy, 'commit', '-q', '-m', 'x')
  const commit = git(copy, 'rev-parse', 'HEAD')
  expect(revision()).toBe(commit)
  appendFileSync(join(copy, 'domain/ids.ts'), '\n')
  const changed = revision()
  expect(changed).toMatch(new RegExp(`^${commit}\\+changes-[0-9a-f]{16}$`))
  appendFileSync(join(copy, 'domain/ids.ts'), '\n')
  expect(revision()).not.toBe(changed)
})
