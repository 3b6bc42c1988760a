// The thread pool finds a kernel by its name alone: each name stands for one function.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkout } from '../../worker/home.ts'

test('no two functions that kernels/ and specimen/ export share a name', async () => {
  const known = new Map<string, unknown>()
  for (const room of ['kernels', 'specimen'])
    // AssemblyScript (.as.ts) is no module of Node's: what is compiled from it is.
    for (const file of readdirSync(join(checkout, room), { recursive: true, encoding: 'utf8' }).filter(
      f => f.endsWith('.ts') && !f.endsWith('.as.ts'),
    ))
      for (const [name, value] of Object.entries((await import(join(checkout, room, file))) as object))
        if (typeof value === 'function') {
          expect(value.name, file).toBe(name)
          expect(known.get(name) ?? value, name).toBe(value)
          known.set(name, value)
        }
  expect(known.size).toBeGreaterThan(100)
})
