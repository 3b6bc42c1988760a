// One thread of the kernel pool: runs the kernel that it is told by name and moves the arrays of its result back.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { tickIn } from '../../kernels/tick.ts'
import { LEAST } from '../../storage/formats/pool.ts'
import { buffersOf } from './buffers.ts'
import { checkout } from '../home.ts'

/** Every function that a file of these rooms exports, by its name. */
const files = ['kernels', 'specimen'].flatMap(room =>
  readdirSync(join(checkout, room), { recursive: true, encoding: 'utf8' })
    // AssemblyScript is compiled already, and no TypeScript.
    .filter(f => f.endsWith('.ts') && !f.endsWith('.as.ts'))
    .map(f => join(checkout, room, f)),
)
const known: Readonly<Record<string, (...args: unknown[]) => unknown>> = Object.assign(
  {},
  ...(await Promise.all(files.map(f => import(pathToFileURL(f).href)))),
)

interface Call {
  readonly name: string
  readonly args: unknown[]
  readonly ticks?: Int32Array
}

export default async function run({ name, args, ticks }: Call): Promise<unknown> {
  tickIn(ticks)
  const kernel = known[name]
  if (!kernel) throw new Error(`no file of kernels/ exports ${name}`)
  const result = await kernel(...args)
  const given = buffersOf(result)
  // Volumes that nobody needs any more go back to the pool; the rest at once: the collector of garbage would come later, and more often.
  const spent = [...buffersOf(args)].filter(b => !given.has(b))
  const large = spent.filter(b => b.byteLength >= LEAST)
  for (const buffer of spent) if (buffer.byteLength < LEAST) buffer.transfer(0)
  return move({ [transferableSymbol]: [...given, ...large], [valueSymbol]: { result, spent: large } } as never)
}
