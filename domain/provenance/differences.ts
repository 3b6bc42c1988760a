// Where two JSON values that should be equal part, field by field.

export interface Difference {
  /** Path of the field, `layers.em.mips.0.factor.2`. */
  readonly field: string
  readonly expected: string
  readonly found: string
}

/** Letters of a value that are shown. */
const SHOWN = 100

const shown = (v: unknown): string => {
  const text = v === undefined ? 'nothing' : JSON.stringify(v)
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text
}

const isTree = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null

/** Absent fields and `undefined` are the same; neither knows of the other's fields beforehand, so that none is overlooked. */
export function differences(expected: unknown, found: unknown, field = ''): Difference[] {
  if (isTree(expected) && isTree(found) && Array.isArray(expected) === Array.isArray(found))
    return [...new Set([...Object.keys(expected), ...Object.keys(found)])].flatMap(k =>
      differences(expected[k], found[k], field === '' ? k : `${field}.${k}`),
    )
  return Object.is(expected, found) ? [] : [{ field, expected: shown(expected), found: shown(found) }]
}
