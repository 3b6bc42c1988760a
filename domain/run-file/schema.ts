// Walks a zod schema key by key: for the page of the run file, for suggestions, and for tests that must not forget a key.
import type { z } from 'zod'

/** What a schema is made of, as far as it is read here: by its type some of these. */
interface Def {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly items?: readonly z.ZodType[]
  readonly options?: readonly z.ZodType[]
  readonly valueType?: z.ZodType
  readonly defaultValue?: unknown
  readonly entries?: Readonly<Record<string, string>>
  readonly values?: readonly unknown[]
}
export const def = (s: z.ZodType): Def => s.def as unknown as Def

/** A key, with the schema of its value under defaults and the like. */
export interface SchemaKey {
  /** `a.b`; `*` stands for an element of a list or a free key. */
  readonly path: string
  readonly schema: z.ZodType
  readonly description: string | undefined
  /** Undefined where there is none; keys of an object that may be left out have theirs. */
  readonly default: unknown
  readonly required: boolean
  /** One of several, of which exactly one stands there. */
  readonly alternative: boolean
  readonly example: unknown
}

function peeled(path: string, outer: z.ZodType): SchemaKey {
  const layers = [outer]
  for (let s: z.ZodType | undefined = outer; (s = def(s).innerType ?? def(s).in);) layers.push(s)
  const first = <T>(of: (s: z.ZodType) => T | undefined): T | undefined => layers.map(of).find(v => v !== undefined)
  const types = layers.map(s => def(s).type)
  return {
    path,
    schema: layers.at(-1)!,
    description: first(s => s.description),
    default: layers.map(def).findLast(d => d.type === 'default')?.defaultValue,
    required: !types.some(t => ['default', 'prefault', 'optional'].includes(t)),
    alternative: false,
    example: first(s => (s.meta() as { examples?: readonly unknown[] } | undefined)?.examples?.[0]),
  }
}

/** Objects that stand directly below a schema, with the path that leads to them: through lists, records and alternatives. */
function* objects(
  schema: z.ZodType,
  path: string,
  alternative = false,
): Generator<{ path: string; shape: NonNullable<Def['shape']>; alternative: boolean }> {
  const d = def(peeled(path, schema).schema)
  if (d.shape) yield { path, shape: d.shape, alternative }
  for (const o of d.options ?? []) yield* objects(o, path, true)
  const below = d.element ?? d.valueType
  if (below) yield* objects(below, `${path}*.`)
}

/** Every key at every depth, in the order of the schema; of alternatives all. @param path that stands before */
export function* schemaKeys(schema: z.ZodType, path = ''): Generator<SchemaKey> {
  for (const o of objects(schema, path))
    for (const [name, value] of Object.entries(o.shape)) {
      yield { ...peeled(`${o.path}${name}`, value), alternative: o.alternative }
      yield* schemaKeys(value, `${o.path}${name}.`)
    }
}

/** Edits (a letter added, left out, changed, or two swapped) from `a` to `b`. */
function distance(a: string, b: string): number {
  const d = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_y, j) => (i === 0 ? j : i)),
  )
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      d[i]![j] = Math.min(d[i - 1]![j]! + 1, d[i]![j - 1]! + 1, d[i - 1]![j - 1]! + Number(a[i - 1] !== b[j - 1]))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        d[i]![j] = Math.min(d[i]![j]!, d[i - 2]![j - 2]! + 1)
    }
  return d[a.length]![b.length]!
}

/** The one of `names` that somebody may have meant, if any is near. */
export function nearest(wrong: string, names: readonly string[]): string | undefined {
  const far = Math.max(1, Math.floor(wrong.length * 0.4))
  const ranked = names
    .map(n => [distance(wrong.toLowerCase(), n.toLowerCase()), n] as const)
    .sort((a, b) => a[0] - b[0])
  return ranked[0] && ranked[0][0] <= far ? ranked[0][1] : undefined
}

export const didYouMean = (meant: string | undefined): string => (meant === undefined ? '' : `; did you mean ${meant}?`)

/** `; did you mean a.b?` for an unknown key: one beside it, or one of that name elsewhere. @param at path of the object that holds it */
export function suggestion(schema: z.ZodType, at: readonly PropertyKey[], wrong: string): string {
  const all = [...schemaKeys(schema)].map(k => k.path)
  const parent = at.map(p => (typeof p === 'number' ? '*' : `${String(p)}`))
  const before = parent.map(p => `${p}.`).join('')
  const beside = all.filter(p => p.startsWith(before) && !p.slice(before.length).includes('.'))
  const near = nearest(
    wrong,
    beside.map(p => p.slice(before.length)),
  )
  const meant = near === undefined ? all.find(p => p.split('.').at(-1) === wrong) : [...at, near].join('.')
  return didYouMean(meant)
}
