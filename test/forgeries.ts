// Forgeries of a value, one for each field that its schema knows, so that a new field is forged without anyone thinking of it.
import type { z } from 'zod'

/** Path of what was forged, and the whole value with it. */
export type Forgery = readonly [field: string, value: unknown]

interface Def {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly getter?: () => z.ZodType
  readonly element?: z.ZodType
  readonly items?: readonly z.ZodType[]
  readonly options?: readonly z.ZodType[]
  readonly valueType?: z.ZodType
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly entries?: Readonly<Record<string, string>>
  readonly values?: readonly unknown[]
}
const defOf = (schema: z.ZodType): Def => schema.def as unknown as Def

/** The schema below wrappers that say nothing of what a value looks like. */
function bare(schema: z.ZodType): z.ZodType {
  const { type, innerType, getter } = defOf(schema)
  if (type === 'lazy') return bare(getter!())
  return innerType && type !== 'optional' && type !== 'nullable' ? bare(innerType) : schema
}

const at = (key: string | number, path: string): string => (path === '' ? String(key) : `${key}.${path}`)

export function* forgeries(given: z.ZodType, value: unknown): Generator<Forgery> {
  const schema = bare(given)
  const def = defOf(schema)
  if (def.type === 'optional' || def.type === 'nullable') {
    const none = def.type === 'optional' ? undefined : null
    if (value === none) yield ['', sample(def.innerType!)]
    else {
      yield* forgeries(def.innerType!, value)
      yield ['', none]
    }
  } else if (def.type === 'object') {
    const record = value as Readonly<Record<string, unknown>>
    for (const [k, s] of Object.entries(def.shape!))
      for (const [path, v] of forgeries(s, record[k])) yield [at(k, path), { ...record, [k]: v }]
  } else if (def.type === 'record') {
    const entries = Object.entries(value as Readonly<Record<string, unknown>>)
    const [first, second] = entries
    if (!first) return yield ['', { forged: sample(def.valueType!) }]
    for (const [path, v] of forgeries(def.valueType!, first[1]))
      yield [at(first[0], path), Object.fromEntries(entries.with(0, [first[0], v]))]
    yield [first[0], Object.fromEntries(entries.slice(1))]
    if (second && JSON.stringify(first[1]) !== JSON.stringify(second[1]))
      yield [first[0], Object.fromEntries([[first[0], second[1]], [second[0], first[1]], ...entries.slice(2)])]
  } else if (def.type === 'array' || def.type === 'tuple') {
    const list = value as readonly unknown[]
    const elements = def.type === 'array' ? list.slice(0, 1).map(() => def.element!) : def.items!
    for (const [i, s] of elements.entries())
      for (const [path, v] of forgeries(s, list[i])) yield [at(i, path), list.with(i, v)]
    if (def.type === 'tuple') return
    yield ['', [...list, list[0] ?? sample(def.element!)]]
    if (list.length > 0) yield ['', list.slice(0, -1)]
    if (list.length > 1) yield ['', [list[1], list[0], ...list.slice(2)]]
  } else if (def.type === 'union')
    yield* forgeries(
      def.options!.find(o => o.safeParse(value).success)!,
      value,
    )
  else yield ['', other(def, value)]
}

const DIGEST = 'f'.repeat(64)

/** Another value that could stand there as well. */
function other(def: Def, value: unknown): unknown {
  if (def.entries) return Object.values(def.entries).find(v => v !== value) ?? 'forged'
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (typeof value !== 'string') return 'forged'
  if (/^[0-9a-f]{64}$/.test(value)) return value === DIGEST ? 'e'.repeat(64) : DIGEST
  return /^\d{4}-\d\d-\d\dT/.test(value) ? `1999${value.slice(4)}` : `${value}x`
}

/** Something that a schema takes. */
function sample(given: z.ZodType): unknown {
  const schema = bare(given)
  const def = defOf(schema)
  if (def.type === 'nullable') return null
  if (def.type === 'array') return []
  if (def.type === 'record') return {}
  if (def.type === 'tuple') return def.items!.map(sample)
  if (def.type === 'union') return sample(def.options![0]!)
  if (def.type === 'literal') return def.values![0]
  if (def.type === 'object')
    return Object.fromEntries(
      Object.entries(def.shape!).flatMap(([k, s]) => (defOf(bare(s)).type === 'optional' ? [] : [[k, sample(s)]])),
    )
  return [...Object.values(def.entries ?? {}), 'forged', DIGEST, 1, true].find(v => schema.safeParse(v).success)
}
