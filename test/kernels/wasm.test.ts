// The WebAssembly of the tree is what its source compiles to.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compiled, compiledFile, sources } from '../wasm.ts'

test.each(sources)('%s', source => {
  expect(readFileSync(compiledFile(source), 'utf8')).toBe(compiled(source))
})
