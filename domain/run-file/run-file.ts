// The page of the run file: every key with what it means, its type, default and an example, printed from the schema.
import type { z } from 'zod'
import { RunConfig } from '../config.ts'
import { def, schemaKeys, type SchemaKey } from './schema.ts'

interface Limits {
  readonly format?: string | null
  readonly minValue?: number | null
  readonly maxValue?: number | null
}

/** What may stand there, in words: `whole number, 1 to 255`. */
export function typeOf(schema: z.ZodType): string {
  const d = def(schema)
  const { format, minValue, maxValue } = schema as unknown as Limits
  switch (d.type) {
    case 'enum':
      return Object.values(d.entries!).join(', ')
    case 'literal':
      return d.values!.join(', ')
    case 'number': {
      const within = (n: number | null | undefined): number | null =>
        typeof n === 'number' && Math.abs(n) < Number.MAX_SAFE_INTEGER ? n : null
      const [lo, hi] = [within(minValue), within(maxValue)]
      const open = lo !== null && !schema.safeParse(lo).success
      const from = lo === null ? '' : open ? `above ${lo}` : `from ${lo}`
      const range = [from, hi === null ? '' : `to ${hi}`].filter(Boolean).join(' ')
      return [format === 'safeint' ? 'whole number' : 'number', range].filter(Boolean).join(', ')
    }
    case 'tuple':
      return `[${d.items!.map(typeOf).join('; ')}]`
        .replace(/^\[(.+); \1; \1\]$/, 'three of: $1')
        .replace(/^\[(.+); \1\]$/, 'two of: $1')
    case 'array':
      return `list of ${typeOf(d.element!)}`
    case 'union':
      return [...new Set(d.options!.map(typeOf))].join(' or ')
    case 'string':
      return format === 'date' || format === 'datetime' ? format : 'text'
    case 'object':
    case 'record':
      return 'keys'
    default:
      return d.innerType ? typeOf(d.innerType) : d.type
  }
}

const yaml = (value: unknown): string =>
  value === undefined
    ? ''
    : `\`${JSON.stringify(value)
        .replaceAll(/"([A-Za-z_][\w./-]*)"/g, '$1')
        .replaceAll(',', ', ')
        .replaceAll(/([\w-]):(?!\/\/)/g, '$1: ')}\``

/** A value that may stand there, where the key does not hold others. */
export function exampleOf(k: SchemaKey): unknown {
  if (k.example !== undefined) return k.example
  if (k.default !== undefined) return k.default
  const { entries } = def(k.schema)
  return entries && Object.values(entries)[0]
}

const row = (k: SchemaKey): string => {
  const type = typeOf(k.schema)
  const bare = k.alternative ? 'one of these' : k.required ? '**required**' : type === 'keys' ? '' : 'none'
  const given = k.default === undefined ? bare : yaml(k.default)
  return `| \`${k.path}\` | ${(k.description ?? '').replaceAll('|', '\\|')} | ${type} | ${given} | ${yaml(exampleOf(k))} |`
}

/** The keys of the top that hold others have a table of their own; so has every stage that has parameters. */
export function runFileMarkdown(): string {
  const keys = [...schemaKeys(RunConfig)]
  const group = (k: SchemaKey): string => {
    const [first, second] = k.path.split('.') as [string, string?]
    if (first === 'stages' && second) return `stages.${second}`
    return keys.some(o => o.path.startsWith(`${first}.`)) ? first : ''
  }
  const groups = Map.groupBy(keys, group)
  const head = ['| key | what it is | what may stand there | default | example |', '|---|---|---|---|---|']
  const tables = [...groups].flatMap(([name, own]) => {
    const rows = own.filter(k => k.path !== name)
    const about = own.find(k => k.path === name)?.description
    if (rows.length === 0) return []
    return [
      '',
      `## ${name === '' ? 'The file' : `\`${name}\``}`,
      '',
      ...(about ? [about, ''] : []),
      ...head,
      ...rows.map(row),
    ]
  })
  return [
    '# The run file',
    '',
    'Printed from the schema in `domain/config.ts` and `domain/stages.ts` by `./hillock run-file`; a test holds this page to it.',
    '',
    'One YAML file says what is reconstructed, from which images, with which parameters. What is left out has its default; a key that is not here is refused. Vectors are x, y, z; boxes are `{ min: [x, y, z], max: [x, y, z] }`, the upper corner excluded; paths are relative to the file, and `${HILLOCK_DATA}` stands for that variable. Wherever a file or folder is named, a URL may stand too: `http(s)://`, `gs://`, `file://` ([what a run file names](import.md#what-a-run-file-names)). `*` in a key is an element of a list, or a name. `--set key=value` overrides any of them on the command line.',
    '',
    '```yaml',
    'dataset: demo',
    'voxelSizeNm: [10, 10, 10]',
    'source: { layout: tiles/layout.json }',
    'grid: { block: [128, 128, 64], region: [256, 256, 128] }',
    'stages: { agglomerate: { threshold: 0.5 } }',
    'evaluate: { truth: truth.npy.gz }',
    'release: { approval: required, gate: { voiSum: 0.7 } }',
    '```',
    ...tables,
    '',
  ].join('\n')
}
