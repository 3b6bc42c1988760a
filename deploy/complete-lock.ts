// Adds to package-lock.json a stub for every optional dependency that npm left out (binaries of other platforms that the
// registry lacked), because `npm ci` refuses a lock file without them. Run after each `npm install`.
import { readFileSync, writeFileSync } from 'node:fs'

interface Entry {
  version?: string
  optional?: boolean
  os?: string[]
  cpu?: string[]
  optionalDependencies?: Record<string, string>
}

const file = new URL('../package-lock.json', import.meta.url)

/** Every optional dependency without an entry, as [place of the stub, version]. */
export function missingOptionals(lock: { packages: Record<string, Entry> }): [string, string][] {
  const missing = new Map<string, string>()
  for (const [place, entry] of Object.entries(lock.packages))
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      let at = place
      let found = false
      for (;;) {
        found = `${at ? `${at}/` : ''}node_modules/${name}` in lock.packages
        if (found || at === '') break
        at = at.includes('/node_modules/') ? at.slice(0, at.lastIndexOf('/node_modules/')) : ''
      }
      if (!found) missing.set(`node_modules/${name}`, version)
    }
  return [...missing].sort(([a], [b]) => (a < b ? -1 : 1))
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  const stubs = missingOptionals(lock)
  for (const [place, version] of stubs) lock.packages[place] = { version, optional: true, os: ['none'], cpu: ['none'] }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`package-lock.json: ${stubs.length} stubs added`)
}
