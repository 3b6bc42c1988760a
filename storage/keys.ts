// Object keys: what every kind of store can hold, and which of them name refs.

const SEGMENT = /^[A-Za-z0-9_:+=@~-][A-Za-z0-9_.:+=@~-]{0,199}$/

/** @throws TypeError when `key` could leave the store, clash with its own files, or not be held by every kind of store. */
export function checkKey(key: string, kind: 'object' | 'ref'): void {
  if (key.length > 900 || !key.split('/').every(s => SEGMENT.test(s)))
    throw new TypeError(`not an object key: ${JSON.stringify(key)}`)
  if (key.startsWith('refs/') !== (kind === 'ref'))
    throw new TypeError(
      kind === 'ref'
        ? `not a ref: ${key} (refs are keys under refs/)`
        : `${key} is a ref: it is read and swapped as one`,
    )
}

/** Where buckets get hot: one prefix per stage, one for everything else of a kind. */
export const hotPrefix = (key: string): string => key.split('/', key.startsWith('artifacts/') ? 2 : 1).join('/')
