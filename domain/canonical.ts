// Canonical JSON: one byte string per value, so that equal records have equal digests (the form of RFC 8785).

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
type JsonObject = { readonly [key: string]: Json | undefined }

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
  if (isInOrder(value)) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  return canonicalObject(canonicalMembers(value as JsonObject))
}

type Members = readonly (readonly [key: string, text: string])[]

/** The members of an object, in their order, each as `"key":value`. */
export const canonicalMembers = (object: JsonObject): Members =>
  Object.keys(object)
    .filter(key => object[key] !== undefined)
    .sort()
    .map(key => [key, `${JSON.stringify(key)}:${canonicalJson(object[key]!)}`])

export const canonicalObject = (members: Members): string => `{${members.map(([, text]) => text).join(',')}}`

/** Whether JSON.stringify, which is several times as fast, writes the same. @throws TypeError as canonicalJson does */
function isInOrder(value: Json): boolean {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return true
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`canonical JSON cannot hold ${value}`)
  if (typeof value === 'number') return true
  if (typeof value !== 'object') throw new TypeError(`canonical JSON cannot hold a ${typeof value}`)
  if (Array.isArray(value)) return value.every(isInOrder)
  const object = value as JsonObject
  let before: string | undefined
  for (const key of Object.keys(object)) {
    if (before !== undefined && key < before) return false
    if (object[key] !== undefined && !isInOrder(object[key])) return false
    before = key
  }
  return true
}
