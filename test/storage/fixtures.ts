// What the tests of the storage room share: a store in a fresh folder, a recipe, an attempt, children to kill, the data folder.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { release } from '../../storage/formats/pool.ts'
import type { ObjectStore } from '../../storage/object-store.ts'

export * from './formats/fixtures-plain.ts'

/** The next read of so many bytes gets memory that was used before: what it does not write shows. */
export const useAgain = (bytes: number): void => release(new Uint8Array(Math.floor(1.5 * bytes)).fill(0xa5).buffer)

export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hillock-store-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A store of immutable objects in memory, for tests of what is written rather than of how. */
export function memoryStore(): ObjectStore {
  const objects = new Map<string, Uint8Array<ArrayBuffer>>()
  const none = (): never => {
    throw new Error('the memory store has no refs')
  }
  return {
    url: 'memory://',
    get: async key => objects.get(key)?.slice(),
    getRange: async (key, offset, length) => objects.get(key)?.slice(offset, offset + length),
    size: async key => objects.get(key)?.length,
    putIfAbsent: async (key, bytes) => {
      if (objects.has(key)) return 'exists'
      objects.set(key, new Uint8Array(bytes))
      return 'created'
    },
    readRef: none,
    swapRef: none,
    remove: async key => void objects.delete(key),
    async *list(prefix, after = '') {
      yield* [...objects.keys()].filter(k => k.startsWith(prefix) && k > after).sort()
    },
  }
}

/** A child process that runs `task` of writer-process.ts; resolves once it is about to begin. */
export async function startWriter(
  task: string,
  url: string,
  count: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ child: ChildProcess; output: () => string; done: Promise<void> }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'writer-process.ts'), task, url, count], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  let text = ''
  child.stdout.on('data', chunk => (text += String(chunk)))
  const done = new Promise<void>(r => child.on('close', () => r()))
  await new Promise<void>((ok, no) => {
    child.on('exit', code => no(new Error(`writer ended with ${code} before it began`)))
    child.stdout.on('data', () => text.includes('ready\n') && ok())
  })
  return { child, output: () => text, done }
}

export const dataFolder = resolve(process.env['HILLOCK_DATA'] ?? join(import.meta.dirname, '../../../shared/data'))
export const hasData = existsSync(dataFolder)
