// One thread of the kernel pool: runs the kernel that it is told by name and moves the arrays of its result back.
import { move, transferableSymbol, valueSymbol } from 'piscina'
import * as kernels from '../kernels/index.ts'
import * as specimen from '../specimen/index.ts'

const known = { ...kernels, ...specimen }

function buffersOf(value: unknown, into: Set<ArrayBuffer> = new Set()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer && value.byteLength > 0) into.add(value.buffer)
  } else if (Array.isArray(value)) for (const v of value) buffersOf(v, into)
  else if (value !== null && typeof value === 'object') for (const v of Object.values(value)) buffersOf(v, into)
  return into
}

export default async function run({ name, args }: { name: keyof typeof known; args: unknown[] }): Promise<unknown> {
  const kernel = known[name] as (...a: unknown[]) => unknown
  const result = await kernel(...args)
  if (result === null || typeof result !== 'object') return result
  return move({ [transferableSymbol]: [...buffersOf(result)], [valueSymbol]: result } as never)
}
