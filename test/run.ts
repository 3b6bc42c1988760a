// `make test`: static checks, the emulator of the bucket, then every test; ends in one line that counts them.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emulatorBinary } from './gcs/emulator.ts'
import { sweepAfter } from './sweep.ts'

const checks: [string, string[]][] = [
  ['tsc', ['--noEmit']],
  ['oxlint', ['--type-aware', '--quiet']],
  ['oxfmt', ['--check', '.']],
  ['knip', ['--no-progress']],
]
let passed = 0
let failed = 0
let skipped = 0
for (const [tool, args] of checks) {
  const run = spawnSync(join('node_modules/.bin', tool), args, { encoding: 'utf8' })
  const ok = run.status === 0
  if (ok) passed++
  else failed++
  console.log(`${ok ? '✓' : '✗'} ${tool} ${args.join(' ')}`)
  if (!ok) console.log(`${run.stdout}${run.stderr}`.split('\n').slice(0, 60).join('\n'))
}

try {
  // Here, and not in a test: nothing else would run meanwhile.
  emulatorBinary()
} catch (e) {
  console.log(`${(e as Error).message}: the tests that need it will fail`)
}
const report = join(mkdtempSync(join(tmpdir(), 'hillock-test-')), 'report.json')
sweepAfter()
const tests = spawn(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
)
// An interrupt ends it at once, and with it all that was started.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))
await new Promise(ended => tests.once('exit', ended))
interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numFailedTestSuites: number
  testResults: { status: string; assertionResults: unknown[] }[]
}
try {
  const r = JSON.parse(readFileSync(report, 'utf8')) as Report
  passed += r.numPassedTests
  // A file that does not even load has no tests to count.
  failed +=
    r.numFailedTests + r.testResults.filter(f => f.status === 'failed' && f.assertionResults.length === 0).length
  skipped += r.numPendingTests
} catch {
  failed++
  console.log('the test runner left no report')
}
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 ? 0 : 1)
