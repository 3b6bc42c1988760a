// `node test/wasm.ts`: compiles the kernels in AssemblyScript (kernels/wasm/*.as.ts) to the WebAssembly that the tree holds, in base64.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = join(import.meta.dirname, '../kernels/wasm')

export const sources = readdirSync(folder).filter(f => f.endsWith('.as.ts'))

/** File of the tree that holds what a source compiles to. */
export const compiledFile = (source: string): string => join(folder, source.replace('.as.ts', '.wasm.ts'))

/** What that file has to hold. */
export function compiled(source: string): string {
  const out = mkdtempSync(join(tmpdir(), 'hillock-wasm-'))
  try {
    const asc = fileURLToPath(import.meta.resolve('assemblyscript/bin/asc.js'))
    const options = ['--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert', '--importMemory']
    execFileSync(process.execPath, [asc, join(folder, source), ...options, '--outFile', join(out, 'out.wasm')])
    const base64 = readFileSync(join(out, 'out.wasm')).toString('base64')
    return `// Compiled from ${source} by test/wasm.ts.\nexport const ${source.split('.')[0]}Wasm =\n  '${base64}'\n`
  } finally {
    rmSync(out, { recursive: true })
  }
}

if (import.meta.main) for (const source of sources) writeFileSync(compiledFile(source), compiled(source))
