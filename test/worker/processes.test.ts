// What a stack rests on: locks that end with their holder, processes told from others of the same number, and those kept alive.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { readStack, type Home } from '../../worker/home.ts'
import { bornAt, endStrays, MARK } from '../../worker/identity.ts'
import { Keeper } from '../../worker/keeper.ts'
import { checkDatabase, lock } from '../../worker/lock.ts'
import { lastPorts } from '../../worker/ports.ts'

const folder = mkdtempSync(join(tmpdir(), 'hillock-worker-'))
const started: ChildProcess[] = []
afterEach(() => started.splice(0).forEach(c => c.kill('SIGKILL')))

/** A process that prints a line and stays. */
async function staying(env: NodeJS.ProcessEnv = {}, code = ''): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', `${code}; console.log('up'); setInterval(() => {}, 1000)`],
    {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  started.push(child)
  await new Promise(up => child.stdout!.once('data', up))
  return child
}
const ended = (child: ChildProcess): Promise<unknown> => new Promise(gone => child.once('exit', gone))

test('a lock is held by one, and ends with its holder; what lies in its file does not matter', async () => {
  const file = join(folder, 'lock')
  writeFileSync(file, 'no database, but something longer than the head of one'.repeat(20))
  const module = JSON.stringify(join(import.meta.dirname, '../../worker/lock.ts'))
  const child = await staying({}, `const { lock } = await import(${module}); lock(${JSON.stringify(file)})`)
  expect(lock(file)).toBeUndefined()
  const gone = ended(child)
  child.kill('SIGKILL')
  await gone
  const release = lock(file)
  expect(release).toBeDefined()
  expect(lock(file)).toBeUndefined()
  release!()
  lock(file)!()
})

test('a database that is damaged, cut or in use is named', () => {
  const file = join(folder, 'temporal.db')
  const db = new DatabaseSync(file)
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (x); CREATE INDEX i ON t (x)')
  const insert = db.prepare('INSERT INTO t VALUES (?)')
  for (let i = 0; i < 2000; i++) insert.run(`row ${i}`)
  expect(() => checkDatabase(file)).toThrow(/another process has the database of Temporal open/)
  db.close()
  checkDatabase(file)
  const bytes = readFileSync(file)
  for (const bad of [
    Buffer.alloc(0),
    Buffer.from('garbage'.repeat(1000)),
    bytes.subarray(0, 3000),
    Buffer.concat([bytes.subarray(0, 8192), Buffer.alloc(4096, 7), bytes.subarray(12_288)]),
  ]) {
    writeFileSync(file, bad)
    expect(() => checkDatabase(file)).toThrow(/is damaged/)
  }
})

test('a record counts while the very process lives that wrote it', async () => {
  const h = { stack: join(folder, 'stack.json') } as Home
  const { pid } = await staying()
  const of = (text: string): unknown => {
    writeFileSync(h.stack, text)
    return readStack(h)
  }
  expect(of(JSON.stringify({ pid, born: bornAt(pid!), ready: true }))).toMatchObject({ pid })
  for (const stale of [
    JSON.stringify({ pid, ready: true }),
    JSON.stringify({ pid, born: 'at another time' }),
    JSON.stringify({ pid: 'x', born: 'y' }),
    '{"pid": 1',
    '',
    'null',
    '[]',
  ])
    expect(of(stale)).toBeUndefined()
})

test('what a stack of this home left behind is ended, and nothing else', async () => {
  const [own, other, none] = await Promise.all([
    staying({ [MARK]: realpathSync(folder) }),
    staying({ [MARK]: `${realpathSync(folder)}x` }),
    staying(),
  ])
  expect(await endStrays(folder)).toBe(1)
  expect([own, other, none].map(c => bornAt(c.pid!) !== undefined)).toEqual([false, true, true])
})

test('ports that make no sense are the usual ones', () => {
  const h = { ports: join(folder, 'ports.json') } as Home
  const usual = lastPorts(h)
  for (const text of ['', 'garbage', '{"temporal": -1, "ui": 1e9, "serving": "8470"}', 'null', '[1]']) {
    writeFileSync(h.ports, text)
    expect(lastPorts(h)).toEqual(usual)
  }
  writeFileSync(h.ports, '{"temporal": 1234}')
  expect(lastPorts(h)).toEqual({ ...usual, temporal: 1234 })
})

/** What becomes of a process that ends at once, with time that flies. */
async function cached(code: string, wasReady: boolean): Promise<string> {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const flies = setInterval(() => vi.advanceTimersByTime(1000), 10)
  let runs = 0
  try {
    return await new Promise(hopeless => {
      const keeper = new Keeper(
        'child',
        join(folder, 'child.log'),
        async out => {
          runs++
          if (runs === 1 && wasReady) keeper.isReady()
          if (runs === 7) hopeless('started again')
          return spawn('/bin/sh', ['-c', code], { stdio: ['ignore', out, out] })
        },
        { changed() {}, hopeless: why => hopeless(`${runs} times: ${why}`) },
      )
      void keeper.begin()
    })
  } finally {
    clearInterval(flies)
    vi.useRealTimers()
  }
}

test('what never gets ready is given up with its last words; what was ready once is started again', async () => {
  const words = `echo 'Error: the port is taken'; echo '    at nowhere'; exit 3`
  expect(await cached(words, false)).toBe('5 times: child ended (3): Error: the port is taken, 5 times')
  expect(await cached(words, true)).toBe('started again')
})
