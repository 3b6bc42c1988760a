// Files with keys: what is no file is refused, not waited for.
import { expect, test } from 'vitest'
import { readKey, readPublicKey } from '../../storage/provenance/envelope.ts'

test.each(['/dev/zero', '/', '/nonexistent'])('%s is no key', file => {
  for (const read of [readKey, readPublicKey])
    expect(() => read(file)).toThrow(expect.objectContaining({ type: 'ConfigError' }))
})
