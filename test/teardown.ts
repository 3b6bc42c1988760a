// Removes what test files of one `vitest run` have shared, and ends what they left.
import { rmSync } from 'node:fs'
import { sweepAfter } from './sweep.ts'
import { template } from './system/harness.ts'

export default () => {
  sweepAfter()
  return (): void => rmSync(template(process.pid), { recursive: true, force: true })
}
