// Every key of the run file, walked from its schema, and another value for each: a key that is added is covered without anyone thinking of it.
import { z } from 'zod'
import { parseRunConfig, RunConfig, setPath } from '../../domain/config.ts'

interface Node {
  readonly $ref?: string
  readonly anyOf?: readonly Node[]
  readonly oneOf?: readonly Node[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly items?: Node
  readonly prefixItems?: readonly Node[]
  readonly additionalProperties?: Node | boolean
  readonly propertyNames?: Node
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly type?: string
  readonly pattern?: string
  readonly format?: string
}
type Tree = Record<string, unknown>

const schema = z.toJSONSchema(RunConfig, { io: 'input', unrepresentable: 'any' }) as Node & {
  $defs?: Record<string, Node>
}

/** Leaves by path: `a.b.c`; elements of lists of objects are walked as element 0 (`tiles.0.x`). All forms that a key may have. */
export const leaves: ReadonlyMap<string, readonly Node[]> = (() => {
  const out = new Map<string, Node[]>()
  const walk = (n: Node, path: string): void => {
    const forms = n.anyOf ?? n.oneOf
    if (n.$ref) walk(schema.$defs![n.$ref.split('/').at(-1)!]!, path)
    else if (forms) for (const f of forms) walk(f, path)
    else if (n.properties) for (const [k, v] of Object.entries(n.properties)) walk(v, path === '' ? k : `${path}.${k}`)
    else if (n.items && (n.items.properties ?? n.items.$ref)) walk(n.items, `${path}.0`)
    else if (n.type !== 'null') out.set(path, [...(out.get(path) ?? []), n])
  }
  walk(schema, '')
  return out
})()

const at = (tree: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((t, k) => (t as Tree | undefined)?.[k], tree)

/** Whether a run file says anything where a key would stand, so that the key could be added to it. */
export const hasPlaceFor = (tree: unknown, path: string): boolean => {
  const parent = path.split('.').slice(0, -1)
  const needed = parent.findLastIndex(k => k === '0' || k in { phantom: 0, volume: 0 })
  return needed < 0 || at(tree, parent.slice(0, needed + 1).join('.')) !== undefined
}

/** Values of the form `n`, none of them `now`; likely ones first. */
function* others(n: Node, now: unknown): Generator<unknown> {
  if (n.const !== undefined) yield n.const
  else if (n.enum) yield* n.enum
  else if (n.type === 'boolean') yield now !== true
  else if (n.type === 'number' || n.type === 'integer') {
    const v = typeof now === 'number' ? now : 8
    yield* [v * 1.25, v + 1, v - 1, v * 2, v / 2, v + 8, v + 64, 0.5, 1, 2, 100]
  } else if (n.type === 'array') {
    const v = Array.isArray(now) ? now : undefined
    const each = n.prefixItems ?? (n.items ? [n.items] : [])
    for (let i = 0; i < each.length; i++)
      for (const other of others(each[i]!, v?.[i])) yield (v ?? each.map(() => other)).with(i, other)
    if (v?.length) for (const scaled of [1.25, 2, 0.5]) yield v.map(x => (typeof x === 'number' ? x * scaled : x))
  } else if (n.format?.startsWith('date')) yield n.format === 'date' ? '2031-02-03' : '2031-02-03T04:05:06Z'
  else if (n.type === 'string' && n.pattern === undefined) yield `${typeof now === 'string' ? now : ''} other`.trim()
  else if (n.type === 'string') yield* [`${String(now)}b`, '0_0_0', '1_0_0', 'other']
  else if (n.type === 'object') {
    const key = (n.propertyNames?.enum as string[] | undefined)?.at(-1) ?? 'other'
    const value = typeof n.additionalProperties === 'object' ? n.additionalProperties : {}
    for (const other of others(value, undefined)) yield { ...(now as object), [key]: other }
  }
}

/**
 * `tree` with another value at `path`: one of `known`, or the first made from the schema that makes a valid run file.
 * Undefined where none does.
 */
export function changed(tree: object, path: string, known: readonly unknown[] = []): RunConfig | undefined {
  const now = at(parseRunConfig(tree, 'base'), path)
  const forms = leaves.get(path)!
  for (const value of known.length ? known : forms.flatMap(n => [...others(n, now)])) {
    if (JSON.stringify(value) === JSON.stringify(now)) continue
    const copy = structuredClone(tree) as Tree
    setPath(copy, path, value)
    try {
      const config = parseRunConfig(copy, path)
      if (JSON.stringify(at(config, path)) !== JSON.stringify(now)) return config
    } catch {
      // Not valid: the next one.
    }
  }
  return undefined
}
