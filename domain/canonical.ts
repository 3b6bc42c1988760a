// Canonical JSON: one byte string per value, so that equal records have equal digests (the form of RFC 8785).

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/**
 * A short name for a value, by two 32-bit FNV-1a passes over its canonical JSON: where a workflow needs one, which has no
 * cryptographic digest and needs none.
 */
export function fingerprint(value: Json): string {
  const text = canonicalJson(value)
  let [a, b] = [0x811c9dc5, 0xcbf29ce4]
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    a = Math.imul(a ^ c, 0x01000193)
    b = Math.imul(b ^ (c + i), 0x01000193)
  }
  return [a, b].map(h => (h >>> 0).toString(16).padStart(8, '0')).join('')
}

/**
 * JSON with keys in code-unit order, no white space, absent keys left out.
 * @throws TypeError for what JSON cannot hold exactly: NaN, infinities, bigint, functions.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`canonical JSON cannot hold ${value}`)
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(v => canonicalJson(v as Json)).join(',')}]`
  if (typeof value !== 'object') throw new TypeError(`canonical JSON cannot hold a ${typeof value}`)
  const record = value as { readonly [key: string]: Json | undefined }
  const entries = Object.keys(record)
    .filter(k => record[k] !== undefined)
    .sort()
    .map(k => `${JSON.stringify(k)}:${canonicalJson(record[k]!)}`)
  return `{${entries.join(',')}}`
}
